"""Words as ideas: synonyms are one, of two opposites one denies the other."""

from functools import cache

from backends.support.lexicon import OPPOSITES, SYNONYMS
from backends.support.stems import stem


@cache
def _opposites() -> dict[str, tuple[str, bool]]:
    found: dict[str, tuple[str, bool]] = {}
    for plain, turned in OPPOSITES:
        key = f"±{plain.split()[0]}"
        for side, negative in ((plain, False), (turned, True)):
            for word in side.split():
                found.setdefault(word, (key, negative))
    return found


@cache
def _synonyms() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in SYNONYMS:
        key = f"={line.split()[0]}"
        for word in line.split():
            found.setdefault(word, set()).add(key)
    return {word: frozenset(keys) for word, keys in found.items()}


def concept(word: str) -> tuple[str, bool]:
    """The idea of a word, and whether the word turns it."""
    return _opposites().get(word) or (stem(word), False)


def meanings(word: str) -> frozenset[str]:
    """The groups of synonyms that a word belongs to."""
    return _synonyms().get(word, frozenset())
