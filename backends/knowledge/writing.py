"""Puts documents that are read and cut into a collection, with their vectors."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from backends.base import BackendUnavailable
from backends.knowledge.bulk import Bulk
from backends.knowledge.chunking import Piece
from backends.knowledge.embedding import Embedder
from backends.knowledge.process_pool import LimitExceeded
from backends.knowledge.store import DocumentRecord, Entry, VectorStore
from backends.knowledge.terms import Terms
from backends.situating import Situating

BATCH = 64  # pieces that are embedded and stored together


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that is read and cut, and waits for its vectors."""

    record: DocumentRecord
    pieces: Sequence[Piece]


class Writer:
    """Stores documents so that a crash at any point leaves them known as unfinished.

    New pieces are in before old ones go: a document can be found all the time.
    """

    def __init__(
        self,
        store: VectorStore,
        embedder: Embedder,
        terms: Terms,
        spread: "Spread | None" = None,
        situating: Situating | None = None,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._terms = terms
        self._spread = spread
        self._situating = situating

    @property
    def together(self) -> int:
        """How many pieces are worth to be written at once."""
        return BATCH * (self._spread.bulk.together if self._spread else 1)

    async def write(
        self,
        documents: Sequence[Prepared],
        stored: Callable[[str, int], None] = lambda document, pieces: None,
    ) -> None:
        """Store them; `stored` is told of each batch of pieces."""
        for each in documents:
            await self._store.record(replace(each.record, digest="", stamp=""))
        pieces = [
            piece for each in documents for piece in await self._situated(each.pieces)
        ]
        async for entries in self._embedded(_batches(pieces)):
            await self._store.upsert(entries)
            stored(entries[-1].piece.document, len(entries))
        for each in documents:
            await self._store.prune(each.record.name, each.record.revision)
            await self._store.record(each.record)

    async def _situated(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        return await self._situating.situated(pieces) if self._situating else pieces

    async def _embedded(
        self, batches: AsyncIterator[Sequence[Piece]]
    ) -> AsyncIterator[list[Entry]]:
        """Here, where the model is loaded already, or by many machines."""
        if self._spread is None:
            async for batch in batches:
                given = batch, self._embedder, self._terms
                yield await asyncio.to_thread(_entries, *given)
            return
        work = partial(embed, self._spread.load, self._terms.language)
        async for entries in self._spread.bulk.map_batches(work, batches):
            failed = next((e for e in entries if isinstance(e, LimitExceeded)), None)
            if failed is not None:
                raise BackendUnavailable(f"passages were not embedded: {failed}")
            yield [each for each in entries if isinstance(each, Entry)]


@dataclass(frozen=True, slots=True)
class Spread:
    """Embedding on many machines: each loads a model of its own, with `load`."""

    bulk: Bulk
    load: Callable[[], Embedder]


def embed(
    load: Callable[[], Embedder], language: str, pieces: Sequence[Piece]
) -> list[Entry]:
    """What another machine does."""
    return _entries(pieces, load(), Terms(language))


def _entries(pieces: Sequence[Piece], embedder: Embedder, terms: Terms) -> list[Entry]:
    vectors = embedder.embed([piece.indexed for piece in pieces])
    return [
        Entry(piece, vector, terms.of_document(piece.worded))
        for piece, vector in zip(pieces, vectors, strict=True)
    ]


async def _batches(pieces: Sequence[Piece]) -> AsyncIterator[Sequence[Piece]]:
    for start in range(0, len(pieces), BATCH):
        yield pieces[start : start + BATCH]
