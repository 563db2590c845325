"""Lets an answer pass sentence by sentence, each checked against what it cites."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from backends.base import Passage
from backends.citations import DECORATION, NUMBERS, listed
from backends.support.check import compare, invented
from backends.support.evidence import Evidence
from backends.support.sentences import Segment, SentenceSplitter

MARKER = re.compile(r"\\?[\[【［]([^\[\]【】［］\n]{1,48})\\?[\]】］]")
MARKUP = re.compile(r"[\\`*_~\[\]()<>|#@!]")
TRAILING = re.compile(r"[\s|.!?…]*\Z")
BULLET = re.compile(r"[\s>*+\-\d.)]*")

EXPLAINED = (
    "\n\n*Unconfirmed: the documents that I cite do not say this. Please check it.*"
)
WITHHELD = "I had an answer, but the documents do not confirm it, so I keep it back."
LEFT_OUT = "\n\n*I left out {count} that the documents do not confirm.*"


class Policy(StrEnum):
    """What becomes of a statement that its passages do not say."""

    OFF = "off"
    MARK = "mark"
    DROP = "drop"
    REFUSE = "refuse"


@dataclass
class SupportWatch:
    """Takes a model's deltas, gives text whose statements were checked.

    A marker that names the wrong passage gets the number of the right one. `known` is
    what people said themselves: numbers in it need no source.
    """

    passages: Sequence[Passage]
    policy: Policy
    known: str = ""
    unsupported: int = 0
    kept: int = 0
    _splitter: SentenceSplitter = field(default_factory=SentenceSplitter)
    _held: list[str] = field(default_factory=list)
    _read: dict[tuple[int, ...], Evidence] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether nothing of the answer may be shown, or nothing of it is left."""
        if self.policy is Policy.DROP and not self.kept:
            return self.unsupported > 0
        return self.policy is Policy.REFUSE and self.unsupported > 0

    def prepare(self) -> None:
        """Read the passages, which takes a moment for long ones. Blocking."""
        if self.policy is not Policy.OFF:
            Evidence(self.passages)

    def feed(self, delta: str) -> str:
        """What may be shown now."""
        if self.policy is Policy.OFF or not self.passages:
            return delta
        return self._pass("".join(map(self._judged, self._splitter.feed(delta))))

    def finish(self) -> str:
        """The rest, and a word on what was marked or left out."""
        rest = "".join(map(self._judged, self._splitter.finish()))
        if self.policy is Policy.REFUSE:
            return "" if self.refused else "".join([*self._held, rest])
        if not self.unsupported:
            return rest
        if self.policy is Policy.MARK:
            return rest.rstrip() + EXPLAINED
        if self.refused:
            return ""
        one = self.unsupported == 1
        count = "one statement" if one else f"{self.unsupported} statements"
        return rest.rstrip() + LEFT_OUT.format(count=count)

    def _pass(self, text: str) -> str:
        if self.policy is not Policy.REFUSE:
            return text
        self._held.append(text)
        return ""

    def _judged(self, segment: Segment) -> str:
        text = segment.text
        if segment.code or not any(char.isalnum() for char in MARKER.sub("", text)):
            return text
        reason, text = self._reason(text)
        if not reason:
            self.kept += 1
            return text
        self.unsupported += 1
        if self.policy is Policy.MARK:
            return marked(text, reason)
        return _gap(text)

    def _reason(self, text: str) -> tuple[str, str]:
        """Why a sentence is not supported, and the sentence with markers mended."""
        cited = cited_in(text)
        known = range(1, len(self.passages) + 1)
        valid = tuple(sorted(number for number in cited if number in known))
        if not cited:
            return invented(text, self._evidence(tuple(known)), self.known), text
        verdict = compare(text, self._evidence(valid), self.known) if valid else None
        if verdict and verdict.supported:
            return "", text
        for number in known:
            if number in valid:
                continue
            other = compare(text, self._evidence((number,)), self.known, strict=True)
            if other.supported:
                return "", with_marker(text, number)
        if verdict is None:
            return invented(text, self._evidence(tuple(known)), self.known), text
        return verdict.reason, text

    def _evidence(self, numbers: tuple[int, ...]) -> Evidence:
        if numbers not in self._read:
            chosen = [self.passages[number - 1] for number in numbers]
            self._read[numbers] = Evidence(chosen)
        return self._read[numbers]


def cited_in(text: str) -> set[int]:
    """The numbers of all markers in a sentence."""
    found: set[int] = set()
    for marker in MARKER.finditer(text):
        numbers = NUMBERS.fullmatch(DECORATION.sub("", marker[1]))
        if numbers:
            found.update(listed(numbers[1]))
    return found


def with_marker(text: str, number: int) -> str:
    """A sentence with this marker in the place of its own ones."""
    places = [
        marker
        for marker in MARKER.finditer(text)
        if NUMBERS.fullmatch(DECORATION.sub("", marker[1]))
    ]
    for marker in reversed(places):
        new = f"[{number}]" if marker is places[0] else ""
        text = text[: marker.start()] + new + text[marker.end() :]
    return text


def marked(text: str, reason: str) -> str:
    """A sentence with a note of what in it is not confirmed."""
    note = " ".join(MARKUP.sub(" ", reason).split())[:40]
    end = TRAILING.search(text)
    assert end is not None
    at = end.start()
    return f"{text[:at]} *(unconfirmed: {note})*{text[at:]}"


def _gap(text: str) -> str:
    """What stays of a sentence that is left out: the end of its line."""
    return "" if BULLET.match(text) and not text.endswith("\n") else "\n"
