"""What a negator turns, and which number an "at least" or "at most" belongs to."""

from collections.abc import Sequence

from backends.support.lexicon import (
    AT_LEAST,
    AT_MOST,
    COMMON,
    ENDS_SCOPE,
    FORBIDDING,
    IDLE,
    NEGATORS,
    PASSED,
)
from backends.support.lexing import CLAUSE, Lexeme
from backends.support.numbers import WORDS

REACH = 4  # lexemes between a bound and its number
PHRASES: dict[str, list[tuple[tuple[str, ...], int]]] = {}
"""Phrases that bound a number by their first word, the longest first."""
for phrase, sign in sorted(
    [*((each, 1) for each in AT_LEAST), *((each, -1) for each in AT_MOST)],
    key=lambda bound: -len(bound[0].split()),
):
    PHRASES.setdefault(phrase.split()[0], []).append((tuple(phrase.split()), sign))

BOUNDING = frozenset(
    [
        "max",
        "maximum",
        "minimum",
        "exceed",
        "exceeds",
        "exceeding",
        "least",
        "most",
        "latest",
        "than",
        "fewer",
    ]
)


def is_negator(word: str) -> bool:
    return word in NEGATORS or word.endswith("n't") or word == "cannot"


def negations(found: Sequence[Lexeme]) -> tuple[list[bool], list[bool]]:
    """For each lexeme whether a negator turns it, and whether it may do so.

    In "never granted permanently" the first word is turned for sure; whether the second
    is meant too depends on how it is said ("no permanent grant").
    """
    low = [lexeme.low for lexeme in found]
    turned, doubtful = [False] * len(found), [False] * len(found)
    bound = _in_bounds(low)
    for at, word in enumerate(low):
        if is_negator(word) and not bound[at] and not _idle(low, at):
            sure, unsure = _targets(found, at + 1)
            for target in sure:
                turned[target] = not turned[target]
            for target in unsure:
                doubtful[target] = True
    return turned, doubtful


def count(found: Sequence[Lexeme]) -> int:
    """How many negators a text has that turn something."""
    low = [lexeme.low for lexeme in found]
    bound = _in_bounds(low)
    return sum(
        word in FORBIDDING
        or (is_negator(word) and not bound[at] and not _idle(low, at))
        for at, word in enumerate(low)
    )


def _targets(found: Sequence[Lexeme], at: int) -> tuple[list[int], list[int]]:
    """The next word of weight with those joined by "or" and "nor"; the one after it."""
    sure: list[int] = []
    joined = True
    while at < len(found):
        lexeme = found[at]
        if lexeme.gap > CLAUSE or lexeme.low in ENDS_SCOPE:
            break
        if lexeme.low in ("or", "nor") and sure:
            joined = True
        elif _weighs(lexeme):
            if not joined:
                return sure, [] if lexeme.gap > 1 else [at]
            sure.append(at)
            joined = False
        at += 1
    return sure, []


def _weighs(lexeme: Lexeme) -> bool:
    light = lexeme.low in PASSED or lexeme.low in COMMON
    return not light and lexeme.kind != "sign"


def _idle(low: Sequence[str], at: int) -> bool:
    return any(
        tuple(low[at - turn : at - turn + len(phrase)]) == phrase
        for phrase in IDLE
        for turn in range(len(phrase))
        if at >= turn
    )


def bounds(found: Sequence[Lexeme]) -> list[int]:
    """For each lexeme the bound that is put on the number that begins there."""
    low = [lexeme.low for lexeme in found]
    put = [0] * len(found)
    for at, length, sign in _phrases(low):
        place = _number_near(found, at, length)
        if place is not None and not put[place]:
            put[place] = sign
    return put


def _number_near(found: Sequence[Lexeme], at: int, length: int) -> int | None:
    """The number that a phrase bounds: after it, else before ("10 or more")."""
    for place in range(at + length, min(len(found), at + length + REACH)):
        if found[place].gap > CLAUSE:
            break
        if _numeric(found[place]):
            return place
    for place in range(at - 1, max(-1, at - REACH), -1):
        if _numeric(found[place]):
            return place
        if found[place + 1].gap > CLAUSE:
            break
    return None


def _numeric(lexeme: Lexeme) -> bool:
    return lexeme.text[0].isdigit() or lexeme.low in WORDS


def _phrases(low: Sequence[str]) -> list[tuple[int, int, int]]:
    """Where phrases that bound a number stand: place, length, sign; none overlap."""
    found, at = [], 0
    while at < len(low):
        for phrase, sign in PHRASES.get(low[at], ()):
            if tuple(low[at : at + len(phrase)]) == phrase:
                found.append((at, len(phrase), sign))
                at += len(phrase)
                break
        else:
            at += 1
    return found


def _in_bounds(low: Sequence[str]) -> list[bool]:
    inside = [False] * len(low)
    for at, length, _ in _phrases(low):
        inside[at : at + length] = [True] * length
    return inside


def bounds_in(low: Sequence[str]) -> set[int]:
    """Which bounds a sentence speaks of at all."""
    return {sign for _, _, sign in _phrases(low)}
