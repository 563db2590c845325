"""Goes through the lexemes of a text once; what it meets becomes tokens."""

from collections.abc import Hashable, Iterable, Sequence

from backends.support.lexicon import COMMON
from backends.support.lexing import Lexeme
from backends.support.scope import bounds, negations
from backends.support.tokens import Token

JOINING = frozenset(("and", "but", "while", "whereas"))


class Cursor:
    """The lexemes with their places, and the tokens that were made of them so far."""

    def __init__(self, found: Sequence[Lexeme]) -> None:
        self.all = found
        self.out: list[Token] = []
        self.negated, self.doubtful = negations(found)
        self.places: list[float] = []
        self._bounds = bounds(found)
        place = 0.0
        for lexeme in found:
            place += lexeme.gap if lexeme.gap > 1 else _step(lexeme)
            self.places.append(place)

    def low(self, at: int) -> str:
        """The lexeme in small letters; empty beyond the end."""
        return self.all[at].low if at < len(self.all) else ""

    def text(self, at: int) -> str:
        return self.all[at].text if at < len(self.all) else ""

    def gap(self, at: int) -> float:
        return self.all[at].gap if at < len(self.all) else 9.0

    def add(
        self,
        at: int,
        kind: str,
        values: Iterable[Hashable],
        used: int = 1,
        *,
        raw: Iterable[float] = (),
        loose: bool = False,
    ) -> int:
        """Put a fact down; how many lexemes it took."""
        taken = range(at, at + used)
        token = Token(
            kind,
            frozenset(values),
            " ".join(self.all[place].text for place in taken),
            self.places[at],
            frozenset(raw),
            negated=any(self.negated[place] for place in taken),
            doubtful=any(self.doubtful[place] for place in taken),
            bound=self._bounds[at],
            loose=loose,
            begins=self.all[at].begins,
        )
        self.out.append(token)
        return used


def _step(lexeme: Lexeme) -> float:
    if lexeme.low in JOINING:
        return 2.5
    return 0.5 if lexeme.low in COMMON or lexeme.kind == "sign" else 1.0
