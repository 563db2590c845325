"""What became of the questions of a torture run."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.torture_platform import END, Platform, Posted, read


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


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it can be read in the end; `at` is when it first was whole."""

    id: str
    conversation: str
    questions: tuple[str, ...]
    whole: bool
    at: float


def judge(platform: Platform) -> Verdict:
    """Compare what can be read on the platform with what was asked."""
    answers = list(_answers(platform))
    whole = [answer for answer in answers if answer.whole]
    at = {name: answer.at for answer in whole for name in answer.questions}
    times = Counter(name for answer in whole for name in answer.questions)
    shown = Counter(posted.key for posted in platform.messages.values())
    twice = [name for name, count in (*times.items(), *shown.items()) if count > 1]
    return Verdict(
        lost=tuple(q.name for q in platform.asked if q.name not in times),
        duplicated=tuple(twice),
        out_of_order=tuple(_out_of_order(whole)),
        unfinished=tuple(answer.id for answer in answers if not answer.whole),
        seconds=tuple(at[q.name] - q.at for q in platform.asked if q.name in at),
    )


def _answers(platform: Platform) -> Iterator[Answer]:
    by_id: defaultdict[str, list[Posted]] = defaultdict(list)
    for posted in platform.messages.values():
        by_id[posted.answer].append(posted)
    for answer_id, parts in by_id.items():
        text = read(parts)
        yield Answer(
            id=answer_id,
            conversation=parts[0].conversation,
            questions=tuple(re.findall(r"Q\d+", text)),
            whole=text.endswith(END),
            at=platform.whole_at.get(answer_id, 0.0),
        )


def _out_of_order(answers: Sequence[Answer]) -> Iterator[str]:
    """Questions that were answered after a later one of their conversation."""
    newest: Counter[str] = Counter()
    for answer in sorted(answers, key=lambda answer: answer.at):
        for name in answer.questions:
            number = int(name.removeprefix("Q"))
            if number < newest[answer.conversation]:
                yield name
            newest[answer.conversation] = max(newest[answer.conversation], number)
