"""Days, months and times of day as values that compare."""

import re
from collections.abc import Mapping

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]

WEEKDAY: Mapping[str, int] = {
    name: number
    for number, day in enumerate(DAYS)
    for name in (day, f"{day}s", day[:3], f"{day[:3]}s")
    if name not in ("sun", "suns", "sat", "mons", "weds", "suns")
} | {"tues": 1, "thur": 3, "thurs": 3, "weds": 2, "sat": 5, "sun": 6}
MONTH: Mapping[str, int] = {
    name: number
    for number, month in enumerate(MONTHS, 1)
    for name in (month, month[:3])
    if name != "mar"
} | {"sept": 9, "mar": 3}

DAY_GROUPS: Mapping[str, frozenset[int]] = {
    "weekday": frozenset(range(5)),
    "weekdays": frozenset(range(5)),
    "workday": frozenset(range(5)),
    "workdays": frozenset(range(5)),
    "weekend": frozenset((5, 6)),
    "weekends": frozenset((5, 6)),
}
TIMES: Mapping[str, int] = {"noon": 720, "midday": 720, "midnight": 0}

CLOCK = re.compile(
    r"(\d{1,2})(?:[:.h](\d{2}))?(?::\d{2})?\s*"
    r"(a\.?\s?m\b\.?|p\.?\s?m\b\.?|uhr\b|o['’]clock\b|hrs\b|h\b)?",
    re.IGNORECASE,
)


def between(first: int, last: int, size: int) -> frozenset[int]:
    """The days or months of a range, which may run over the end."""
    return frozenset((first + step) % size for step in range((last - first) % size + 1))


def minutes(found: re.Match[str]) -> frozenset[int]:
    """The minutes since midnight that a time may mean; none when it is no time."""
    hour, minute = int(found[1]), int(found[2] or 0)
    half = (found[3] or "").casefold().replace(".", "").replace(" ", "")
    if hour > 24 or minute > 59:
        return frozenset()
    if half in ("am", "pm"):
        return frozenset([(hour % 12 + (12 if half == "pm" else 0)) * 60 + minute])
    exact = hour * 60 + minute
    open_half = 1 <= hour <= 12 and not found[1].startswith("0")
    if open_half and not half.startswith(("uhr", "h")):
        return frozenset([exact % 1440, (exact + 720) % 1440])
    return frozenset([exact % 1440])


def date(day: int, month: int) -> frozenset[str]:
    """A date's value; empty for one that cannot be."""
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return frozenset()
    return frozenset([f"{month:02}-{day:02}"])


def either_way(first: int, second: int) -> frozenset[str]:
    """What "3/4" may mean: day and month, or month and day."""
    return date(first, second) | date(second, first)
