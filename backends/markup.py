"""Tells code from prose in Markdown that arrives bit by bit."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r"\s*(?:(`{3,})[^`]*|(~{3,}).*)")
RUN = re.compile("`+")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text, and whether it is code, to be left as it is."""

    text: str
    code: bool = False


class CodeSplitter:
    """Takes deltas, gives pieces; however the text is cut, they join to the same.

    Inline code is code only once it is closed in its line, so from a backtick on the
    text is held back until then. After a backtick without a partner in its line nothing
    is sure before the paragraph ends, so nothing counts as code. A line of three
    backticks or tildes opens a block.
    """

    def __init__(self) -> None:
        self._line = ""
        self._held = ""  # from an opening backtick on, within one line
        self._escaping = False
        self._stray = False  # this paragraph has a backtick that found no partner
        self._fence = ""

    def feed(self, delta: str) -> Iterator[Piece]:
        for char in delta:
            yield from self._take(char)

    def finish(self) -> Iterator[Piece]:
        yield from self._settle(final=True)

    def _take(self, char: str) -> Iterator[Piece]:
        if self._fence:
            yield Piece(char, code=True)
            self._line = "" if self._ends_line(char) else self._line + char
        elif char == "\n":
            yield from self._settle(final=True)
            fence = FENCE.fullmatch(self._line)
            self._fence = (fence[1] or fence[2]) if fence else ""
            if fence or not self._line.strip():
                self._stray = False
            self._line = ""
            self._escaping = False
            yield Piece(char)
        else:
            self._line += char
            yield from self._in_line(char)

    def _ends_line(self, char: str) -> bool:
        if char != "\n":
            return False
        mark = self._line.strip()
        if mark.startswith(self._fence) and not mark.strip(self._fence[0]):
            self._fence = ""
        return True

    def _in_line(self, char: str) -> Iterator[Piece]:
        if self._held:
            self._held += char
            if char != "`" == self._held[-2]:
                yield from self._settle(final=False)
        elif char == "`" and not self._escaping and not self._stray:
            self._held = char
        else:
            self._escaping = char == "\\" and not self._escaping
            yield Piece(char)

    def _settle(self, *, final: bool) -> Iterator[Piece]:
        """Give out what is decided of the held text; all of it when `final`."""
        while self._held:
            opening = RUN.match(self._held)
            assert opening is not None
            closing = self._closing(opening.end(), final=final)
            if closing:
                yield Piece(self._held[:closing], code=True)
                rest = self._held[closing:]
            elif final:
                self._stray = True
                yield Piece(opening[0])
                rest = self._held[opening.end() :]
            else:
                return
            self._held = ""
            yield from self._again(rest)

    def _closing(self, opened: int, *, final: bool) -> int:
        for run in RUN.finditer(self._held, opened):
            if len(run[0]) == opened and (final or run.end() < len(self._held)):
                return run.end()
        return 0

    def _again(self, rest: str) -> Iterator[Piece]:
        """Read on after a decision, up to the next backtick that may open code."""
        self._escaping = False
        for position, char in enumerate(rest):
            if char == "`" and not self._escaping and not self._stray:
                self._held = rest[position:]
                return
            self._escaping = char == "\\" and not self._escaping
            yield Piece(char)
