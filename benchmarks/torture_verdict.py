"""What became of the questions of a torture run."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.torture_platform import END, Asked, Posted


@dataclass(frozen=True, slots=True)
class Verdict:
    """The questions and messages that fared badly, and how long the answers took."""

    lost: tuple[str, ...]
    duplicated: tuple[str, ...]
    out_of_order: tuple[str, ...]
    unfinished: tuple[str, ...]
    seconds: tuple[float, ...]

    @property
    def good(self) -> bool:
        faults = (self.lost, self.duplicated, self.out_of_order, self.unfinished)
        return not any(faults)

    def after(self, share: float) -> float:
        """The time within which this share of the questions was answered."""
        ordered = sorted(self.seconds) or [0.0]
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def questions_in(posted: Posted) -> list[str]:
    """The questions that a message answers; none unless it is whole."""
    return re.findall(r"Q\d+", posted.text) if posted.text.endswith(END) else []


def judge(asked: Sequence[Asked], messages: Sequence[Posted]) -> Verdict:
    """Compare what can be read on the platform with what was asked."""
    answered = Counter(name for posted in messages for name in questions_in(posted))
    at = {
        name: posted.whole_at
        for posted in messages
        if posted.whole_at is not None
        for name in questions_in(posted)
    }
    return Verdict(
        lost=tuple(q.name for q in asked if not answered[q.name]),
        duplicated=tuple(_duplicated(messages, answered)),
        out_of_order=tuple(_out_of_order(asked, messages)),
        unfinished=tuple(p.key for p in messages if not p.text.endswith(END)),
        seconds=tuple(at[q.name] - q.at for q in asked if q.name in at),
    )


def _duplicated(messages: Sequence[Posted], answered: Counter[str]) -> Iterator[str]:
    """A question answered twice, or a part of an answer that two messages show."""
    yield from (name for name, count in answered.items() if count > 1)
    shown = Counter(posted.key for posted in messages)
    yield from (key for key, count in shown.items() if count > 1)


def _out_of_order(asked: Sequence[Asked], messages: Sequence[Posted]) -> Iterator[str]:
    """Questions whose answer was whole before that of an earlier one."""
    number = {question.name: question.number for question in asked}
    whole: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for posted in messages:
        for name in questions_in(posted):
            whole[posted.conversation].append((posted.whole_at or 0.0, name))
    for answers in whole.values():
        answers.sort(key=lambda answer: answer[0])
        newest = 0
        for _, name in answers:
            if number[name] < newest:
                yield name
            newest = max(newest, number[name])
