"""Curbside's retrieval on a set: cut, embedded, stored and searched as in the bot."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from backends.base import Passage
from backends.knowledge.chunking import Piece, cut
from backends.knowledge.edge_store import EdgeStore
from backends.knowledge.embedding import Embedder, Vectors
from backends.knowledge.retriever import Retriever
from backends.knowledge.store import Entry, Identity
from backends.knowledge.terms import Terms
from benchmarks.retrieval.measures import DEPTH
from benchmarks.retrieval.sets import Question, QuestionSet

EVERYONE = frozenset({"everyone"})
BATCH = 256


class Remembering:
    """An embedder that embeds no text twice, so that many variants can be compared."""

    def __init__(self, embedder: Embedder) -> None:
        self.name, self.version = embedder.name, embedder.version
        self.dimensions = embedder.dimensions
        self._embedder = embedder
        self._known: dict[str, Vectors] = {}

    def embed(self, texts: Sequence[str]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._embedder.embed(new), strict=True))
        return np.stack([self._known[text] for text in texts])


@dataclass(slots=True)
class Ingested:
    """What it took to bring the texts of a set in."""

    pieces: int = 0
    megabytes: float = 0.0
    seconds: float = 0.0


@dataclass(slots=True)
class Ours:
    """A set that is stored and can be asked."""

    retriever: Retriever
    ingested: Ingested = field(default_factory=Ingested)

    async def ask(self, question: Question) -> list[Passage]:
        return await self.retriever.search(
            question.text, question.history, EVERYONE, 3 * DEPTH
        )

    async def find(self, question: Question) -> list[str]:
        """The ids of the passages found, best first, each once."""
        passages = await self.ask(question)
        return list(dict.fromkeys(passage.document for passage in passages))[:DEPTH]


@asynccontextmanager
async def stored(
    texts: QuestionSet, embedder: Embedder, terms: Terms | None = None
) -> AsyncIterator[Ours]:
    terms = terms or Terms()
    with TemporaryDirectory() as folder:
        store = await EdgeStore.open(Path(folder), Identity.of(embedder, terms))
        try:
            begun = time.perf_counter()
            pieces = [
                piece for text in texts.texts for piece in cut(text.document, EVERYONE)
            ]
            for start in range(0, len(pieces), BATCH):
                await store.upsert(
                    await asyncio.to_thread(
                        entries, pieces[start : start + BATCH], embedder, terms
                    )
                )
            await store.flush()
            seconds = time.perf_counter() - begun
            size = sum(len(text.text.encode()) for text in texts.texts) / 1e6
            yield Ours(
                Retriever(store, embedder, terms), Ingested(len(pieces), size, seconds)
            )
        finally:
            await store.close()


def entries(pieces: Sequence[Piece], embedder: Embedder, terms: Terms) -> list[Entry]:
    vectors = embedder.embed([piece.indexed for piece in pieces])
    return [
        Entry(piece, vector, terms.of_document(piece.worded))
        for piece, vector in zip(pieces, vectors, strict=True)
    ]
