"""Puts documents that are read and cut into a collection, with their vectors."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from backends.knowledge.chunking import Piece
from backends.knowledge.embedding import Embedder
from backends.knowledge.store import DocumentRecord, Entry, VectorStore
from backends.knowledge.terms import Terms

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

    def __init__(self, store: VectorStore, embedder: Embedder, terms: Terms) -> None:
        self._store = store
        self._embedder = embedder
        self._terms = terms

    async def write(
        self,
        documents: Sequence[Prepared],
        stored: Callable[[str, int], None] = lambda document, pieces: None,
    ) -> None:
        """Store them; `stored` is told of each batch of pieces."""
        for each in documents:
            await self._store.record(replace(each.record, digest="", stamp=""))
        pieces = [piece for each in documents for piece in each.pieces]
        for start in range(0, len(pieces), BATCH):
            batch = pieces[start : start + BATCH]
            await self._store.upsert(await asyncio.to_thread(self._entries, batch))
            stored(batch[-1].document, len(batch))
        for each in documents:
            await self._store.prune(each.record.name, each.record.revision)
            await self._store.record(each.record)

    def _entries(self, pieces: Sequence[Piece]) -> list[Entry]:
        vectors = self._embedder.embed([piece.indexed for piece in pieces])
        return [
            Entry(piece, vector, self._terms.of_document(piece.worded))
            for piece, vector in zip(pieces, vectors, strict=True)
        ]
