"""Keeps the `[n]` markers of a streamed answer true: each has a passage behind it."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from backends.backing import Claims, backs
from backends.base import Citation, Passage, Text
from backends.markup import CodeSplitter

OPENING, CLOSING = "[【［", "]】］"
LONGEST = 48  # characters that a marker may take, with all that models decorate it
DECORATION = re.compile("[\\\\*_~\u200b-\u200f\u2060\ufeff]|†.*", re.DOTALL)
NUMBERS = re.compile(
    r"\s*(?:(?:passages?|sources?|documents?|docs?|refs?|citations?)\b\s*)?"
    r"([\^#]?\s*\d{1,3}(?:(?:\s*(?:[,;&–—-]|\band\b)\s*|\s+)[\^#]?\d{1,3})*)\s*",
    re.IGNORECASE,
)
BRACKETED = re.compile(r"\\?[\[【［](\s*\d{1,3}\s*)\\?[\]】］]")
NUMBER = re.compile(r"([-–—]?)\s*[\^#]?(\d{1,3})")
UNFINISHED = re.compile(r"\\?[\[【［][\s\d,;&^#-]*\d[\s\d,;&^#-]*")
WIDEST_RANGE = 10
LINE_START = 24
DEFINITION = re.compile(r"[\s>*+\-\d.)]*")  # before `[1]:` it would define a link


class CitationFilter:
    """Takes an answer's deltas, gives its text with true markers, and the citations.

    Markers get numbers 1, 2, 3 in the order of their first use. A number without a
    passage is taken out. Code stays as it is. The result does not depend on how the
    text is cut into deltas.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = tuple(passages)
        self._shown: dict[int, int] = {}  # the model's number -> ours
        self._splitter = CodeSplitter()
        self._ready: list[str] = []
        self._spaces = ""
        self._dropped = False  # a marker was taken out after the last visible text
        self._marker = ""  # from an opening bracket on, while it may be a marker
        self._around: list[str] = []  # brackets opened before it, not yet closed
        self._run: set[int] = set()  # markers that stand side by side
        self._line = ""
        self._last = ""
        self._claims = Claims(self._passages)
        self._written: list[str] = []

    @property
    def used(self) -> bool:
        """Whether any passage was cited."""
        return bool(self._shown)

    def feed(self, delta: str) -> list[Text | Citation]:
        for piece in self._splitter.feed(delta):
            self._take(piece.text, code=piece.code)
        return self._flush()

    def finish(self) -> list[Text | Citation]:
        for piece in self._splitter.finish():
            self._take(piece.text, code=piece.code)
        if UNFINISHED.fullmatch(self._marker):
            self._marker, self._dropped = "", True
        self._release()
        if not self._dropped:
            self._write("")
        self._claims.end_sentence()
        return self._flush()

    def backed(self) -> list[Text | Citation]:
        """After the end: citations for an answer whose model cited nothing itself."""
        text = "".join(self._written)
        numbers = [
            number
            for number, passage in enumerate(self._passages, 1)
            if backs(passage, text)
        ]
        if not numbers:
            return []
        self._ready.append("\n\n")
        self._claims.claim = text
        for number in numbers:
            self._show(number)
        self._claims.end_sentence()
        return self._flush()

    def _flush(self) -> list[Text | Citation]:
        text = "".join(self._ready)
        self._ready.clear()
        self._written.append(text)
        chunks: list[Text | Citation] = [Text(text)] if text else []
        return [*chunks, *self._claims.settled()]

    def _take(self, text: str, *, code: bool) -> None:
        if code:
            self._release()
            self._write(text)
            return
        for char in text:
            self._take_char(char)

    def _take_char(self, char: str) -> None:
        if self._marker == "\\":
            if char in OPENING:
                self._marker += char
                return
            self._release()
        if self._marker:
            self._extend(char)
        elif char in OPENING or char == "\\":
            self._marker = char
        elif char in " \t":
            self._space(char)
        else:
            self._write(char)

    def _extend(self, char: str) -> None:
        """Go on with what may become a marker."""
        if len(self._marker) + len(self._around) >= LONGEST:
            self._release()
            self._take_char(char)
            return
        if char in OPENING:
            # A marker taken out of "[1[9]]" must not leave "[1]" behind.
            self._around.append(self._marker)
            self._marker = char
            return
        self._marker += char
        if char in CLOSING:
            inner = DECORATION.sub("", self._marker.lstrip("\\")[1:-1])
            found = NUMBERS.fullmatch(inner)
            if found is None:
                self._release()
                return
            self._marker = ""
            if not self._cite(found[1]) and self._around:
                self._marker = self._around.pop()

    def _release(self) -> None:
        """What was held is ordinary text."""
        text = "".join([*self._around, self._marker])
        self._around.clear()
        self._marker = ""
        for char in text:
            if char in " \t":
                self._space(char)
            else:
                self._write(char)

    def _cite(self, numbers: str) -> bool:
        """Show those that have a passage; whether there were any."""
        known = range(1, len(self._passages) + 1)
        valid = [n for n in listed(numbers) if n in known and n not in self._run]
        if valid:
            self._release()
        elif not self._around:
            self._dropped = True
        for number in valid:
            self._show(number)
        return bool(valid)

    def _show(self, number: int) -> None:
        self._put(self._spaces)
        self._spaces, self._dropped = "", False
        ours = self._shown.setdefault(number, len(self._shown) + 1)
        self._ready.append(f"[{ours}]")
        self._run.add(number)
        self._claims.cite(number, ours)

    def _space(self, char: str) -> None:
        at_start = not self._line and not self._run
        if not self._dropped or not (self._spaces or at_start):
            self._spaces += char

    def _write(self, text: str) -> None:
        """Put out visible text and the white space that stands before it."""
        if self._dropped and text[:1] in set(".,;:!?)]\n"):
            self._spaces = ""
        if self._dropped and not self._spaces and self._last in set("`~\\"):
            self._spaces = " "  # or what stood apart would join to other markup
        if self._run and not self._spaces and self._makes_link(text):
            self._spaces = " "
        self._put(self._spaces + text)
        self._spaces, self._dropped = "", False
        self._run.clear()

    def _makes_link(self, text: str) -> bool:
        """`[1](x)` and, first in its line, `[1]: x` link to where the model wants."""
        first = text[:1]
        return first == "(" or (
            first == ":" and DEFINITION.fullmatch(self._line) is not None
        )

    def _put(self, text: str) -> None:
        self._ready.append(text)
        self._claims.read(text)
        # Only how a line begins matters; the rest would be copied again and again.
        self._last = text[-1:] or self._last
        self._line = (self._line + text).rpartition("\n")[2][:LINE_START]


def listed(numbers: str) -> Iterator[int]:
    """`1, 3-5` -> 1, 3, 4, 5."""
    last = 0
    for dash, digits in NUMBER.findall(numbers):
        number = int(digits)
        if dash and 0 < number - last <= WIDEST_RANGE:
            yield from range(last + 1, number)
        yield number
        last = number


def parenthesised(text: str) -> str:
    """A quotation in which footnote numbers cannot pass for markers of ours."""
    splitter = CodeSplitter()
    pieces = [*splitter.feed(text), *splitter.finish()]
    runs = groupby(pieces, key=lambda piece: piece.code)
    joined = (("".join(piece.text for piece in run), code) for code, run in runs)
    return "".join(t if code else BRACKETED.sub(r"(\1)", t) for t, code in joined)


@lru_cache(512)  # the same old answers go into prompt after prompt
def without_markers(text: str) -> str:
    """An answer's text without its markers."""
    if not any(bracket in text for bracket in OPENING):
        return text
    bare = CitationFilter(())
    chunks = [*bare.feed(text), *bare.finish()]
    return "".join(chunk.delta for chunk in chunks if isinstance(chunk, Text))
