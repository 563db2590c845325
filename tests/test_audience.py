"""Who may see what: whatever is done to documents, nobody reads what is not theirs.

Random documents, places and operations over a real collection; the model is a local
server that repeats all it was given, and prompts are looked at as they were sent.
"""

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers.openai import Asked, OpenAIServer

from backends.base import Backend, Citation, Passage, Profile, Turn
from backends.few_shot import create as create_few_shot
from backends.knowledge.library import Library
from backends.rag import create as create_rag
from backends.services import ModelDefaults, Services
from backends.silence.features import features
from backends.testing import collect, text_of
from backends.verbatim import create as create_verbatim
from bot.gaps import Gap, grouped, visible, weekly_summary
from bot.model import ConversationId
from bot.policies import audience

LABELS = ("public", "staff", "board")
SEEN_BY = {
    "default": ["public"],
    "slack": ["public", "staff"],
    "slack:T1:C-board": ["public", "staff", "board"],
    "slack:T1:C-only-board": ["board"],
    "slack:T2": [],
}
PLACES = (
    ConversationId("discord", "G1", "C1"),
    ConversationId("slack", "T1", "C1"),
    ConversationId("slack", "T1", "C-board"),
    ConversationId("slack", "T1", "C-only-board"),
    ConversationId("slack", "T2", "C1"),
)
SECRET = re.compile(r"secret-\d+")
QUESTION = "What is the secret of the house?"


class HashedWords:
    """An embedder that is quick to make."""

    name = "hashed-words"
    version = "1"
    dimensions = 16

    def embed(self, texts: Sequence[str]) -> Any:
        vectors = np.full((len(texts), self.dimensions), 0.01, np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, sum(word.encode()) % self.dimensions] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class QuickLibrary(Library):
    """A library of real stores, with an embedder that needs no weights."""

    async def _embed_with(self) -> Any:
        return HashedWords()


