"""Numbers as they are written: 1,500 and 1.500, 2,5 and 2½, "two hundred and fifty"."""

import re
from collections.abc import Mapping, Sequence

ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SCALES: Mapping[str, float] = {
    "hundred": 100,
    "thousand": 1e3,
    "k": 1e3,
    "million": 1e6,
    "mn": 1e6,
    "m": 1e6,
    "billion": 1e9,
    "bn": 1e9,
    "dozen": 12,
}
SPELT_SCALES = frozenset(("hundred", "thousand", "million", "billion", "dozen"))
WORDS: Mapping[str, float] = (
    {word: number for number, word in enumerate(ONES)}
    | {word: 20 + 10 * number for number, word in enumerate(TENS)}
    | {"half": 0.5, "quarter": 0.25, "twice": 2, "thrice": 3, "both": 2, "couple": 2}
)
ORDINALS: Mapping[str, int] = {
    name: number
    for number, name in enumerate(
        [
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
            "eleventh",
            "twelfth",
            "thirteenth",
            "fourteenth",
            "fifteenth",
        ],
        1,
    )
} | {"twentieth": 20, "thirtieth": 30}


def same(value: float) -> float:
    """A value as it is compared: to six digits."""
    return float(f"{value:.6g}")


def readings(digits: str) -> frozenset[float]:
    """The values that a written number may have: in 1,500 the comma may be a point."""
    plain = re.sub("[\\s'’]", "", digits)
    found = set()
    for grouping, point in ((",", "."), (".", ",")):
        whole, _, rest = plain.partition(point)
        first, *groups = whole.split(grouping)
        if groups and first == "0":
            continue
        if (rest or "0").isdigit() and all(len(group) == 3 for group in groups):
            found.add(same(float(f"{first}{''.join(groups)}.{rest or 0}")))
    # In English a comma before three digits parts thousands; a point may do so too.
    thousands = {value for value in found if "," in plain and value >= 1000}
    return frozenset(thousands or found)


def spelt(words: Sequence[str]) -> tuple[float, int] | None:
    """The number that words begin with, and how many of them it takes."""
    total, part, used = 0.0, 0.0, 0
    last_ten = False
    for at, word in enumerate(words):
        if word in SPELT_SCALES and used:
            scale = SCALES[word]
            if scale == 100 or word == "dozen":
                part = (part or 1) * scale
            else:
                total, part = total + (part or 1) * scale, 0.0
            last_ten = False
        elif word in ONES or word in TENS:
            small = word in ONES[1:10]
            if (
                used
                and not (last_ten and small)
                and words[at - 1]
                not in (
                    *SPELT_SCALES,
                    "and",
                )
            ):
                break
            if used and words[at - 1] == "and" and part % 100 and not total:
                break
            part += WORDS[word]
            last_ten = word in TENS
        elif (word == "-" and last_ten) or (
            word == "and" and used and words[at - 1] in SPELT_SCALES
        ):
            continue
        elif words[at : at + 3] == ["and", "a", "half"] and used:
            return same(total + part + 0.5), at + 3
        else:
            break
        used = at + 1
    return (same(total + part), used) if used else None
