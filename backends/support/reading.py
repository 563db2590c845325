"""A text read as tokens: words with their sense, facts with their values."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from backends.support import calendar, numbers
from backends.support.concepts import concept, meanings
from backends.support.lexicon import COMMON
from backends.support.lexing import Lexeme, lexemes
from backends.support.scope import BOUNDING, bounds, is_negator, negations
from backends.support.tokens import (
    CLOCK,
    CODE,
    DATE,
    MONTH,
    NAME,
    NUMBER,
    ORDINAL,
    PER,
    WEEKDAY,
    WORD,
    Token,
)
from backends.support.units import BEFORE_NUMBER, RATES, Unit, unit

JOINERS = frozenset(("-", "–", "—", "to", "through", "thru", "until", "till", "bis"))
RATE_WORDS = frozenset(("/", "per", "a", "an", "each", "every", "pro"))
BETWEEN_UNIT = frozenset(
    [
        "working",
        "business",
        "calendar",
        "full",
        "consecutive",
        "more",
        "additional",
        "further",
        "extra",
    ]
)
SPOKEN = frozenset(["january", "february", "march", "may", "sat", "sun", "mar"])
NOT_NAMES = frozenset(
    [
        "i",
        "ok",
        "okay",
        "yes",
        "no",
        "please",
        "the",
        "a",
        "an",
        "if",
        "dr",
        "mr",
        "mrs",
        "ms",
        "prof",
    ]
)
JOINING = frozenset(("and", "but", "while", "whereas"))
PARTS_OF_DAY = frozenset(("night", "morning", "evening", "afternoon"))
STANDALONE = {"url", "mail", "version", "phone", "code"}
# Stems that the names of medicines end with, by international agreement.
DRUG = re.compile(
    r"\w{2,}(?:cillin|mycin|micin|oxacin|nidazole|conazole|prazole|azepam|azolam|olol"
    r"|april|sartan|statin|profen|caine|setamol|cetamol|mab|ovir|avir|tidine|oxetine"
    r"|apine|ropine|phrine|naline|parin|pirin|asone|solone|formin|xaban|gliptin|setron"
    r"|phylline|barbital|codone|orphine|odeine|sulin|triptan|dipine|thiazide|semide"
    r"|fenac|terol|bamol|tinib|cycline|cef\w+)|cef\w{3,}"
)


@lru_cache(512)
def read(text: str) -> tuple[Token, ...]:
    """The tokens of a text, in their order."""
    return tuple(_Reader(lexemes(text)).tokens())


class _Reader:
    """Goes through lexemes once; each step makes tokens and says how many it used."""

    def __init__(self, found: list[Lexeme]) -> None:
        self._all = found
        self._low = [lexeme.low for lexeme in found]
        self._negated, self._doubtful = negations(found)
        self._bounds = bounds(found)
        self._places: list[float] = []
        place = 0.0
        for lexeme in found:
            place += lexeme.gap if lexeme.gap > 1 else _step(lexeme)
            self._places.append(place)
        self._out: list[Token] = []

    def tokens(self) -> list[Token]:
        steps: tuple[Callable[[int], int], ...] = (
            self._standing,
            self._day_and_month,
            self._named_time,
            self._quantity,
            self._word,
        )
        at = 0
        while at < len(self._all):
            at += next(used for step in steps if (used := step(at)))
        return self._out

    def _add(
        self,
        at: int,
        kind: str,
        values: Iterable[object],
        used: int = 1,
        *,
        raw: Iterable[float] = (),
        loose: bool = False,
    ) -> int:
        """Put a token down; how many lexemes it took."""
        lexeme = self._all[at]
        self._out.append(
            Token(
                kind,
                frozenset(values),
                " ".join(each.text for each in self._all[at : at + used]),
                self._places[at],
                frozenset(raw),
                any(self._negated[at : at + used]),
                any(self._doubtful[at : at + used]),
                self._bounds[at],
                loose,
                lexeme.begins,
            )
        )
        return used

    def _standing(self, at: int) -> int:
        """What is a fact by its form alone."""
        lexeme = self._all[at]
        if lexeme.kind in STANDALONE:
            value = re.sub(r"^(?:https?://)?(?:www\.)?|[^\w+@#.:/-]|/$", "", lexeme.low)
            return self._add(at, CODE, [re.sub(r"[ ()-]", "", value)])
        if lexeme.kind == "clock":
            return self._clock(at)
        if lexeme.kind in ("iso", "date"):
            return self._add(at, DATE, _written_date(lexeme.text))
        if lexeme.kind == "fraction":
            first, second = map(int, lexeme.text.split("/"))
            values = calendar.either_way(first, second)
            if values:
                return self._add(at, DATE, [*values, f"{first}/{second}"])
            return self._add(at, CODE, [f"{first}/{second}"])
        return 0

    def _clock(self, at: int, half_from: Lexeme | None = None) -> int:
        found = calendar.CLOCK.match(self._all[at].text)
        values = calendar.minutes(found) if found else frozenset()
        if not values or not found:
            return self._add(at, CODE, [self._low[at]])
        return self._add(at, CLOCK, values, raw=_hours(values, found))

    def _day_and_month(self, at: int) -> int:
        """Dates in words ("3 May", "May 3rd, 2026"), weekdays and their ranges."""
        month = self._month(at)
        if month:
            day, used = self._day_number(at + 1)
            if day:
                return self._add(at, DATE, calendar.date(day, month), 1 + used)
            return self._add(at, MONTH, [month])
        day, used = self._day_number(at)
        if day:
            after = at + used + (self._word_at(at + used) == "of")
            if month := self._month(after):
                return self._add(at, DATE, calendar.date(day, month), after + 1 - at)
        return self._weekday(at)

    def _day_number(self, at: int) -> tuple[int, int]:
        """A day of the month and the lexemes it takes; 0 for none."""
        if self._word_at(at) == "the":
            day, used = self._day_number(at + 1)
            return (day, used + 1) if day else (0, 0)
        if at < len(self._all) and self._low[at].isdigit():
            used = 2 if self._word_at(at + 1) in ("st", "nd", "rd", "th") else 1
            day = int(self._low[at]) if len(self._low[at]) <= 2 else 0
            return (day, used) if 1 <= day <= 31 else (0, 0)
        day = numbers.ORDINALS.get(self._word_at(at), 0)
        return (day, 1) if day else (0, 0)

    def _month(self, at: int) -> int:
        word = self._word_at(at)
        month = calendar.MONTH.get(word, 0)
        if word in SPOKEN or len(word) == 3:
            return month if month and self._all[at].text[0].isupper() else 0
        return month

    def _weekday(self, at: int) -> int:
        word = self._word_at(at)
        if word in calendar.DAY_GROUPS:
            return self._add(at, WEEKDAY, calendar.DAY_GROUPS[word], loose=True)
        day = calendar.WEEKDAY.get(word)
        if day is None or (word in SPOKEN and not self._all[at].text[0].isupper()):
            return 0
        last = calendar.WEEKDAY.get(self._word_at(at + 2))
        if self._word_at(at + 1) in JOINERS and last is not None:
            return self._add(at, WEEKDAY, calendar.between(day, last, 7), 3)
        return self._add(at, WEEKDAY, [day])

    def _quantity(self, at: int) -> int:
        """A number with its unit, its rate and the number that its range ends with."""
        before = 1 if self._word_at(at) in BEFORE_NUMBER else 0
        values, used = self._number(at + before)
        if not values:
            return 0
        after = at + before + used
        if self._word_at(after) in ("st", "nd", "rd", "th"):
            return self._add(at, ORDINAL, values, used + 1, raw=values)
        if before:
            measure = unit(self._all[at].text)
            return self._measured(at, values, measure, before + used)
        measure, taken = self._unit(after)
        if measure is None and (ahead := self._range_unit(after)):
            return self._shared(at, values, used, ahead)
        return self._measured(at, values, measure, used + taken)

    def _measured(
        self, at: int, values: frozenset[float], measure: Unit | None, used: int
    ) -> int:
        word = self._low[at]
        if measure is None:
            loose = word in ("one", "half", "both", "quarter", "couple", "zero", "a")
            return self._add(at, NUMBER, values, used, raw=values, loose=loose)
        scaled = (
            numbers.same(value * measure.factor + measure.offset) for value in values
        )
        loose = word in ("a", "an")
        self._add(at, measure.dimension, scaled, used, raw=values, loose=loose)
        return used + self._rate(at + used)

    def _rate(self, at: int) -> int:
        """What a quantity is counted for: "/kg", "per day", "a week"."""
        if self._word_at(at) not in RATE_WORDS or self._gap_at(at) > 1:
            return 0
        per = unit(self._text_at(at + 1))
        if per is None:
            return 0
        self._add(at + 1, PER, [(per.dimension, per.factor)], loose=True)
        return 2 + self._rate(at + 2)

    def _range_unit(self, at: int) -> "Lexeme | Unit | None":
        """The unit, or the time, that stands after the second number of a range."""
        if self._word_at(at) not in (*JOINERS, "and", "or"):
            return None
        if at + 1 < len(self._all) and self._all[at + 1].kind == "clock":
            joined = self._word_at(at) not in ("and", "or")
            return self._all[at + 1] if joined else None
        values, used = self._number(at + 1)
        return self._unit(at + 1 + used)[0] if values else None

    def _shared(
        self, at: int, values: frozenset[float], used: int, ahead: Lexeme | Unit
    ) -> int:
        if isinstance(ahead, Unit):
            scaled = (numbers.same(v * ahead.factor + ahead.offset) for v in values)
            return self._add(at, ahead.dimension, scaled, used, raw=values)
        hour = min(values)
        if hour != int(hour) or hour > 24:
            return self._add(at, NUMBER, values, used, raw=values)
        times = [int(hour) * 60 % 1440, (int(hour) * 60 + 720) % 1440]
        return self._add(
            at, CLOCK, times if hour <= 12 else times[:1], used, raw=values
        )

    def _number(self, at: int) -> tuple[frozenset[float], int]:
        """The values of the number that stands here, and the lexemes it takes."""
        if at >= len(self._all):
            return frozenset(), 0
        if self._all[at].kind == "number":
            values, used = numbers.readings(self._all[at].text), 1
            scale = numbers.SCALES.get(self._low_at(at + 1), 0.0)
            if self._text_at(at + 1) == "m" or (scale and self._gap_at(at + 1) > 1):
                scale = 0.0
            if scale:
                values = frozenset(numbers.same(value * scale) for value in values)
            return values, used + bool(scale)
        return self._spelt(at)

    def _spelt(self, at: int) -> tuple[frozenset[float], int]:
        words = self._low[at : at + 8]
        for phrase, value in (
            (["half", "a"], 0.5),
            (["half", "an"], 0.5),
            (["quarter", "of", "an"], 0.25),
            (["a", "quarter", "of", "an"], 0.25),
            (["three", "quarters", "of", "an"], 0.75),
            (["a", "dozen"], 12.0),
            (["a", "couple", "of"], 2.0),
            (["a", "hundred"], 100.0),
            (["a", "thousand"], 1000.0),
            (["twice"], 2.0),
        ):
            if words[: len(phrase)] == phrase:
                return frozenset([value]), len(phrase)
        if found := numbers.spelt(words):
            return frozenset([found[0]]), found[1]
        if words[:1] == ["once"] and words[1:2] and words[1] in (*RATE_WORDS, *RATES):
            return frozenset([1.0]), 1
        if words[:1] in (["a"], ["an"]) and self._is_period(at + 1):
            return frozenset([1.0]), 1
        return frozenset(), 0

    def _is_period(self, at: int) -> bool:
        found = unit(self._text_at(at))
        one = len(self._low_at(at)) > 2 and self._low_at(at + 1) not in (
            "past",
            "to",
            "of",
        )
        return one and found is not None and found.dimension in ("time", "calendar")

    def _unit(self, at: int) -> tuple[Unit | None, int]:
        """The unit that stands here, perhaps after a hyphen or "working"."""
        skipped = 0
        if self._word_at(at) == "-" or self._word_at(at) in BETWEEN_UNIT:
            skipped = 1
        text = self._text_at(at + skipped)
        if self._gap_at(at + skipped) > 2:
            return None, 0
        found = unit(RATES.get(text.lower(), text) if skipped else text)
        return (found, skipped + 1) if found else (None, 0)

    def _named_time(self, at: int) -> int:
        word = self._low[at]
        if word in calendar.TIMES:
            return self._add(at, CLOCK, [calendar.TIMES[word]])
        if spoken := self._spoken_time(at):
            return spoken
        if ordinal := numbers.ORDINALS.get(word):
            value = float(ordinal)
            return self._add(at, ORDINAL, [value], raw=[value], loose=ordinal == 1)
        if word in RATES:
            per = unit(RATES[word])
            assert per is not None
            return self._add(at, PER, [(per.dimension, per.factor)], loose=True)
        counted = self._low_at(at - 1) in ("time", "times", "once", "twice")
        each = ("each", "every", "per", *(("a", "an") if at and counted else ()))
        if (
            word in each
            and self._low_at(at + 1) != "second"
            and (per := unit(self._text_at(at + 1)))
        ):
            return self._add(at + 1, PER, [(per.dimension, per.factor)], loose=True) + 1
        return 0

    def _spoken_time(self, at: int) -> int:
        """ "Half past ten", "a quarter to 3"."""
        minute = {"half": 30, "quarter": 15}.get(self._low[at], 0)
        side = self._low_at(at + 1)
        if not minute or side not in ("past", "to"):
            return 0
        hours, used = self._number(at + 2)
        if not hours:
            return 0
        start = int(min(hours)) * 60 + (minute if side == "past" else -minute)
        return self._add(at, CLOCK, [start % 720, start % 720 + 720], 2 + used)

    def _word(self, at: int) -> int:
        lexeme = self._all[at]
        if lexeme.kind != "word" or len(lexeme.low) < 2:
            return 1
        key, turned = concept(lexeme.low)
        opposite = key.startswith("±")
        if lexeme.low in COMMON and not opposite:
            return 1
        if is_negator(lexeme.low) or lexeme.low in BOUNDING:
            return 1
        capital = lexeme.text[0].isupper() and not lexeme.begins
        shouted = len(lexeme.text) > 1 and lexeme.text.isupper()
        name = (capital or shouted) and lexeme.low not in NOT_NAMES
        name = name or DRUG.fullmatch(lexeme.low) is not None
        self._out.append(
            Token(
                NAME if name else WORD,
                frozenset([key]),
                lexeme.text,
                self._places[at],
                negated=self._negated[at] != turned,
                doubtful=self._doubtful[at],
                begins=lexeme.begins,
                opposite=opposite,
                groups=meanings(lexeme.low),
            )
        )
        return 1

    def _low_at(self, at: int) -> str:
        return self._low[at] if at < len(self._low) else ""

    _word_at = _low_at

    def _text_at(self, at: int) -> str:
        return self._all[at].text if at < len(self._all) else ""

    def _gap_at(self, at: int) -> float:
        return self._all[at].gap if at < len(self._all) else 9.0


def _step(lexeme: Lexeme) -> float:
    if lexeme.low in JOINING:
        return 2.5
    return 0.5 if lexeme.low in COMMON or lexeme.kind == "sign" else 1.0


def _hours(values: Iterable[int], found: re.Match[str]) -> list[float]:
    """What may be said for it without minutes."""
    return [float(found[1])] if not int(found[2] or 0) else []


def _written_date(text: str) -> frozenset[str]:
    parts = [int(part) for part in re.findall(r"\d+", text)]
    if len(str(parts[0])) == 4:
        return calendar.date(parts[2], parts[1])
    if "." in text:
        return calendar.date(parts[0], parts[1])
    return calendar.either_way(parts[0], parts[1])