@dataclass
class House:
    """Documents on disk, and which labels each secret has that was taken in."""

    folder: Path
    library: Library
    server: OpenAIServer
    backends: list[Backend]
    written: dict[str, frozenset[str]] = field(default_factory=dict)
    labels: dict[str, frozenset[str]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    secrets: int = 0

    def secret(self) -> str:
        self.secrets += 1
        return f"secret-{self.secrets}"

    def path(self, number: int) -> Path:
        return self.folder / "pages" / f"page{number}.md"

    async def write(self, number: int, labels: frozenset[str]) -> None:
        """A page, new or changed; it counts from the next time that they are read."""
        text = f"# Page {number}\n\nThe secret of the house is {self.secret()}.\n"
        named = f"---\nlabels: {', '.join(sorted(labels))}\n---\n"
        self.path(number).write_text(named + text)

    async def relabel(self, number: int, labels: frozenset[str]) -> None:
        """The same words for other people."""
        if self.path(number).exists():
            text = self.path(number).read_text().partition("---\n")[2]
            rest = text.partition("---\n")[2]
            named = f"---\nlabels: {', '.join(sorted(labels))}\n---\n"
            self.path(number).write_text(named + rest)

    async def remove(self, number: int, labels: frozenset[str]) -> None:
        self.path(number).unlink(missing_ok=True)

    async def ingest(self, number: int, labels: frozenset[str]) -> None:
        report = await self.library.ingest("documents", [self.folder / "pages"])
        assert report.skipped == []
        taught = {s: own for s, own in self.labels.items() if s in self.written}
        self.labels = taught
        for page in (self.folder / "pages").glob("*.md"):
            named = re.search(r"labels: (.*)", page.read_text())
            own = frozenset(named[1].split(", ")) if named else frozenset()
            for secret in SECRET.findall(page.read_text()):
                self.labels[secret] = own

    async def reindex(self, number: int, labels: frozenset[str]) -> None:
        await self.library.reindex("documents")

    async def teach(self, number: int, labels: frozenset[str]) -> None:
        """A reviewed answer; it counts at once."""
        secret = self.secret()
        question = f"What is the secret of room {number}?"
        self.forget_taught(number)
        await self.library.teach(
            "documents", question, f"It is {secret}.", labels=labels, source=""
        )
        self.labels[secret] = labels
        self.written[secret] = frozenset([str(number)])

    def forget_taught(self, number: int) -> None:
        for secret, rooms in list(self.written.items()):
            if rooms == frozenset([str(number)]):
                del self.written[secret]
                self.labels.pop(secret, None)

    async def ask(self, number: int, labels: frozenset[str]) -> None:
        """A place asks every kind of backend, with and without guests."""
        place = PLACES[number % len(PLACES)]
        for guests in (False, True):
            await self.look(audience(place, SEEN_BY, guests=guests))

    async def look(self, seen: frozenset[str]) -> None:
        known = self.labels | EXAMPLES
        allowed = {s for s, own in known.items() if own & seen}
        turn = Turn(QUESTION, audience=seen)
        search = await self.library.search("documents")
        found = await search.search(QUESTION, (), seen, 30)
        assert _secrets(found) == allowed & _secrets(found)
        features(QUESTION, found)
        for backend in self.backends:
            chunks = await collect(backend, turn)
            cited = [c.passage for c in chunks if isinstance(c, Citation)]
            told = set(SECRET.findall(text_of(chunks))) | _secrets(cited)
            assert told <= allowed, f"{seen} was told {told - allowed}"
        for asked in self.server.requests:
            sent = set(SECRET.findall(str(asked.messages)))
            assert sent <= allowed, f"a prompt for {seen} has {sent - allowed}"
        self.server.requests.clear()
        self.gaps.append(_gap(len(self.gaps), sorted(allowed), seen))
        summary = weekly_summary(grouped(visible(self.gaps, seen)))
        hidden = {s for s, own in known.items() if not own & seen}
        assert not hidden & set(SECRET.findall(summary))


EXAMPLES = {
    "secret-9001": frozenset({"staff"}),
    "secret-9002": frozenset({"public"}),
}


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[House]:
    """A house without documents, with backends over it."""
    (folder / "pages").mkdir()
    examples = folder / "examples.jsonl"
    rows = (
        {"question": QUESTION, "answer": secret, "labels": sorted(labels)}
        for secret, labels in EXAMPLES.items()
    )
    examples.write_text("\n".join(map(json.dumps, rows)))
    library = QuickLibrary(folder / "data")
    async with OpenAIServer() as server:
        server.answer = repeating
        model = ModelDefaults(base_url=server.base_url)
        services = Services(folder, library.search, model=model)
        always = {"abstain_below": 0.0}
        backends: list[Backend] = [
            create_rag(Profile("r", "rag", always), services),
            create_verbatim(Profile("v", "verbatim", always), services),
            create_few_shot(
                Profile("f", "few_shot", {"examples": str(examples)}), services
            ),
        ]
        yield House(folder, library, server, backends)
        for backend in backends:
            await backend.aclose()
        await library.aclose()


def _secrets(passages: Sequence[Passage]) -> set[str]:
    return {secret for passage in passages for secret in SECRET.findall(passage.text)}


def _gap(number: int, words: Sequence[str], seen: frozenset[str]) -> Gap:
    """A question that repeats all that was read where it was asked."""
    question = f"Why {' '.join(words)}?"
    return Gap(str(number), question, "abstained", datetime.now(UTC), labels=seen)


def repeating(asked: Asked) -> str:
    """All of the prompt again, with markers."""
    return " ".join(f"{message['content']} [1][2][3]." for message in asked.messages)


OPERATIONS = st.tuples(
    st.sampled_from(
        ["write", "relabel", "remove", "ingest", "reindex", "teach", "ask", "ingest"]
    ),
    st.integers(1, 5),
    st.sets(st.sampled_from(LABELS), min_size=1).map(frozenset),
)


@given(st.lists(OPERATIONS, min_size=3, max_size=8))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nobody_reads_what_is_not_theirs(
    operations: list[tuple[str, int, frozenset[str]]],
) -> None:
    asyncio.run(_play(operations))


async def _play(operations: list[tuple[str, int, frozenset[str]]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        async with opened(Path(place)) as house:
            await house.write(1, frozenset({"staff"}))
            await house.write(2, frozenset({"public"}))
            await house.ingest(0, frozenset())
            for name, number, labels in operations:
                await getattr(house, name)(number, labels)
            for number in range(len(PLACES)):
                await house.ask(number, frozenset())


async def test_a_place_with_its_label_is_told(tmp_path: Path) -> None:
    """The control: what may be seen is seen, so the test above could fail."""
    async with opened(tmp_path) as house:
        await house.write(1, frozenset({"board"}))
        await house.ingest(0, frozenset())
        turn = Turn(QUESTION, audience=frozenset({"board"}))
        told = [text_of(await collect(backend, turn)) for backend in house.backends]

    assert "secret-1" in told[0]
    assert "secret-1" in told[1]
    assert "secret-1" in str(house.server.requests[0].messages)
