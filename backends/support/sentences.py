"""Cuts an answer that is still being written into sentences, each with its markers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from backends.knowledge.sentences import spans
from backends.markup import FENCE

AHEAD = 12
"""Characters that must follow a stop before it is sure to end a sentence."""

MARKERS = re.compile(r"(?:\s*\\?[\[【［][^\[\]【】［］\n]{0,24}\\?[\]】］])+[.!?]*\s*")
MARKER_BEGUN = re.compile(r"\s*\\?(?:[\[【［][^\]】］\n]{0,24})?$")


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence as it is written, with the white space after it; or some code."""

    text: str
    code: bool = False


class SentenceSplitter:
    """Takes deltas, gives segments; they join to the same, however the text is cut."""

    def __init__(self) -> None:
        self._line = ""
        self._fence = ""

    def feed(self, delta: str) -> Iterator[Segment]:
        for char in delta:
            self._line += char
            if char == "\n":
                yield from self._end_line()
            elif not self._fence and char.isspace():
                yield from self._complete()

    def finish(self) -> Iterator[Segment]:
        yield from self._end_line()

    def _end_line(self) -> Iterator[Segment]:
        line, self._line = self._line, ""
        mark = FENCE.fullmatch(line.rstrip("\n"))
        if self._fence:
            yield Segment(line, code=True)
            if line.strip().startswith(self._fence):
                self._fence = ""
        elif mark:
            self._fence = mark[1] or mark[2]
            yield Segment(line, code=True)
        elif line:
            at = 0
            for end in ends(line):
                yield Segment(line[at:end])
                at = end
            if at < len(line):
                yield Segment(line[at:])

    def _complete(self) -> Iterator[Segment]:
        """What of the line is sure to be a sentence by now."""
        at = 0
        for end in ends(self._line):
            if len(self._line) - end < AHEAD or self._line.startswith(("```", "~~~")):
                break
            yield Segment(self._line[at:end])
            at = end
        self._line = self._line[at:]


def ends(line: str) -> list[int]:
    """Where the sentences of a line end, each after its markers and white space."""
    found = []
    for start, _ in spans(line)[1:]:
        markers = MARKERS.match(line, start)
        end = markers.end() if markers else start
        if end < len(line) and line.count("`", 0, end) % 2 == 0:
            found.append(end)
    return [
        end for end in dict.fromkeys(found) if not MARKER_BEGUN.fullmatch(line[end:])
    ]
