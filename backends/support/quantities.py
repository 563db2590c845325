"""Numbers with what they count: units, rates, ranges, "half an hour"."""

from backends.support import numbers
from backends.support.cursor import Cursor
from backends.support.lexing import Lexeme
from backends.support.tokens import CLOCK, NUMBER, ORDINAL, PER
from backends.support.units import BEFORE_NUMBER, RATES, Unit, unit

JOINERS = frozenset(("-", "–", "—", "to", "through", "thru", "until", "till", "bis"))
RATE_WORDS = frozenset(("/", "per", "a", "an", "each", "every", "pro"))
BETWEEN_UNIT = frozenset(
    """working business calendar full consecutive more additional further
    extra""".split()  # noqa: SIM905
)
LOOSE = frozenset(("one", "half", "both", "quarter", "couple", "zero", "a"))
PHRASES = (
    ("half a", 0.5),
    ("half an", 0.5),
    ("quarter of an", 0.25),
    ("a quarter of an", 0.25),
    ("three quarters of an", 0.75),
    ("a dozen", 12.0),
    ("a couple of", 2.0),
    ("a hundred", 100.0),
    ("a thousand", 1000.0),
    ("twice", 2.0),
)
BEGINS_NUMBER = frozenset(
    (*numbers.ONES, *numbers.TENS, "half", "quarter", "a", "an", "once", "twice")
)


def quantity(on: Cursor, at: int) -> int:
    """A number with its unit, its rate and the number that its range ends with."""
    before = 1 if on.low(at) in BEFORE_NUMBER else 0
    values, used = number(on, at + before)
    if not values:
        return 0
    after = at + before + used
    if on.low(after) in ("st", "nd", "rd", "th"):
        return on.add(at, ORDINAL, values, used + 1, raw=values)
    if before:
        measure = unit(on.all[at].text)
        return _measured(on, at, values, measure, before + used)
    measure, taken = _unit(on, after)
    if measure is None and (ahead := _range_unit(on, after)):
        return _shared(on, at, values, used, ahead)
    return _measured(on, at, values, measure, used + taken)


def _measured(
    on: Cursor, at: int, values: frozenset[float], measure: Unit | None, used: int
) -> int:
    word = on.low(at)
    if measure is None:
        loose = word in LOOSE
        return on.add(at, NUMBER, values, used, raw=values, loose=loose)
    scaled = (numbers.same(value * measure.factor + measure.offset) for value in values)
    loose = word in ("a", "an")
    on.add(at, measure.dimension, scaled, used, raw=values, loose=loose)
    return used + _rate(on, at + used)


def _rate(on: Cursor, at: int) -> int:
    """What a quantity is counted for: "/kg", "per day", "a week"."""
    if on.low(at) not in RATE_WORDS or on.gap(at) > 1:
        return 0
    per = unit(on.text(at + 1))
    if per is None:
        return 0
    on.add(at + 1, PER, [(per.dimension, per.factor)], loose=True)
    return 2 + _rate(on, at + 2)


def _range_unit(on: Cursor, at: int) -> Lexeme | Unit | None:
    """The unit, or the time, that stands after the second number of a range."""
    if on.low(at) not in (*JOINERS, "and", "or"):
        return None
    if at + 1 < len(on.all) and on.all[at + 1].kind == "clock":
        joined = on.low(at) not in ("and", "or")
        return on.all[at + 1] if joined else None
    values, used = number(on, at + 1)
    return _unit(on, at + 1 + used)[0] if values else None


def _shared(
    on: Cursor, at: int, values: frozenset[float], used: int, ahead: Lexeme | Unit
) -> int:
    if isinstance(ahead, Unit):
        scaled = (numbers.same(v * ahead.factor + ahead.offset) for v in values)
        return on.add(at, ahead.dimension, scaled, used, raw=values)
    hour = min(values)
    if hour != int(hour) or hour > 24:
        return on.add(at, NUMBER, values, used, raw=values)
    times = [int(hour) * 60 % 1440, (int(hour) * 60 + 720) % 1440]
    return on.add(at, CLOCK, times if hour <= 12 else times[:1], used, raw=values)


def number(on: Cursor, at: int) -> tuple[frozenset[float], int]:
    """The values of the number that stands here, and the lexemes it takes."""
    if at >= len(on.all):
        return frozenset(), 0
    if on.all[at].kind == "number":
        values, used = numbers.readings(on.all[at].text), 1
        scale = numbers.SCALES.get(on.low(at + 1), 0.0)
        if on.text(at + 1) == "m" or (scale and on.gap(at + 1) > 1):
            scale = 0.0
        if scale:
            values = frozenset(numbers.same(value * scale) for value in values)
        return values, used + bool(scale)
    return _spelt(on, at)


def _spelt(on: Cursor, at: int) -> tuple[frozenset[float], int]:
    if on.low(at) not in BEGINS_NUMBER:
        return frozenset(), 0
    words = [on.low(place) for place in range(at, at + 8)]
    for phrase, value in PHRASES:
        parts = phrase.split()
        if words[: len(parts)] == parts:
            return frozenset([value]), len(parts)
    if found := numbers.spelt(words):
        return frozenset([found[0]]), found[1]
    if words[:1] == ["once"] and words[1:2] and words[1] in (*RATE_WORDS, *RATES):
        return frozenset([1.0]), 1
    if words[:1] in (["a"], ["an"]) and _is_period(on, at + 1):
        return frozenset([1.0]), 1
    return frozenset(), 0


def _is_period(on: Cursor, at: int) -> bool:
    found = unit(on.text(at))
    one = len(on.low(at)) > 2 and on.low(at + 1) not in (
        "past",
        "to",
        "of",
    )
    return one and found is not None and found.dimension in ("time", "calendar")


def _unit(on: Cursor, at: int) -> tuple[Unit | None, int]:
    """The unit that stands here, perhaps after a hyphen or "working"."""
    skipped = 0
    if on.low(at) == "-" or on.low(at) in BETWEEN_UNIT:
        skipped = 1
    text = on.text(at + skipped)
    if on.gap(at + skipped) > 2:
        return None, 0
    found = unit(RATES.get(text.lower(), text) if skipped else text)
    return (found, skipped + 1) if found else (None, 0)
