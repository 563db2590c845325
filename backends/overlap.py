"""How much two texts say the same, by their words alone."""

import re
from collections import Counter
from collections.abc import Sequence
from math import log, sqrt

WORD = re.compile(r"\w+(?:['’.:-]\w+)*")
# They join sentences of any content, so they say nothing about likeness.
COMMON = frozenset(
    """a an and are as at be been but by can could did do does for from had has have he
    her his how i if in into is it its may me my no not of on or our shall she should so
    than that the their them then there these they this to was we were what when where
    which who why will with would you your""".split()  # noqa: SIM905
)


def words(text: str) -> Counter[str]:
    """The words of a text that carry meaning, case and plural put aside."""
    found = (word.casefold() for word in WORD.findall(text))
    return Counter(_stem(word) for word in found if word not in COMMON)


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


def shared(one: Counter[str], other: Counter[str]) -> float:
    """The part of `one`'s words that `other` has too, 0 to 1."""
    total = one.total()
    return (one & other).total() / total if total else 0.0


def likeness(question: str, texts: Sequence[str]) -> list[float]:
    """How like the question each text is, 0 to 1; rare words count more."""
    asked = words(question)
    bags = [words(text) for text in texts]
    seen = Counter(word for bag in bags for word in bag)
    weight = {
        word: log(1 + len(bags) / (1 + seen[word]))
        for word in asked.keys() | seen.keys()
    }

    def norm(bag: Counter[str]) -> float:
        return sqrt(sum((count * weight[word]) ** 2 for word, count in bag.items()))

    def cosine(bag: Counter[str]) -> float:
        common = asked.keys() & bag.keys()
        dot = sum(asked[w] * bag[w] * weight[w] ** 2 for w in common)
        return dot / (norm(asked) * norm(bag)) if dot else 0.0

    return [cosine(bag) for bag in bags]
