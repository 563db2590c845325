"""Words brought to a common form, so that "closing" and "closes" are one."""

from functools import lru_cache

ENDINGS = (
    "ations",
    "ation",
    "ments",
    "ment",
    "ings",
    "ing",
    "ions",
    "ion",
    "edly",
    "ies",
    "ied",
    "ers",
    "er",
    "ed",
    "es",
    "ly",
    "al",
    "s",
    "y",
    "e",
)
SHORTEST = 3
ALIKE = 5  # letters that two longer words must share to be taken for one


@lru_cache(8192)
def stem(word: str) -> str:
    """The common form of an English word; other languages lose little by it."""
    bare = word.casefold().removesuffix("’s").removesuffix("'s")
    for ending in ENDINGS:
        if bare.endswith(ending) and len(bare) - len(ending) >= SHORTEST:
            bare = bare[: -len(ending)]
            break
    if len(bare) > SHORTEST and bare[-1] == bare[-2] and bare[-1] not in "aeiouls":
        bare = bare[:-1]  # "stopped" -> "stop"
    return bare[:-1] if len(bare) > SHORTEST and bare[-1] in "eiy" else bare


def alike(one: str, other: str) -> bool:
    """Whether two stems are likely forms of one word ("electr", "electric")."""
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= ALIKE and longer.startswith(shorter)
