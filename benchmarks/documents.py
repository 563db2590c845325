"""Documents: a look at a thousand that did not change, and a large embedded collection.

    python -m benchmarks.documents [PASSAGES]

Vectors are made up, so what is measured is ours and the store's, not a model's.
"""

import asyncio
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from backends.knowledge.chunking import Piece
from backends.knowledge.edge_store import EdgeStore
from backends.knowledge.embedding import Vectors
from backends.knowledge.ingest import ingest
from backends.knowledge.store import Entry, Identity, View
from backends.knowledge.terms import Sparse, Terms
from benchmarks.measure import Figure, Neighbours

DOCUMENTS, QUESTIONS, BATCH = 1_000, 200, 64
DIMENSIONS, SUBJECTS = 384, 500
STAFF = frozenset({"staff"})


class MadeUp:
    """Vectors of about the shape that a model's have: around some subjects."""

    name, version, dimensions = "made-up", "1", DIMENSIONS

    def __init__(self) -> None:
        self._random = np.random.default_rng(1)
        self._subjects = self._random.normal(size=(SUBJECTS, DIMENSIONS))
        self.embedded = 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.embedded += len(texts)
        chosen = self._random.integers(0, SUBJECTS, len(texts))
        noise = 0.5 * self._random.normal(size=(len(texts), DIMENSIONS))
        vectors = (self._subjects[chosen] + noise).astype(np.float32)
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def words(self, count: int) -> Sparse:
        """Some words are in many passages, most in few."""
        terms = set((self._random.zipf(1.3, count) % 200_000).tolist())
        return Sparse(tuple(terms), (1.0,) * len(terms))


async def unchanged(folder: Path) -> Iterator[Figure]:
    """Take in a thousand documents, and look at them again."""
    embedder, terms = MadeUp(), Terms()
    wiki = folder / "wiki"
    wiki.mkdir()
    for number in range(DOCUMENTS):
        words = " ".join(f"word{number * 7 + at}" for at in range(300))
        path = wiki / f"{number}.md"
        path.write_text(f"# Page {number}\n\n{words}")
        os.utime(path, (1e9, 1e9))
    store = await EdgeStore.open(folder / "few", Identity.of(embedder, terms))
    begun = time.perf_counter()
    report = await ingest([wiki], store, embedder, terms=terms)
    took = time.perf_counter() - begun
    embedded, begun = embedder.embedded, time.perf_counter()
    await ingest([wiki], store, embedder, terms=terms)
    again = time.perf_counter() - begun
    await store.close()
    return iter(
        [
            Figure("1,000 documents read, cut and stored, a second", DOCUMENTS / took),
            Figure("their passages", report.passages),
            Figure("a look at them when nothing changed", again, "s", 2),
            Figure("passages embedded by it", embedder.embedded - embedded, "", 0),
        ]
    )


async def large(folder: Path, passages: int) -> Iterator[Figure]:
    """Fill an embedded collection, and ask it."""
    embedder, terms = MadeUp(), Terms()
    identity = Identity.of(embedder, terms)
    store = await EdgeStore.open(folder / "many", identity)
    writing = 0.0
    for start in range(0, passages, BATCH):
        entries = list(_entries(embedder, start))
        begun = time.perf_counter()
        await store.upsert(entries)
        writing += time.perf_counter() - begun
    await store.flush()
    times = []
    for vector in embedder.embed([""] * QUESTIONS):
        view = View(vector, embedder.words(8))
        begun = time.perf_counter()
        await store.search([view], STAFF, 30)
        times.append(1_000 * (time.perf_counter() - begun))
    await store.close()
    begun = time.perf_counter()
    await (await EdgeStore.open(folder / "many", identity)).close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return iter(
        [
            Figure(f"{passages:,} passages: stored a second", passages / writing),
            Figure(
                "a search without embedding, median", statistics.median(times), "ms"
            ),
            Figure("the same, p95", statistics.quantiles(times, n=20)[-1], "ms"),
            Figure("opened again", time.perf_counter() - begun, "s"),
            Figure("memory at most", memory, "MB"),
        ]
    )


def _entries(embedder: MadeUp, start: int) -> Iterator[Entry]:
    for at, vector in enumerate(embedder.embed([""] * BATCH), start):
        piece = Piece(f"d{at // 20}", "T", "x" * 600, at % 20, labels=STAFF)
        yield Entry(piece, vector, embedder.words(60))


async def main(passages: int) -> None:
    neighbours = Neighbours()
    with tempfile.TemporaryDirectory() as folder:
        for figure in await unchanged(Path(folder)):
            print(figure)
        for figure in await large(Path(folder), passages):
            print(figure)
    print(Figure("processors that others kept busy", neighbours.look()))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000))
