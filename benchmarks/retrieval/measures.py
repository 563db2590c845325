"""What is counted, with how sure it is."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DEPTH = 20
RESAMPLES = 2_000
SEED = 7

Values = NDArray[np.float64]


def ndcg(found: Sequence[str], relevant: frozenset[str], depth: int = 10) -> float:
    gain = sum(
        1 / math.log2(rank + 1)
        for rank, id in enumerate(found[:depth], 1)
        if id in relevant
    )
    ideal = range(1, min(len(relevant), depth) + 1)
    return gain / sum(1 / math.log2(rank + 1) for rank in ideal)


def recall(found: Sequence[str], relevant: frozenset[str], depth: int) -> float:
    return len(relevant.intersection(found[:depth])) / len(relevant)


def reciprocal_rank(found: Sequence[str], relevant: frozenset[str]) -> float:
    ranks = (rank for rank, id in enumerate(found[:10], 1) if id in relevant)
    return 1 / next(ranks, math.inf)


Measure = Callable[[Sequence[str], frozenset[str]], float]
MEASURES: dict[str, Measure] = {
    "nDCG@10": ndcg,
    "recall@5": lambda found, relevant: recall(found, relevant, 5),
    "recall@10": lambda found, relevant: recall(found, relevant, 10),
    "recall@20": lambda found, relevant: recall(found, relevant, 20),
    "MRR@10": reciprocal_rank,
}


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over questions, and where it would lie for 95 of 100 sets like this."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def mean(values: Values) -> Mean:
    draws = np.random.default_rng(SEED).integers(
        0, len(values), (RESAMPLES, len(values))
    )
    low, high = np.percentile(values[draws].mean(1), [2.5, 97.5])
    return Mean(float(values.mean()), float(low), float(high))


def judged(
    answers: Sequence[Sequence[str]], relevant: Sequence[frozenset[str]]
) -> dict[str, Values]:
    """Each measure, a value for each question."""
    pairs = list(zip(answers, relevant, strict=True))
    return {
        name: np.array([measure(*pair) for pair in pairs])
        for name, measure in MEASURES.items()
    }


def area_under_curve(yes: Sequence[float], no: Sequence[float]) -> float:
    """How often an answerable question is rated above one that is not."""
    high, low = np.array(yes)[:, None], np.array(no)[None, :]
    return float((high > low).mean() + (high == low).mean() / 2)
