"""What a check compares: the words of a text, and the facts in it as values."""

from collections.abc import Hashable
from dataclasses import dataclass

WORD, NAME, CODE = "word", "name", "code"
NUMBER, ORDINAL, PER = "number", "ordinal", "per"
DURATIONS = {"time", "calendar"}
CLOCK, WEEKDAY, MONTH, DATE = "clock", "weekday", "month", "date"


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a fact, and where it stands.

    `kind` is one of the above, or what a quantity measures ("time"); `values` are all
    that it may mean, `raw` its bare numbers. `loose` facts are common ways of speaking
    ("one", "an hour"): only another value in their place speaks against them.
    """

    kind: str
    values: frozenset[Hashable]
    text: str
    at: float
    raw: frozenset[float] = frozenset()
    negated: bool = False
    doubtful: bool = False  # it may be negated
    bound: int = 0  # 1 for "at least", -1 for "at most"
    loose: bool = False
    begins: bool = False
    opposite: bool = False  # it has an opposite, as "open" has "closed"
    denied: bool = False  # by a negator, whatever the word says itself
    groups: frozenset[str] = frozenset()  # of synonyms

    @property
    def key(self) -> Hashable:
        """What makes it the same thing as another token."""
        return (
            next(iter(self.values)) if self.kind == WORD else (self.kind, self.values)
        )

    def says(self, other: "Token") -> bool:
        """Whether `other` has the same value."""
        if self.kind == WEEKDAY == other.kind:
            several = len(self.values) > 1 and len(other.values) > 1
            return (
                self.values == other.values
                if several
                else (self.values <= other.values)
            )
        if self.kind == other.kind:
            return bool(self.values & other.values)
        bare = self.kind in (CLOCK, ORDINAL) and other.kind == NUMBER
        if bare or (self.kind == NUMBER and other.kind != ORDINAL):
            return bool(self.raw & other.raw)
        return False

    def means(self, other: "Token") -> bool:
        """Whether the two are synonyms."""
        return bool(self.groups & other.groups)

    def rivals(self, other: "Token") -> bool:
        """Whether `other` says something else of the same kind."""
        if self.kind != other.kind:
            kinds = {self.kind, other.kind}
            if kinds == {NUMBER, ORDINAL}:
                return self.kind == ORDINAL and not self.raw & other.raw
            measured = not kinds & {NUMBER, ORDINAL, CLOCK}
            return kinds <= DURATIONS or (measured and bool(self.raw & other.raw))
        if self.kind == WEEKDAY:
            return not self.says(other)
        return not self.values & other.values
