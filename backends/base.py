"""The contract of a backend: what it is asked, what it answers, how it fails.

Our error hierarchy:

    BackendError
      BackendUnavailable      trying again may help; another profile may stand in
        BackendTimeout
        BackendRateLimited    .retry_after, seconds
      BackendRefused          the model declines; trying again does not help
      BackendMisconfigured    a key, a model name, a folder: an admin must act
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from backends.services import Services


class BackendError(Exception):
    """A backend could not answer. The message is fit for an admin, not for a chat."""


class BackendUnavailable(BackendError):
    """The backend, or what it depends on, is down for now."""


class BackendTimeout(BackendUnavailable):
    """No answer came within the profile's time."""


class BackendRateLimited(BackendUnavailable):
    """The model's server asks us to wait."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BackendRefused(BackendError):
    """The model or its server declines this question."""


class BackendMisconfigured(BackendError):
    """The profile cannot work as it is configured; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document, as retrieval hands it on.

    `support` is how well retrieval as a whole backs the question, 0 to 1; `score` only
    orders the passages of one search.
    """

    id: str
    document: str
    title: str
    section: str
    text: str
    uri: str = ""
    page: int | None = None
    labels: frozenset[str] = frozenset()
    score: float = 0.0
    support: float = 0.0


@dataclass(frozen=True, slots=True)
class PastTurn:
    """One question that was asked before in this conversation, and its answer."""

    question: str
    answer: str
    author: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with this conversation: its text, or an image's bytes."""

    name: str
    text: str = ""
    image: bytes = b""
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question, with all a backend may know when it answers.

    `audience` holds the labels that the place of the answer may see; a passage without
    one of them must never reach a prompt. `stable_key` is the same for each attempt at
    the same question.
    """

    question: str
    history: tuple[PastTurn, ...] = ()
    summary: str = ""
    audience: frozenset[str] = frozenset()
    author: str = ""
    stable_key: str = ""
    files: tuple[File, ...] = ()


class EndReason(StrEnum):
    """Why an answer ended."""

    COMPLETE = "complete"
    LENGTH = "length"
    ABSTAINED = "abstained"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Text:
    """Some more of the answer, in Markdown."""

    delta: str


@dataclass(frozen=True, slots=True)
class Citation:
    """The passage behind marker `[number]` in the answer's text."""

    number: int
    passage: Passage
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What the backend is doing, for a person who waits ("searching the handbook")."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that the model's server counted."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class End:
    """The last chunk of each answer; a stream without it is a failed answer."""

    reason: EndReason = EndReason.COMPLETE


Chunk = Text | Citation | Step | Usage | End


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a backend can answer now. `detail` names the fix when it cannot."""

    ok: bool
    detail: str = ""
    model: str = ""
    shutdown_date: date | None = None


class Backend(Protocol):
    """Answers turns. One instance serves a profile, for many conversations at once."""

    def answer(self, turn: Turn) -> AsyncIterator[Chunk]:
        """Stream the answer; the last chunk is an `End`. Closing the stream cancels."""
        ...

    async def health(self) -> Health:
        """Tell, within a few seconds, whether `answer` would work. Never raises."""
        ...

    async def aclose(self) -> None:
        """Give connections back."""
        ...


class HasModel(Protocol):
    """What a backend may offer besides: how its model is, and how long it is there."""

    async def model_health(self) -> Health: ...


class Summarises(Protocol):
    """What a backend may offer besides: fold old turns into a running summary."""

    async def summarise(self, summary: str, turns: tuple[PastTurn, ...]) -> str: ...


@dataclass(frozen=True, slots=True)
class Profile:
    """A named backend of the configuration; `options` is the rest of its table."""

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    fallback: str | None = None
    memory_tokens: int = 2_000


Factory = Callable[[Profile, "Services"], Backend]
"""What an entry point of the group `curbside.backends` names."""

__all__ = [
    "Backend",
    "BackendError",
    "BackendMisconfigured",
    "BackendRateLimited",
    "BackendRefused",
    "BackendTimeout",
    "BackendUnavailable",
    "Chunk",
    "Citation",
    "End",
    "EndReason",
    "Factory",
    "File",
    "HasModel",
    "Health",
    "Passage",
    "PastTurn",
    "Profile",
    "Step",
    "Summarises",
    "Text",
    "Turn",
    "Usage",
]
