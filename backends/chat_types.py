"""The words of talking to a model: where it is, how it is asked, what it says."""

from dataclasses import dataclass, field
from datetime import date

from backends.base import EndReason, Usage


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model on a server. `name` is what messages call the one who uses it.

    `shutdown_date` is told by the profile where the server does not tell it.
    """

    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    model: str = ""
    name: str = "model"
    shutdown_date: date | None = None

    @property
    def server(self) -> str:
        return self.base_url or "api.openai.com"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for connecting, for the pause between two chunks, and for all of it."""

    connect: float = 3.0
    read: float = 20.0
    total: float = 120.0


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model chooses its words; None leaves it to the server."""

    max_tokens: int | None = 800
    temperature: float | None = 0.2
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer."""

    text: str
    reason: EndReason = EndReason.COMPLETE
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that a server lists."""

    id: str
    shutdown_date: date | None = None
