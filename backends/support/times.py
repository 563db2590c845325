"""When something is: times of day, days of the week, dates, "daily"."""

import re

from backends.support import calendar, numbers
from backends.support.cursor import Cursor
from backends.support.quantities import JOINERS, number
from backends.support.tokens import CLOCK, CODE, DATE, MONTH, ORDINAL, PER, WEEKDAY
from backends.support.units import RATES, unit

SPOKEN = frozenset(("january", "february", "march", "may", "sat", "sun", "mar"))
PARTS_OF_DAY = frozenset(("night", "morning", "evening", "afternoon"))
EACH = ("each", "every", "per")
COUNTED = ("time", "times", "once", "twice")


def clock(on: Cursor, at: int) -> int:
    found = calendar.CLOCK.match(on.all[at].text)
    values = calendar.minutes(found) if found else frozenset()
    if not values or not found:
        return on.add(at, CODE, [on.low(at)])
    return on.add(at, CLOCK, values, raw=_full_hour(found))


def day_and_month(on: Cursor, at: int) -> int:
    """Dates in words ("3 May", "May 3rd, 2026"), weekdays and their ranges."""
    month = _month(on, at)
    if month:
        day, used = _day_number(on, at + 1)
        if day:
            return on.add(at, DATE, calendar.date(day, month), 1 + used)
        return on.add(at, MONTH, [month])
    day, used = _day_number(on, at)
    if day:
        after = at + used + (on.low(at + used) == "of")
        if month := _month(on, after):
            return on.add(at, DATE, calendar.date(day, month), after + 1 - at)
    return _weekday(on, at)


def _day_number(on: Cursor, at: int) -> tuple[int, int]:
    """A day of the month and the lexemes it takes; 0 for none."""
    if on.low(at) == "the":
        day, used = _day_number(on, at + 1)
        return (day, used + 1) if day else (0, 0)
    if at < len(on.all) and on.low(at).isdigit():
        used = 2 if on.low(at + 1) in ("st", "nd", "rd", "th") else 1
        day = int(on.low(at)) if len(on.low(at)) <= 2 else 0
        return (day, used) if 1 <= day <= 31 else (0, 0)
    day = numbers.ORDINALS.get(on.low(at), 0)
    return (day, 1) if day else (0, 0)


def _month(on: Cursor, at: int) -> int:
    word = on.low(at)
    month = calendar.MONTH.get(word, 0)
    if word in SPOKEN or len(word) == 3:
        return month if month and on.all[at].text[0].isupper() else 0
    return month


def _weekday(on: Cursor, at: int) -> int:
    word = on.low(at)
    if word in calendar.DAY_GROUPS:
        return on.add(at, WEEKDAY, calendar.DAY_GROUPS[word], loose=True)
    day = calendar.WEEKDAY.get(word)
    if day is None or (word in SPOKEN and not on.all[at].text[0].isupper()):
        return 0
    last = calendar.WEEKDAY.get(on.low(at + 2))
    if on.low(at + 1) in JOINERS and last is not None:
        return on.add(at, WEEKDAY, calendar.between(day, last, 7), 3)
    return on.add(at, WEEKDAY, [day])


def named_time(on: Cursor, at: int) -> int:
    word = on.low(at)
    if word in calendar.TIMES:
        return on.add(at, CLOCK, [calendar.TIMES[word]])
    if spoken := _spoken_time(on, at):
        return spoken
    if ordinal := numbers.ORDINALS.get(word):
        value = float(ordinal)
        return on.add(at, ORDINAL, [value], raw=[value], loose=ordinal == 1)
    if word in RATES:
        per = unit(RATES[word])
        assert per is not None
        return on.add(at, PER, [(per.dimension, per.factor)], loose=True)
    counted = at > 0 and on.low(at - 1) in COUNTED
    following = on.low(at + 1)
    if word in EACH and following in PARTS_OF_DAY:
        return on.add(at + 1, PER, [("time", 86_400.0)], loose=True) + 1
    per = unit(on.text(at + 1)) if following != "second" else None
    if per and (word in EACH or (counted and word in ("a", "an"))):
        return on.add(at + 1, PER, [(per.dimension, per.factor)], loose=True) + 1
    return 0


def _spoken_time(on: Cursor, at: int) -> int:
    """ "Half past ten", "a quarter to 3"."""
    minute = {"half": 30, "quarter": 15}.get(on.low(at), 0)
    side = on.low(at + 1)
    if not minute or side not in ("past", "to"):
        return 0
    hours, used = number(on, at + 2)
    if not hours:
        return 0
    start = int(min(hours)) * 60 + (minute if side == "past" else -minute)
    return on.add(at, CLOCK, [start % 720, start % 720 + 720], 2 + used)


def _full_hour(found: re.Match[str]) -> list[float]:
    """What a time may be said as without its minutes."""
    return [] if int(found[2] or 0) else [float(found[1])]


def written_date(text: str) -> frozenset[str]:
    """The value of a date in figures."""
    parts = [int(part) for part in re.findall(r"\d+", text)]
    if len(str(parts[0])) == 4:
        return calendar.date(parts[2], parts[1])
    if "." in text:
        return calendar.date(parts[0], parts[1])
    return calendar.either_way(parts[0], parts[1])
