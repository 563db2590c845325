"""How long a search takes in large collections, embedding left out."""

import random
import time
from collections.abc import AsyncIterator, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from backends.knowledge.chunking import Piece
from backends.knowledge.edge_store import EdgeStore
from backends.knowledge.embedding import Vectors
from backends.knowledge.retriever import Retriever
from backends.knowledge.store import Entry, Identity
from backends.knowledge.terms import Terms
from benchmarks.measure import Figure, percentiles, settled
from benchmarks.retrieval.ours import EVERYONE
from benchmarks.retrieval.sets import QuestionSet

DIMENSIONS = 384
PIECE_WORDS = 90
QUERIES = 200
BATCH = 1_000
LIMITS = {10_000: 10.0, 100_000: 25.0}


class Ready:
    """An embedder that takes no time: directions around some centres, drawn before."""

    name, version, dimensions = "drawn", "1", DIMENSIONS

    def __init__(self) -> None:
        draw = np.random.default_rng(3)
        centres = draw.normal(size=(200, DIMENSIONS))
        near = centres[draw.integers(0, 200, 5_000)]
        vectors = near + draw.normal(size=(5_000, DIMENSIONS))
        self._vectors = (vectors / np.linalg.norm(vectors, axis=1)[:, None]).astype(
            np.float32
        )
        self._next = count()

    def embed(self, texts: Sequence[str]) -> Vectors:
        start = next(self._next) * len(texts)
        rows = [(start + row) % len(self._vectors) for row in range(len(texts))]
        chosen: Vectors = self._vectors[rows]
        return chosen


async def latencies(texts: QuestionSet) -> AsyncIterator[Figure]:
    """Texts are made of the set's words in other orders, so that terms are real."""
    words = " ".join(text.text for text in texts.texts).split()
    embedder, terms, draw = Ready(), Terms(), random.Random(5)
    asked = [question.text for question in texts.questions][:QUERIES]
    with TemporaryDirectory() as folder:
        before = settled()
        store = await EdgeStore.open(Path(folder), Identity.of(embedder, terms))
        size = 0
        for wanted, limit in LIMITS.items():
            begun = time.perf_counter()
            for start in range(size, wanted, BATCH):
                await store.upsert(_batch(start, words, embedder, terms, draw))
            size = wanted
            await store.flush()
            spent = time.perf_counter() - begun
            retriever = Retriever(store, embedder, terms)
            times = []
            for question in asked:
                begun = time.perf_counter()
                await retriever.search(question, (), EVERYONE, 6)
                times.append(time.perf_counter() - begun)
            for figure in percentiles(
                f"search in {size:,}", times, p50=limit, p95=None
            ):
                yield figure
            yield Figure(f"stored up to {size:,}, in", spent, "s")
            yield Figure("memory since", (settled() - before) / 2**20, "MB")
        await store.close()


def _batch(
    start: int, words: list[str], embedder: Ready, terms: Terms, draw: random.Random
) -> list[Entry]:
    made = []
    for number in range(start, start + BATCH):
        begin = draw.randrange(len(words) - PIECE_WORDS)
        text = " ".join(words[begin : begin + PIECE_WORDS])
        document = f"d{number // 10}.md"
        piece = Piece(document, "A document", text, number % 10, labels=EVERYONE)
        made.append(piece)
    vectors = embedder.embed([piece.text for piece in made])
    return [
        Entry(piece, vector, terms.of_document(piece.worded))
        for piece, vector in zip(made, vectors, strict=True)
    ]
