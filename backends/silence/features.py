"""What tells a question that the documents answer from one that they do not."""

from collections.abc import Sequence

from backends.base import Passage
from backends.overlap import shared, words

NAMES = ("support", "best score", "runner-up", "words in one passage")


def features(question: str, passages: Sequence[Passage]) -> tuple[float, ...]:
    """The features of a search, in the order of `NAMES`; all 0 for no passage."""
    if not passages:
        return (0.0,) * len(NAMES)
    asked = words(question)
    held = [words(f"{p.title} {p.section} {p.text}") for p in passages]
    scores = sorted((passage.score for passage in passages), reverse=True)
    return (
        max(passage.support for passage in passages),
        scores[0],
        scores[min(1, len(scores) - 1)],
        max(shared(asked, bag) for bag in held),
    )
