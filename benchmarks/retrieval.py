"""Measures retrieval on sets of questions: `python -m benchmarks.retrieval --data DIR`.

DIR holds `passages.jsonl` ({id, text[, heading]}) and `questions.jsonl` ({id, question,
relevant[, history]}), or folders that do. Each passage is cut, embedded and stored as a
document of ours would be, and what is found is counted by the passage it came from.
"""

import argparse
import asyncio
import json
import math
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from backends.base import PastTurn
from backends.knowledge.chunking import cut
from backends.knowledge.documents import Document, title_from
from backends.knowledge.edge_store import EdgeStore
from backends.knowledge.embedding import Embedder
from backends.knowledge.loaders import parse
from backends.knowledge.minilm import MiniLM
from backends.knowledge.retriever import Retriever
from backends.knowledge.store import Entry, Identity
from backends.knowledge.terms import Terms

EVERYONE = frozenset({"everyone"})
DEEP = 10
BATCH = 256


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the ids of the passages that answer it."""

    text: str
    relevant: frozenset[str]
    history: tuple[PastTurn, ...] = ()


@dataclass(frozen=True, slots=True)
class Scores:
    """The mean over the questions of one set."""

    name: str
    questions: int
    pieces: int
    ndcg: float
    recall_5: float
    recall_10: float
    mrr: float
    texts_per_second: float
    query_ms: float


def read_lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def to_document(row: Mapping[str, Any]) -> Document:
    """A passage as a page that our loader read; a link's path serves as its title."""
    document = parse(row["text"].encode(), "passage.md")
    path = urlsplit(row["id"]).path if "://" in row["id"] else ""
    page = " > ".join(title_from(part) for part in path.split("/")[-2:] if part)
    title = " > ".join(filter(None, (page, row.get("heading", ""))))
    return replace(document, name=row["id"], title=title)


def to_question(row: Mapping[str, Any]) -> Question:
    turns = [turn["text"] for turn in row.get("history", ())]
    history = tuple(
        PastTurn(asked, answered)
        for asked, answered in zip(turns[::2], turns[1::2], strict=False)
    )
    return Question(row["question"], frozenset(row["relevant"]), history)


async def index(
    rows: Sequence[Mapping[str, Any]],
    store: EdgeStore,
    embedder: Embedder,
    terms: Terms,
) -> float:
    """Store the passages; texts embedded in a second."""
    pieces = [piece for row in rows for piece in cut(to_document(row), EVERYONE)]
    spent = 0.0
    for start in range(0, len(pieces), BATCH):
        batch = pieces[start : start + BATCH]
        texts = [piece.indexed for piece in batch]
        begun = time.perf_counter()
        vectors = await asyncio.to_thread(embedder.embed, texts)
        spent += time.perf_counter() - begun
        await store.upsert(
            [
                Entry(piece, vector, terms.of_document(piece.worded))
                for piece, vector in zip(batch, vectors, strict=True)
            ]
        )
    return len(pieces) / spent


async def find(retriever: Retriever, question: Question) -> list[str]:
    """The ids of the passages found, best first, each once."""
    passages = await retriever.search(
        question.text, question.history, EVERYONE, 3 * DEEP
    )
    return list(dict.fromkeys(passage.document for passage in passages))[:DEEP]


def ndcg(found: Sequence[str], relevant: frozenset[str]) -> float:
    gain = sum(
        1 / math.log2(rank + 1) for rank, id in enumerate(found, 1) if id in relevant
    )
    best = sum(1 / math.log2(rank + 1) for rank in range(1, len(relevant) + 1)[:DEEP])
    return gain / best


def recall(found: Sequence[str], relevant: frozenset[str]) -> float:
    return len(relevant.intersection(found)) / len(relevant)


def reciprocal_rank(found: Sequence[str], relevant: frozenset[str]) -> float:
    return next((1 / rank for rank, id in enumerate(found, 1) if id in relevant), 0.0)


async def measure(folder: Path, embedder: Embedder) -> Scores:
    terms = Terms()
    questions = [to_question(row) for row in read_lines(folder / "questions.jsonl")]
    questions = [question for question in questions if question.relevant]
    with tempfile.TemporaryDirectory() as place:
        store = await EdgeStore.open(Path(place), Identity.of(embedder, terms))
        try:
            rows = read_lines(folder / "passages.jsonl")
            speed = await index(rows, store, embedder, terms)
            retriever = Retriever(store, embedder, terms)
            answers, times = [], []
            for question in questions:
                begun = time.perf_counter()
                answers.append(await find(retriever, question))
                times.append(time.perf_counter() - begun)
            pieces = await store.count()
        finally:
            await store.close()
    judged = [(a, q.relevant) for a, q in zip(answers, questions, strict=True)]
    return Scores(
        name=folder.name,
        questions=len(questions),
        pieces=pieces,
        ndcg=statistics.mean(ndcg(*each) for each in judged),
        recall_5=statistics.mean(recall(found[:5], wanted) for found, wanted in judged),
        recall_10=statistics.mean(recall(*each) for each in judged),
        mrr=statistics.mean(reciprocal_rank(*each) for each in judged),
        texts_per_second=speed,
        query_ms=statistics.median(times) * 1000,
    )


def table(rows: Sequence[Scores]) -> str:
    head = ("set", "questions", "pieces", "nDCG@10", "recall@5", "recall@10", "MRR")
    lines = ["{:<14}{:>10}{:>8}{:>9}{:>10}{:>11}{:>7}".format(*head)]
    lines[0] += f"{'texts/s':>9}{'query ms':>10}"
    lines.extend(
        f"{row.name:<14}{row.questions:>10}{row.pieces:>8}{row.ndcg:>9.3f}"
        f"{row.recall_5:>10.3f}{row.recall_10:>11.3f}{row.mrr:>7.3f}"
        f"{row.texts_per_second:>9.1f}{row.query_ms:>10.1f}"
        for row in rows
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--threads", type=int, default=1, help="threads that embed")
    options = parser.parse_args()
    folders = sorted({path.parent for path in options.data.rglob("questions.jsonl")})
    if not folders:
        parser.error(f"no questions.jsonl under {str(options.data)!r}")
    embedder = MiniLM.installed(threads=options.threads)
    print(table([asyncio.run(measure(folder, embedder)) for folder in folders]))


if __name__ == "__main__":
    main()
