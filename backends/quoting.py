"""Chooses the sentences of passages that answer a question, without a model."""

import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from backends.base import BackendError, Passage, Turn
from backends.knowledge.sentences import quotable
from backends.knowledge.terms import Terms

log = logging.getLogger(__name__)

Embed = Callable[[list[str]], Awaitable[Any]]

# Weights found on the example handbook's questions, leaving each out in turn: of 66
# answers 48 are quoted by words alone, 50 with headings and rank, 56 with meaning too.
HEADING = 0.5
RANK = 0.1
MEANING = 1.5
EARLIER = 0.5
"""What a word of the question before counts in a follow-up."""

SHORTLIST = 8
"""So many sentences are compared by meaning: an embedding takes about 10 ms."""

WORST = 0.45
"""A sentence with less than this part of the best one's score is not quoted."""


@dataclass(frozen=True, slots=True)
class Quotation:
    """A sentence of a passage, with what it needs to be understood."""

    text: str
    passage: Passage
    score: float = 0.0


async def quotations(
    turn: Turn,
    passages: Sequence[Passage],
    limit: int,
    *,
    terms: Terms,
    embed: Embed | None = None,
) -> list[Quotation]:
    """The best sentences for a question, the best first; [] when no word fits."""
    found = [
        Quotation(sentence.whole, passage)
        for passage in passages
        for sentence in quotable(passage.text)
    ]
    scored = _by_words(turn, found, passages, terms)[:SHORTLIST]
    if embed is not None and scored:
        scored = await _by_meaning(turn, scored, embed)
    best = scored[:limit]
    return [each for each in best if each.score >= WORST * best[0].score > 0]


def _by_words(
    turn: Turn,
    found: Sequence[Quotation],
    passages: Sequence[Passage],
    terms: Terms,
) -> list[Quotation]:
    """Rare words of the question count most; those of the heading count for less."""
    asked = dict.fromkeys(terms.ids(turn.question), 1.0)
    for past in turn.history[-1:]:
        for term in terms.ids(past.question):
            asked.setdefault(term, EARLIER)
    bags = [terms.ids(each.text) for each in found]
    heads = {each.id: terms.ids(f"{each.title} {each.section}") for each in passages}
    known = frozenset[int]().union(*bags, *heads.values())
    weights = {
        term: worth * _rarity(sum(term in bag for bag in bags), len(bags))
        for term, worth in asked.items()
        if term in known
    }
    total = sum(weights.values()) or 1.0
    ranks = {each.id: RANK / (1 + rank) for rank, each in enumerate(passages)}

    def score(each: Quotation, bag: frozenset[int]) -> float:
        head = heads[each.passage.id]
        matched = sum(
            weight * (1.0 if term in bag else HEADING if term in head else 0.0)
            for term, weight in weights.items()
        )
        return matched / total + ranks[each.passage.id] if matched else 0.0

    scored = [
        Quotation(each.text, each.passage, score(each, bag))
        for each, bag in zip(found, bags, strict=True)
    ]
    return sorted((each for each in scored if each.score), key=lambda each: -each.score)


async def _by_meaning(
    turn: Turn, found: Sequence[Quotation], embed: Embed
) -> list[Quotation]:
    """Add how near each sentence, under its heading, is to the question."""
    asked = " ".join([*(past.question for past in turn.history[-1:]), turn.question])
    texts = [f"{_heading(each)}: {each.text}" for each in found]
    try:
        vectors = await embed([asked, *texts])
    except BackendError as error:
        log.warning("sentences are compared by words only: %s", error)
        return list(found)
    nearness = vectors[1:] @ vectors[0]
    scored = [
        Quotation(each.text, each.passage, each.score + MEANING * float(near))
        for each, near in zip(found, nearness, strict=True)
    ]
    return sorted(scored, key=lambda each: -each.score)


def _heading(quotation: Quotation) -> str:
    passage = quotation.passage
    return passage.section.rpartition(" > ")[2] or passage.title


def _rarity(seen: int, total: int) -> float:
    return math.log(1 + (total - seen + 0.5) / (seen + 0.5))
