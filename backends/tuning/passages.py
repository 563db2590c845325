"""Passages beside an example's own, as a search finds them: the hybrid's training.

A model that was tuned without passages is hurt by them when it is asked with some. So
each example gets its own passages among others that do not help, in any order, and
some get only others: the model then learns not to lean on what is not there.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import replace

from backends.base import Passage
from backends.prompt import NOT_IN_DOCUMENTS
from backends.tuning.example import TrainingExample

MARKER = re.compile(r"\[(\d{1,3})\]")
WITHOUT_OWN = 0.15
"""Share of the examples whose own passages are left out; they learn to abstain."""


def among_others(
    example: TrainingExample, found: Sequence[Passage], *, count: int = 5
) -> TrainingExample:
    """The example with `count` passages: its own, and others of `found`.

    The same example always gets the same order. One without passages of its own is
    left as it is: nobody knows what supports it.
    """
    if not example.passages:
        return example
    chance = random.Random(example.id)
    by_id = {passage.id: passage for passage in found}
    # What was kept of a cited passage is its quotation; the search has the whole.
    own = [by_id.get(passage.id, passage) for passage in example.passages]
    known = {passage.id for passage in own}
    others = [passage for passage in found if passage.id not in known]
    if others and chance.random() < WITHOUT_OWN:
        return replace(
            example,
            passages=tuple(others[:count]),
            answer=NOT_IN_DOCUMENTS,
            rejected="",
        )
    shown = [*own, *others[: max(0, count - len(own))]]
    chance.shuffle(shown)
    places = {number: shown.index(passage) + 1 for number, passage in enumerate(own, 1)}

    def moved(marker: re.Match[str]) -> str:
        place = places.get(int(marker[1]))
        return f"[{place}]" if place else ""

    return replace(
        example, passages=tuple(shown), answer=MARKER.sub(moved, example.answer)
    )
