"""Which examples belong together, and the split that keeps them together."""

import re
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from rapidfuzz import fuzz, process

from backends.tuning.example import Split, TrainingExample

ALIKE = 88
"""From this likeness of their words on (of 100), two questions are the same."""

SHORTEST_SHARED_ANSWER = 20
"""Characters; "Yes." under two questions does not tie them together."""

NUMBER = re.compile(r"\d+")

ROWS = 500
"""Compared with all others at a time."""


def clusters(examples: Sequence[TrainingExample]) -> list[list[int]]:
    """Positions of examples that must not be parted, each cluster in order.

    Together are: questions of nearly the same words, the same answers, and questions
    of one conversation.
    """
    parents = list(range(len(examples)))

    def root(at: int) -> int:
        while parents[at] != at:
            parents[at] = parents[parents[at]]
            at = parents[at]
        return at

    def join(one: int, other: int) -> None:
        first, second = sorted((root(one), root(other)))
        parents[second] = first

    for one, other in alike([example.question for example in examples]):
        join(one, other)
    seen: dict[Hashable, int] = {}
    for at, example in enumerate(examples):
        for key in _ties(example):
            join(seen.setdefault(key, at), at)
    groups = defaultdict(list)
    for at in range(len(examples)):
        groups[root(at)].append(at)
    return list(groups.values())


def alike(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of positions whose texts have nearly the same words.

    And the same numbers: what is asked about room 12 is not asked about room 13.
    """
    pairs = []
    known = [" ".join(text.casefold().split()) for text in texts]
    numbers = [sorted(NUMBER.findall(text)) for text in known]
    for start in range(0, len(known), ROWS):
        likeness = process.cdist(
            known[start : start + ROWS],
            known,
            scorer=fuzz.token_sort_ratio,
            score_cutoff=ALIKE,
            dtype=np.uint8,
            workers=-1,
        )
        for row, column in np.argwhere(likeness >= ALIKE):
            if start + row < column and numbers[start + row] == numbers[column]:
                pairs.append((int(start + row), int(column)))
    return pairs


def split(
    examples: Sequence[TrainingExample], share: float = 0.2
) -> list[TrainingExample]:
    """The examples, each in a part; about `share` of them are held out.

    The newest clusters are held out: that is how the model will be used. What was held
    out once stays so for ever, and what belongs to it with it.
    """
    groups = clusters(examples)
    wanted = round(share * len(examples))
    held: set[int] = set()
    free = []
    for group in groups:
        if any(examples[at].split is Split.HELD_OUT for at in group):
            held.update(group)
        elif all(examples[at].split is Split.NONE for at in group):
            free.append(group)

    def newest(group: list[int]) -> tuple[float, str]:
        last = max(examples[at].created.timestamp() for at in group)
        # Files are taken in at one moment: then their contents decide.
        return last, min(examples[at].content_hash for at in group)

    for group in sorted(free, key=newest, reverse=True):
        if len(held) >= wanted:
            break
        if len(held) + len(group) <= max(wanted * 1.25, 1):
            held.update(group)
    return [
        replace(example, split=Split.HELD_OUT if at in held else Split.TRAIN)
        for at, example in enumerate(examples)
    ]


def _ties(example: TrainingExample) -> list[Hashable]:
    ties: list[Hashable] = []
    answer = " ".join(example.answer.casefold().split())
    if len(answer) >= SHORTEST_SHARED_ANSWER:
        ties.append(("answer", answer))
    if example.history:
        ties.append(("conversation", example.history[0].question.casefold()))
    return ties
