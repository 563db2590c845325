"""Logistic regression over a few features, checked on questions it has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from backends.base import BackendMisconfigured
from backends.silence.calibration import KEEP, Calibration, Regression, Table

Floats = NDArray[np.float64]

RIDGE = 3.0
FOLDS = 5
FEWEST = 10
STEPS = 50


@dataclass(frozen=True, slots=True)
class Judged:
    """A question's features, and whether the documents answer it."""

    features: tuple[float, ...]
    answerable: bool


def learn(
    judged: Sequence[Judged], collection: str, *, keep: float = KEEP
) -> Calibration:
    """Learn from judged questions. Raises BackendMisconfigured for too few of them."""
    answerable = np.array([each.answerable for each in judged], dtype=np.bool_)
    for count, what in (
        (int(answerable.sum()), "that the documents answer"),
        (int((~answerable).sum()), "that they do not answer"),
    ):
        if count < FEWEST:
            raise BackendMisconfigured(
                f"{count} questions {what} are too few to learn from; add some, "
                f"{FEWEST} at least"
            )
    rows = np.array([each.features for each in judged], dtype=np.float64)
    sure = held_out(rows, answerable)
    # The highest threshold that this share of the answerable questions reaches.
    threshold = float(np.quantile(sure[answerable], 1 - keep, method="lower"))
    passed = sure >= threshold
    table = Table(
        answered=int((passed & answerable).sum()),
        wrongly_silent=int((~passed & answerable).sum()),
        wrongly_answered=int((passed & ~answerable).sum()),
        silent=int((~passed & ~answerable).sum()),
    )
    learned = datetime.now(UTC).isoformat(timespec="seconds")
    regression = fit(rows, answerable)
    return Calibration(
        collection, regression, threshold, auroc(sure, answerable), table, keep, learned
    )


def fit(rows: Floats, answerable: NDArray[np.bool_]) -> Regression:
    """Learn from rows of features; both kinds of questions weigh the same."""
    means, scales = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    scaled = np.c_[(rows - means) / scales, np.ones(len(rows))]
    share = answerable.mean()
    worth = np.where(answerable, 0.5 / share, 0.5 / (1 - share))
    ridge = np.diag([RIDGE] * rows.shape[1] + [1e-9])
    weights = np.zeros(scaled.shape[1])
    for _ in range(STEPS):
        said = _sigmoid(scaled @ weights)
        slope = scaled.T @ (worth * (said - answerable)) + ridge @ weights
        curve = (scaled * (worth * said * (1 - said))[:, None]).T @ scaled + ridge
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max() < 1e-9:
            break
    *learned, bias = weights.tolist()
    return Regression(
        tuple(means.tolist()), tuple(scales.tolist()), tuple(learned), bias
    )


def held_out(rows: Floats, answerable: NDArray[np.bool_]) -> Floats:
    """The probability of each row by a regression that was learned without it."""
    said = np.zeros(len(rows))
    order = np.random.default_rng(0).permutation(len(rows))
    for kind in (True, False):
        # Each fold gets its share of both kinds.
        members = order[answerable[order] == kind]
        for fold, part in enumerate(np.array_split(members, FOLDS)):
            said[part] = fold
    folds = said.copy()
    for fold in range(FOLDS):
        inside = folds == fold
        learned = fit(rows[~inside], answerable[~inside])
        said[inside] = [learned.probability(row) for row in rows[inside]]
    return said


def auroc(scores: Floats, answerable: NDArray[np.bool_]) -> float:
    """How often an answerable question scores above another; ties count half."""
    yes, no = scores[answerable][:, None], scores[~answerable][None, :]
    return float(((yes > no) + 0.5 * (yes == no)).mean())


def _sigmoid(values: Floats) -> Floats:
    result: Floats = 1 / (1 + np.exp(-np.clip(values, -30, 30)))
    return result
