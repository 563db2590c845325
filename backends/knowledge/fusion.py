"""Makes one ranking out of several."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from backends.knowledge.store import View

SPREAD = 3.0  # standard deviations around the mean that become 0 and 1


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one query of a view found: ids with their scores, best first."""

    ids: Sequence[str]
    scores: Sequence[float]


@dataclass(frozen=True, slots=True)
class Found:
    """What a view of a question found: by meaning, and by words."""

    dense: Ranking
    sparse: Ranking

    @property
    def weight(self) -> float:
        """A view that hits nothing closely has little to say.

        The square of its best cosine: of the wordings of a follow-up, those that
        belong to another subject than the documents', or to the one before, lose.
        """
        best = max(self.dense.scores, default=0.0)
        return max(0.0, best) ** 2


def paired(views: Sequence[View], rankings: Iterable[Ranking]) -> list[Found]:
    """Rankings by their views: one by meaning, one by words unless it has none."""
    given = iter(rankings)
    nothing = Ranking((), ())
    return [
        Found(next(given), next(given) if view.sparse.indices else nothing)
        for view in views
    ]


def fused(views: Sequence[Found], limit: int) -> list[tuple[str, float]]:
    """The ids with the highest sums of normalised scores, best first.

    Scores are normalised by their distribution (DBSF), so cosines and BM25, which know
    no common scale, can be added without a parameter.
    """
    sums: defaultdict[str, float] = defaultdict(float)
    for view in views:
        weight = view.weight if len(views) > 1 else 1.0
        for ranking in (view.dense, view.sparse):
            normal = normalised(ranking.scores)
            for id, score in zip(ranking.ids, normal, strict=True):
                sums[id] += weight * score
    return sorted(sums.items(), key=lambda entry: -entry[1])[:limit]


def normalised(scores: Sequence[float]) -> list[float]:
    """Scores on a scale where 0.5 is their mean."""
    if len(scores) < 2 or scores[0] == scores[-1]:
        return [0.5] * len(scores)
    values = np.asarray(scores)
    width = SPREAD * values.std(ddof=1)
    scaled: list[float] = ((values - values.mean() + width) / (2 * width)).tolist()
    return scaled
