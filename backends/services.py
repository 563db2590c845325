"""What the program gives to each backend when it is made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from backends.base import Passage, PastTurn


@dataclass(frozen=True, slots=True)
class Focus:
    """What a search follows besides the question.

    `rewritten` is the question as a model made it stand alone. A label of `labels`
    raises the scores of its passages by that share, and `recent` those of documents by
    their date. When all that the audience may see has at most `whole` words, all is
    given, the best first.
    """

    rewritten: str = ""
    labels: Mapping[str, float] = field(default_factory=dict)
    recent: float = 0.0
    whole: int = 0


PLAIN = Focus()


class Search(Protocol):
    """Retrieval, as backends see it."""

    async def search(
        self,
        question: str,
        history: tuple[PastTurn, ...],
        audience: frozenset[str],
        limit: int,
        focus: Focus = PLAIN,
    ) -> list[Passage]:
        """The passages that this audience may see, best first; [] when none fits.

        Raises BackendUnavailable when the vector store does not answer.
        """
        ...

    async def is_empty(self) -> bool:
        """Whether there is no document at all."""
        ...


@dataclass(frozen=True, slots=True)
class ModelDefaults:
    """The model server that a profile uses unless it names its own."""

    base_url: str | None = None
    model: str | None = None
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class Services:
    """Shared by all backends of a process.

    `search` opens the knowledge of a collection on first use; `embed` turns texts into
    vectors (a float32 array of shape (texts, dimensions)), None without embeddings;
    `collection` is the one that a profile uses unless it names its own; `contacts` says
    for a label who may know what the documents do not.
    """

    data_dir: Path
    search: Callable[[str], Awaitable[Search]]
    embed: Callable[[list[str]], Awaitable[Any]] | None = None
    model: ModelDefaults = field(default_factory=ModelDefaults)
    collection: str = "documents"
    contacts: Mapping[str, str] = field(default_factory=dict)
