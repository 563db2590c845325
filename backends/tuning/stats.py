"""A dataset in numbers and bars: how long, about what, how it grew."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from backends.tuning.example import Status, TrainingExample

WIDTH = 40
TOPICS = 10


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of a dataset; tokens are of question and answer together."""

    status: Mapping[str, int]
    origin: Mapping[str, int]
    split: Mapping[str, int]
    topics: Mapping[str, int]
    months: Mapping[str, int]
    tokens: Mapping[str, int]
    median_tokens: int
    longest_tokens: int


def stats(examples: Sequence[TrainingExample], count: Callable[[str], int]) -> Stats:
    """The numbers of these examples."""
    approved = [each for each in examples if each.status is Status.APPROVED]
    lengths = [count(f"{each.question}\n{each.answer}") for each in approved]
    topics = Counter(
        passage.title or passage.document
        for each in approved
        for passage in each.passages[:1]
    )
    steps = Counter(_step(length) for length in lengths)
    return Stats(
        status=dict(Counter(each.status.value for each in examples)),
        origin=dict(Counter(each.provenance.origin.value for each in approved)),
        split=dict(Counter(each.split.value or "not split" for each in approved)),
        topics=dict(topics.most_common(TOPICS)),
        months=dict(sorted(Counter(f"{e.created:%Y-%m}" for e in approved).items())),
        tokens={name: steps[name] for name in sorted(steps, key=_first)},
        median_tokens=round(median(lengths)) if lengths else 0,
        longest_tokens=max(lengths, default=0),
    )


def chart(title: str, counts: Mapping[str, int]) -> str:
    """Counts as bars of text."""
    if not counts:
        return ""
    most, widest = max(counts.values()), max(map(len, counts))
    bars = [
        f"  {name:<{widest}}  {'█' * max(1, round(WIDTH * n / most))} {n}"
        for name, n in counts.items()
    ]
    return "\n".join([title, *bars])


def _step(length: int) -> str:
    """Lengths in steps that double: "64-127"."""
    low = 1 << max(0, length.bit_length() - 1)
    return f"{low}-{2 * low - 1}"


def _first(name: str) -> int:
    return int(name.partition("-")[0])
