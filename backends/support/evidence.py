"""The passages behind a claim, read once, and how near two things stand in them."""

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from backends.base import Passage
from backends.knowledge.sentences import quotable
from backends.support.concepts import meanings
from backends.support.lexing import TITLE, lexemes
from backends.support.reading import read
from backends.support.scope import count
from backends.support.stems import alike
from backends.support.tokens import CLOCK, NAME, PER, WORD, Token

STOP = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
REACH = 5.0
"""Words over which nearness falls to a third."""
TOGETHER = 0.15
"""What a word of the same sentence counts at least."""
GOVERNING = 0.6
"""What a word that comes before in the sentence counts at least."""
CARRIED = 0.45
"""What a word of the sentence before counts: "it" may stand for it."""
DECIDED = 0.15
"""Where two places differ, so much of it must speak for one of them."""
LEAST = 0.05
FAR = 0.45
"""What a word at the other end of a claim counts."""
APART = 12.0  # between two sentences
HEAD = 40.0  # between a passage's head and its text


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage; `negators` are its words like "not"."""

    tokens: tuple[Token, ...]
    low: tuple[str, ...]
    negators: int
    start: float
    end: float
    before: float  # where the sentence before it starts

    @property
    def dangling(self) -> bool:
        """Whether it negates something that it does not name."""
        return self.negators > 0 and not any(token.negated for token in self.tokens)


class Evidence:
    """The tokens of some passages on one line, sentence after sentence."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.tokens: list[Token] = []
        self.sentences: list[Sentence] = []
        self._places: dict[Hashable, list[float]] = defaultdict(list)
        self._line = 0.0
        self._whole_days = False
        for passage in passages:
            before = self._line
            self._whole_days = any(map(is_late, read(passage.text)))
            self._take(f"{passage.title} {passage.section}".strip(), before, HEAD)
            for sentence in quotable(passage.text):
                for part in _parted(sentence.whole):
                    before = self._take(part, before, APART)
            self._line += HEAD

    def _take(self, text: str, before: float, gap: float) -> float:
        start = self._line
        if not text:
            return start
        placed = tuple(replace(t, at=t.at + start) for t in read(text))
        if self._whole_days:
            placed = tuple(map(morning, placed))
        found = lexemes(text)
        low = tuple(lexeme.low for lexeme in found)
        end = (placed[-1].at if placed else start) + 1
        if self.sentences and self.sentences[-1].low[:1] == low[:1]:
            before = start  # rows of one table: none goes on where the last one ended
        self.sentences.append(Sentence(placed, low, count(found), start, end, before))
        self.tokens += placed
        for token in placed:
            for key in keys(token):
                self._places[key].append(token.at)
        self._line = (placed[-1].at if placed else start) + gap
        return start

    def closest(self, tokens: Sequence[Token]) -> Sentence | None:
        """The sentence that shares most words with a claim."""
        said = {key for token in tokens for key in keys(token)}

        def shared(sentence: Sentence) -> float:
            common = sum(not said.isdisjoint(keys(t)) for t in sentence.tokens)
            return common - 0.01 * len(sentence.tokens)

        return max(self.sentences, key=shared, default=None)

    def repeats(self, tokens: Sequence[Token]) -> bool:
        """Whether some sentence says the same in the same words."""
        said = [_exact(token) for token in tokens]
        for sentence in self.sentences:
            theirs = [_exact(token) for token in sentence.tokens]
            for at in range(len(theirs) - len(said) + 1):
                if theirs[at : at + len(said)] == said:
                    return True
        return False

    def sentence_at(self, place: float) -> Sentence:
        """The sentence that a place is in."""
        starts = [sentence.start for sentence in self.sentences]
        return self.sentences[max(0, bisect_right(starts, place) - 1)]

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word, and every two neighbours written as one ("back up")."""
        found: set[str] = set()
        for sentence in self.sentences:
            low = sentence.low
            found.update(low)
            found.update(a + b for a, b in pairwise(low))
        return frozenset(found)

    @cached_property
    def initials(self) -> str:
        """First letters of the words of each sentence, for what is abbreviated."""
        return " ".join(
            "".join(word[0] for word in sentence.low if word[0].isalpha())
            for sentence in self.sentences
        )

    @cached_property
    def _stems(self) -> dict[str, list[str]]:
        """Words by their first letters, to find other forms of one."""
        found: dict[str, list[str]] = defaultdict(list)
        for key in self._places:
            if isinstance(key, str) and key[0] not in "±=":
                found[key[:4]].append(key)
        return found

    def places(self, token: Token) -> list[float]:
        """Where the passages have this token, in any form of it."""
        found = [place for key in keys(token) for place in self._places.get(key, ())]
        if token.kind not in (WORD, NAME):
            return [each.at for each in self.tokens if token.says(each)]
        if not found:
            stem = next(iter(token.values))
            for other in self._stems.get(str(stem)[:4], ()):
                if alike(str(stem), other):
                    found += self._places[other]
        return sorted(set(found))

    def in_sense(self, token: Token) -> list[float]:
        """Where it stands with the same sign, if it does so anywhere."""
        places = self.places(token)
        same = [p for p in places if self._signs.get(p, token.negated) == token.negated]
        return same or places

    @cached_property
    def _signs(self) -> dict[float, bool]:
        return {token.at: token.negated for token in self.tokens}

    def denied_at(self, place: float) -> bool:
        """Whether the word at a place has a negator."""
        return any(token.denied for token in self.tokens if token.at == place)

    def weight(self, places: Sequence[float]) -> float:
        """What is seldom says most about where something belongs."""
        return 1 / (1 + math.log(max(1, len(places)))) if places else 0.0


class Company:
    """What stands around a token of a claim, looked up in the passages."""

    def __init__(
        self,
        token: Token,
        claim: Iterable[Token],
        evidence: Evidence,
        carried: float = CARRIED,
    ) -> None:
        self._evidence = evidence
        self._carried = carried
        self._around: list[tuple[float, list[float], bool]] = []
        for other in claim:
            itself = other.at == token.at or other.key == token.key
            if itself or other.kind == PER:
                continue
            if places := evidence.in_sense(other):
                near = FAR + (1 - FAR) * math.exp(-abs(other.at - token.at) / REACH)
                weight = near * evidence.weight(places)
                self._around.append((weight, places, other.kind in (WORD, NAME)))

    def around(self, place: float) -> float:
        """How much of it stands around a place in the passages."""
        return sum(self._shares(place))

    def best(self, places: Iterable[float]) -> float:
        """The most that stands around any of these places; 0 for none."""
        return max((0.01 + self.around(place) for place in places), default=0.0)

    def prefers(self, others: Sequence[float], same: Sequence[float]) -> bool:
        """Whether it stands around one of `others` rather than around any of `same`.

        Only what tells two places apart counts: what governs both says nothing.
        """
        rivals = [self._shares(place) for place in others]
        return bool(rivals) and not any(
            all(_contrast(self._shares(place), rival) >= -DECIDED for rival in rivals)
            for place in same
        )

    def _shares(self, place: float) -> list[float]:
        """What each thing around counts at a place."""
        sentence = self._evidence.sentence_at(place)
        shares = []
        for weight, places, word in self._around:
            nearness = max(math.exp(-abs(other - place) / REACH) for other in places)
            if any(sentence.start <= other < place for other in places):
                nearness = max(nearness, GOVERNING)
            elif any(place < other < sentence.end for other in places):
                nearness = max(nearness, TOGETHER)
            elif word and any(sentence.before <= o < sentence.start for o in places):
                nearness = max(nearness, self._carried)
            shares.append(weight * nearness)
        return shares


def _contrast(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """From -1, all speaks for the other place, to 1, all speaks for ours."""
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    total = sum(map(abs, differences))
    return sum(differences) / total if total > LEAST else 0.0


def keys(token: Token) -> Iterable[Hashable]:
    """All that a token may be found by."""
    if token.kind not in (WORD, NAME):
        return [(token.kind, value) for value in token.values]
    return [*token.values, *meanings(token.text.casefold())]


def is_late(token: Token) -> bool:
    """Whether this is a time like 16:30, which tells how others are meant."""
    return token.kind == CLOCK and len(token.text) >= 5 and token.text[:2] > "12"


def morning(token: Token) -> Token:
    """In a text that counts to 24 a time like 8:30 is one in the morning."""
    if token.kind != CLOCK or len(token.values) < 2 or ":" not in token.text:
        return token
    hour, minute = token.text.split(":")[:2]
    return replace(token, values=frozenset([int(hour) * 60 + int(minute[:2])]))


def _parted(text: str) -> list[str]:
    """Sentences that one of a single letter ("building C.") had kept together."""
    parts = [""]
    for piece in STOP.split(text):
        open_ended = not parts[-1] or TITLE.search(parts[-1]) is not None
        parts[-1:] = [f"{parts[-1]} {piece}"] if open_ended else [parts[-1], piece]
    return parts


def _exact(token: Token) -> tuple[Hashable, ...]:
    return (
        token.values,
        token.kind in (WORD, NAME) or token.kind,
        token.negated,
        token.bound,
    )
