"""Picks the sentences that answer a question: an answer without a model."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import log
from typing import Any

from backends.base import Passage, PastTurn
from backends.knowledge.sentences import Sentence, quotable
from backends.knowledge.terms import Terms

Embed = Callable[[list[str]], Awaitable[Any]]

COMPARED = 32  # sentences whose meaning is compared; the others share too few words
# Measured by how many of the expected facts the best three sentences hold: 83 % with
# all three, 61 % with words alone.
BY_WORDS, BY_MEANING, BY_PASSAGE = 0.5, 0.5, 0.3
HEADING = 0.5  # a word of the question counts so much where only a heading has it
EARLIER = 0.5  # and a word of the question before this one


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence with what it needs to be understood, and where it stands."""

    text: str
    passage: Passage
    score: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may be quoted; `words` is how well it matches by its words."""

    sentence: Sentence
    passage: Passage
    words: float
    standing: float

    @property
    def rough(self) -> float:
        return BY_WORDS * self.words + BY_PASSAGE * self.standing


async def best_sentences(
    question: str,
    passages: Sequence[Passage],
    limit: int,
    embed: Embed | None = None,
    history: Sequence[PastTurn] = (),
) -> list[Quote]:
    """The sentences, list items and table rows that fit best, the best first.

    Without `embed` only words are compared. A list item comes with the line that leads
    its list in, a table row as "header: cell" pairs.
    """
    earlier = history[-1].question if history else ""
    candidates = _candidates(question, earlier, passages)
    candidates.sort(key=lambda candidate: -candidate.rough)
    candidates = candidates[:COMPARED]
    close = [0.0] * len(candidates)
    if embed and candidates:
        texts = [_in_place(candidate) for candidate in candidates]
        vectors = await embed([f"{earlier} {question}".strip(), *texts])
        close = (vectors[1:] @ vectors[0]).tolist()
    quotes: dict[str, Quote] = {}
    for candidate, cosine in zip(candidates, close, strict=True):
        text = candidate.sentence.whole
        score = candidate.rough + BY_MEANING * cosine
        if text not in quotes or quotes[text].score < score:
            quotes[text] = Quote(text, candidate.passage, score)
    return sorted(quotes.values(), key=lambda quote: -quote.score)[:limit]


def _candidates(
    question: str, earlier: str, passages: Sequence[Passage]
) -> list[Candidate]:
    terms = _terms()
    found = [(each, p) for p in passages for each in quotable(p.text)]
    held = [terms.ids(sentence.whole) for sentence, _ in found]
    asked = _weights(terms.ids(question), terms.ids(earlier), held)
    headed = {p.id: terms.ids(f"{p.title} {p.section}") for p in passages}
    best = max((p.score for p in passages), default=0.0)
    return [
        Candidate(
            sentence,
            passage,
            words=_coverage(asked, ids, headed[passage.id]),
            standing=passage.score / best if best > 0 else 0.0,
        )
        for (sentence, passage), ids in zip(found, held, strict=True)
    ]


@cache
def _terms() -> Terms:
    return Terms()


def _weights(
    asked: frozenset[int], earlier: frozenset[int], held: Sequence[frozenset[int]]
) -> dict[int, float]:
    """What each word counts: more when few of the sentences have it."""
    seen = Counter(term for ids in held for term in ids)
    return {
        term: log(1 + len(held) / (1 + seen[term])) * (1 if term in asked else EARLIER)
        for term in asked | earlier
    }


def _coverage(
    asked: Mapping[int, float], held: frozenset[int], headed: frozenset[int]
) -> float:
    total = sum(asked.values())
    got = sum(
        weight * (1 if term in held else HEADING if term in headed else 0)
        for term, weight in asked.items()
    )
    return got / total if total else 0.0


def _in_place(candidate: Candidate) -> str:
    passage = candidate.passage
    return f"{passage.section or passage.title}: {candidate.sentence.whole}"
