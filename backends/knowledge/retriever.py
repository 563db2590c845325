"""From a question to passages: several wordings searched at once, hits grouped."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Protocol

import numpy as np

from backends.base import Passage, PastTurn
from backends.knowledge.chunking import Piece, count_words
from backends.knowledge.embedding import Embedder, Vectors
from backends.knowledge.runs import Run, completed, joined, to_passage
from backends.knowledge.store import Hit, VectorStore, View
from backends.knowledge.terms import Terms
from backends.services import PLAIN, Focus

ANSWER_WORDS = 30  # of the previous answer, for what a follow-up refers to
HITS_FOR_EACH = 4  # pieces asked for each passage wanted, since pieces are joined
FEWEST_HITS = 30
RERANKED = 20  # passages that a reranker looks at
WIDENED = 3  # passages that get their neighbours
HALF_LIFE = 365  # days after which a document's date adds half as much
JUDGED = 8  # pieces that are compared with the question, for its support
BY_MEANING = 0.7

# Support below which silence is better than an answer. Measured: 88 % of the questions
# that can be answered reach it, and 70 % of those that cannot stay below.
ENOUGH = 0.48


class Reranker(Protocol):
    """Looks at a question and texts more closely than vectors do. Blocking."""

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """One for each text: the higher, the better it answers."""
        ...


class Retriever:
    """Finds what a team's documents say about a question, for those who may see it."""

    def __init__(
        self,
        store: VectorStore,
        embedder: Embedder,
        terms: Terms | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._terms = terms or Terms()
        self._reranker = reranker

    async def search(
        self,
        question: str,
        history: Sequence[PastTurn],
        audience: frozenset[str],
        limit: int,
        focus: Focus = PLAIN,
    ) -> list[Passage]:
        """The passages that this audience may see, best first; [] when none fits."""
        wordings = phrased(question, history, focus.rewritten)
        vectors = await asyncio.to_thread(self._vectors, wordings)
        views = [
            View(vector, self._terms.of_question(wording))
            for vector, wording in zip(vectors, wordings, strict=True)
        ]
        wanted = max(FEWEST_HITS, limit * HITS_FOR_EACH)
        hits = await self._store.search(views, audience, wanted)
        runs = joined(boosted(hits, focus))
        backing = await self._support(question, vectors, hits, runs)
        runs = await self._reranked(wordings[min(1, len(wordings) - 1)], runs)
        if everything := await self._everything(audience, focus.whole):
            return [to_passage(run, backing) for run in completed(runs, everything)]
        runs = await self._widened(runs[:limit], audience)
        return [to_passage(run, backing) for run in runs]

    async def _reranked(self, question: str, runs: list[Run]) -> list[Run]:
        if self._reranker is None or not runs:
            return runs
        head, rest = runs[:RERANKED], runs[RERANKED:]
        texts = [f"{run.first.breadcrumb}\n{run.text}" for run in head]
        scores = await asyncio.to_thread(self._reranker.scores, question, texts)
        order = sorted(range(len(head)), key=lambda at: -scores[at])
        return [head[at] for at in order] + rest

    async def _widened(self, runs: list[Run], audience: frozenset[str]) -> list[Run]:
        """The best runs with their neighbours: an answer may go on there."""
        head, rest = runs[:WIDENED], runs[WIDENED:]
        wanted = [id for run in head for id in run.beside]
        found = {hit.id: hit for hit in await self._store.fetch(wanted, audience)}
        for hit in (hit for run in runs for hit in run.hits):
            found.pop(hit.id, None)  # it has a passage of its own
        return [run.widened(found) for run in head] + rest

    async def _everything(self, audience: frozenset[str], words: int) -> list[Hit]:
        """All that the audience may see, if it is no longer than this."""
        if not words:
            return []
        records = [
            record
            for record in (await self._store.documents()).values()
            if record.labels & audience
        ]
        if sum(record.pieces for record in records) > words:
            return []
        entries = await self._store.entries([record.name for record in records])
        seen = [entry for entry in entries if entry.piece.labels & audience]
        if sum(count_words(entry.piece.text) for entry in seen) > words:
            return []
        return [Hit(entry.id, entry.piece, 0.0, entry.dense) for entry in seen]

    async def is_empty(self) -> bool:
        """Whether there is no document at all."""
        return await self._store.count() == 0

    def _vectors(self, wordings: Sequence[str]) -> Vectors:
        """One row for each wording, the same one embedded only once."""
        different = list(dict.fromkeys(wordings))
        vectors = self._embedder.embed(different)
        return vectors[[different.index(wording) for wording in wordings]]

    async def _support(
        self,
        question: str,
        vectors: Vectors,
        hits: Sequence[Hit],
        runs: Sequence[Run],
    ) -> float:
        if not runs:
            return 0.0
        asked = self._terms.ids(question)
        said = self._terms.ids("\n".join(hit.piece.indexed for hit in runs[0].hits))
        rarity = await self._store.rarity(asked)
        return support(closeness(vectors, hits), coverage(rarity, said))


def phrased(
    question: str, history: Sequence[PastTurn], rewritten: str = ""
) -> list[str]:
    """The wordings of a question that are searched together, the plain one first.

    A follow-up ("and on Fridays?") names its subject in an earlier turn: the one
    before, or the first, or the last answer. Fusing four wordings finds it without a
    model that would rewrite the question. Two that come out the same stay two: each is
    a vote.
    """
    by_a_model = [rewritten] if rewritten else []
    if not history:
        return [question, *by_a_model]
    last = history[-1]
    answer = " ".join(last.answer.split()[:ANSWER_WORDS])
    return [
        question,
        f"{last.question} {question}",
        f"{history[0].question} {question}",
        f"{question} {answer}".strip(),
        *by_a_model,
    ]


def boosted(
    hits: Sequence[Hit], focus: Focus, today: date | None = None
) -> Sequence[Hit]:
    """Hits with what their labels and dates add to their scores."""
    if not focus.labels and not focus.recent:
        return hits
    now = today or datetime.now(UTC).date()
    return [
        replace(hit, score=hit.score * _gain(hit.piece, focus, now)) for hit in hits
    ]


def _gain(piece: Piece, focus: Focus, today: date) -> float:
    gain: float = 1 + sum(focus.labels.get(label, 0.0) for label in piece.labels)
    try:
        age = max(0, (today - date.fromisoformat(piece.date[:10])).days)
    except ValueError:  # no date, or in words
        return gain
    share: float = 0.5 ** (age / HALF_LIFE)
    return gain + focus.recent * share


def support(close: float, covered: float) -> float:
    """How well the documents back a question, from 0 to 1; see `ENOUGH`.

    Most of it is meaning: the cosine of the question to the nearest piece. Alone, it
    takes "do we have a dentist" for answered by a page about opticians. The share of
    the question's words that the best passage holds, rare ones counting more, corrects
    that. With these weights it told questions that can be answered from others best,
    on two sets that have nothing in common (area under the curve 0.86 on both).
    """
    return min(1.0, max(0.0, BY_MEANING * close + (1 - BY_MEANING) * covered))


def closeness(vectors: Vectors, hits: Sequence[Hit]) -> float:
    """The best cosine of the question, plain or with the one before it, to a piece."""
    found = np.stack([hit.dense for hit in hits[:JUDGED]])
    return float((found @ vectors[:2].T).max())


def coverage(rarity: Mapping[int, float], said: frozenset[int]) -> float:
    """The share of the question's terms, weighted by rarity, that a passage holds."""
    total = sum(rarity.values())
    held = sum(weight for term, weight in rarity.items() if term in said)
    return held / total if total else 0.0
