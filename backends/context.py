"""What goes into a prompt besides the question: nothing, examples, or passages."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from backends.base import BackendError, Passage, Turn
from backends.prompt import Example
from backends.rewriting import Rewriter
from backends.services import PLAIN, Focus, Services

CHECK_SECONDS = 2.5
SPARE = 2  # passages asked for besides, in the place of copies


@dataclass(frozen=True, slots=True)
class Context:
    """What was found for a question."""

    passages: tuple[Passage, ...] = ()
    examples: tuple[Example, ...] = ()
    empty: bool = False  # there are no documents yet


class ContextSource(Protocol):
    """Finds it. `step` tells a person who waits what is done; empty when it is quick.

    Where passages are `needed`, a question without any is not given to a model.
    """

    step: str
    needed: bool

    async def gather(self, turn: Turn) -> Context: ...

    async def check(self) -> str:
        """What is wrong with it, for an admin; empty when nothing is. Never raises."""
        ...


class Nothing:
    """The model knows by itself."""

    step = ""
    needed = False

    async def gather(self, turn: Turn) -> Context:
        """No context."""
        return Context()

    async def check(self) -> str:
        """Nothing can be wrong with it."""
        return ""


class Passages:
    """The passages of a collection that fit the question and its audience."""

    needed = True

    def __init__(
        self,
        services: Services,
        collection: str,
        limit: int,
        focus: Focus = PLAIN,
        rewriter: Rewriter | None = None,
    ) -> None:
        self._services = services
        self._focus = focus
        self._rewriter = rewriter
        self._collection = collection or services.collection
        self._limit = limit
        named = "" if self._collection == "documents" else f"{self._collection} "
        self.step = f"Searching the {named}documents"

    async def gather(self, turn: Turn) -> Context:
        """Search. Raises BackendUnavailable when the store does not answer."""
        # Asked anew each time: a collection that was rebuilt has another store.
        search = await self._services.search(self._collection)
        focus = self._focus
        if self._rewriter is not None:
            rewritten = await self._rewriter.rewrite(turn.question, turn.history)
            focus = replace(focus, rewritten=rewritten)
        found = await search.search(
            turn.question, turn.history, turn.audience, self._limit + SPARE, focus
        )
        # The search filters by audience too. This is the last door before a prompt.
        allowed = [passage for passage in found if passage.labels & turn.audience]
        allowed = without_copies(allowed)
        most = None if focus.whole else self._limit
        empty = not found and await search.is_empty()
        return Context(passages=tuple(allowed[:most]), empty=empty)

    async def check(self) -> str:
        """Search once, as nobody: the way is walked and no passage comes back."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self.gather(Turn("Is the search there?"))
        except TimeoutError:
            return (
                f"search in {self._collection!r} took longer than {CHECK_SECONDS:g} s"
            )
        except BackendError as error:
            return str(error)
        return ""


def without_copies(passages: Iterable[Passage]) -> list[Passage]:
    """Passages that say, word for word, what none above them says."""
    known: dict[str, Passage] = {}
    for passage in passages:
        known.setdefault(" ".join(passage.text.split()), passage)
    return list(known.values())
