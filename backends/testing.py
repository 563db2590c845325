"""What every backend must do, as tests: for ours and for those of others.

With pytest and pytest-asyncio, a subclass and one fixture are enough:

    class TestParrot(BackendContract):
        question = "Hello?"

        @pytest.fixture
        async def backend(self):
            backend = create(Profile("parrot", "parrot"), services_for_tests())
            yield backend
            await backend.aclose()
"""

import asyncio
import re
import tempfile
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import cast

from backends.base import (
    Backend,
    Chunk,
    Citation,
    End,
    EndReason,
    Health,
    Passage,
    PastTurn,
    Step,
    Text,
    Turn,
    Usage,
)
from backends.services import PLAIN, Focus, ModelDefaults, Services

MARKER = re.compile(r"\[(\d{1,3})\]")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


class FixedSearch:
    """Retrieval over a few passages in memory; every one that may be seen is found."""

    def __init__(self, passages: Sequence[Passage] = ()) -> None:
        self.passages = list(passages)
        self.error: Exception | None = None

    async def search(
        self,
        question: str,
        history: tuple[PastTurn, ...],
        audience: frozenset[str],
        limit: int,
        focus: Focus = PLAIN,
    ) -> list[Passage]:
        """The passages with a label of the audience."""
        if self.error is not None:
            raise self.error
        return [p for p in self.passages if p.labels & audience][:limit]

    async def is_empty(self) -> bool:
        """Whether there are no passages."""
        return not self.passages


def services_for_tests(
    search: FixedSearch | None = None, model: ModelDefaults | None = None
) -> Services:
    """Services without network and without files."""
    found = search or FixedSearch()

    async def open_search(collection: str) -> FixedSearch:
        return found

    folder = Path(tempfile.gettempdir())
    return Services(folder, open_search, model=model or ModelDefaults())


async def collect(backend: Backend, turn: Turn) -> list[Chunk]:
    """All chunks of an answer."""
    return [chunk async for chunk in backend.answer(turn)]


def text_of(chunks: Sequence[Chunk]) -> str:
    """The text of an answer."""
    return "".join(chunk.delta for chunk in chunks if isinstance(chunk, Text))


class BackendContract:
    """The promises of `backends.base.Backend`.

    Set `question` and `audience` to what the backend under test can answer, and
    `seconds` to how long an answer may take.
    """

    question = "What can you do?"
    audience = frozenset({"public"})
    seconds = 5.0

    def turn(self) -> Turn:
        """The question that is asked."""
        return Turn(self.question, audience=self.audience, stable_key="contract")

    async def answer(self, backend: Backend, turn: Turn | None = None) -> list[Chunk]:
        """An answer, in time."""
        async with asyncio.timeout(self.seconds):
            return await collect(backend, turn or self.turn())

    async def test_an_answer_has_text_and_one_end_which_is_last(
        self, backend: Backend
    ) -> None:
        chunks = await self.answer(backend)

        ends = [chunk for chunk in chunks if isinstance(chunk, End)]
        assert text_of(chunks).strip(), "an answer without words"
        assert len(ends) == 1, f"{len(ends)} `End` chunks instead of one"
        assert chunks[-1] is ends[0], f"{chunks[-1]!r} comes after the end"
        assert isinstance(ends[0].reason, EndReason)

    async def test_it_gives_chunks_of_the_contract_only(self, backend: Backend) -> None:
        for chunk in await self.answer(backend):
            assert isinstance(chunk, Text | Citation | Step | Usage | End), repr(chunk)
            if isinstance(chunk, Text):
                assert chunk.delta, "a `Text` without text"

    async def test_markers_and_citations_agree(self, backend: Backend) -> None:
        chunks = await self.answer(backend)

        cited = [chunk.number for chunk in chunks if isinstance(chunk, Citation)]
        shown = {int(n) for n in MARKER.findall(CODE.sub("", text_of(chunks)))}
        assert sorted(cited) == list(range(1, len(cited) + 1)), "number from 1 to k"
        assert shown == set(cited), f"markers {shown}, but citations {set(cited)}"

    async def test_it_quotes_only_what_the_audience_may_see(
        self, backend: Backend
    ) -> None:
        for audience in (self.audience, frozenset[str]()):
            turn = Turn(self.question, audience=audience)
            for chunk in await self.answer(backend, turn):
                if isinstance(chunk, Citation):
                    assert chunk.passage.labels & audience, "quoted a hidden passage"

    async def test_it_takes_a_conversation_that_went_on_before(
        self, backend: Backend
    ) -> None:
        past = PastTurn("Are you there?", "Yes. [1]", "Ada")
        turn = Turn(
            self.question,
            history=(past, PastTurn("And now?", "Still.", "Bob")),
            summary="Ada wanted to know whether somebody is there.",
            audience=self.audience,
            author="Bob",
        )

        chunks = await self.answer(backend, turn)

        assert isinstance(chunks[-1], End)

    async def test_closing_an_answer_early_is_quick_and_harmless(
        self, backend: Backend
    ) -> None:
        stream = cast("AsyncGenerator[Chunk, None]", backend.answer(self.turn()))
        assert hasattr(stream, "aclose"), "write `answer` as an async generator"
        async with asyncio.timeout(self.seconds):
            await anext(stream)
        async with asyncio.timeout(1):
            await stream.aclose()

        assert isinstance((await self.answer(backend))[-1], End)

    async def test_a_cancelled_answer_ends_at_once(self, backend: Backend) -> None:
        task = asyncio.create_task(collect(backend, self.turn()))
        await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(1):
            results = await asyncio.gather(task, return_exceptions=True)

        assert isinstance(results[0], asyncio.CancelledError | list)
        assert isinstance((await self.answer(backend))[-1], End)

    async def test_it_answers_many_at_once(self, backend: Backend) -> None:
        answers = await asyncio.gather(*(self.answer(backend) for _ in range(8)))

        assert all(isinstance(chunks[-1], End) for chunks in answers)
        assert all(text_of(chunks).strip() for chunks in answers)

    async def test_health_is_quick_and_good(self, backend: Backend) -> None:
        async with asyncio.timeout(5):
            health = await backend.health()

        assert isinstance(health, Health)
        assert health.ok, health.detail

    async def test_it_summarises_if_it_offers_to(self, backend: Backend) -> None:
        summarise = getattr(backend, "summarise", None)
        if summarise is None:
            return
        async with asyncio.timeout(self.seconds):
            summary = await summarise("", (PastTurn("When?", "At eight.", "Ada"),))

        assert isinstance(summary, str)

    async def test_closing_it_twice_does_no_harm(self, backend: Backend) -> None:
        await self.answer(backend)

        await backend.aclose()
        await backend.aclose()
