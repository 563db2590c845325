"""Which sentence of a passage backs which sentence of an answer."""

import re
from collections import Counter
from collections.abc import Sequence

from backends.base import Citation, Passage
from backends.knowledge.sentences import quotable
from backends.overlap import shared, words
from backends.support.check import compare
from backends.support.evidence import Evidence

LONGEST_QUOTE = 240
BACKED = 0.7  # share of a sentence's words that its passage must have
FEWEST_WORDS = 4
EMPHASIS = re.compile(r"(?<!\s)\*{1,3}|\*{1,3}(?!\s)|(?<!\w)__?(?=\w)|(?<=\w)__?(?!\w)")


class Claims:
    """Follows which sentence a marker stands in, to quote the passage to the point."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.claim = ""
        self._passages = passages
        self._before = ""
        self._waiting: list[tuple[int, int]] = []
        self._done: set[int] = set()
        self._settled: list[Citation] = []

    def read(self, text: str) -> None:
        for char in text:
            if char == "\n":
                self.end_sentence()
                self._before = ""
            elif char in " \t" and self.claim.rstrip()[-1:] in set(".!?…"):
                self.end_sentence()
            else:
                self.claim += char
                if char in "。！？":
                    self.end_sentence()

    def cite(self, number: int, ours: int) -> None:
        if ours in self._done:
            return
        self._done.add(ours)
        self._waiting.append((number, ours))
        if self._before and not any(char.isalnum() for char in self.claim):
            self.claim, before = self._before, self.claim
            self._settle()
            self.claim = before

    def end_sentence(self) -> None:
        self._settle()
        if self.claim.strip():
            self._before = self.claim
        self.claim = ""

    def settled(self) -> list[Citation]:
        """The citations that are ready, once."""
        ready, self._settled = self._settled, []
        return ready

    def _settle(self) -> None:
        for number, ours in self._waiting:
            passage = self._passages[number - 1]
            quote = closest_sentence(passage, self.claim)
            self._settled.append(Citation(ours, passage, quote))
        self._waiting.clear()


def closest_sentence(passage: Passage, claim: str) -> str:
    """The sentence of a passage that says most of what the claim says; "" for none."""
    said = words(claim)
    best, quote = 0.0, ""
    for sentence in quotable(passage.text):
        likeness = _likeness(words(sentence.text), said)
        if likeness > best:
            best, quote = likeness, sentence.text
    return short_quote(quote)


def short_quote(text: str) -> str:
    """A sentence as a quotation beside an answer: one plain line, not too long."""
    plain = " ".join(EMPHASIS.sub("", text).split())
    if len(plain) <= LONGEST_QUOTE:
        return plain
    return plain[:LONGEST_QUOTE].rpartition(" ")[0] + " …"


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    common = (one & other).total()
    return common / (one.total() * other.total()) ** 0.5 if common else 0.0


def backs(passage: Passage, answer: str) -> bool:
    """Whether some sentence of the answer is plainly taken from the passage."""
    known = words(passage.text)
    evidence = Evidence([passage])
    for sentence in quotable(answer):
        bag = words(sentence.text)
        alike = bag.total() >= FEWEST_WORDS and shared(bag, known) >= BACKED
        if alike and compare(sentence.text, evidence).supported:
            return True
    return False
