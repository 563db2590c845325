"""What was learned about when to answer, as it is kept in the data folder."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from backends.base import BackendMisconfigured, Passage
from backends.silence.features import NAMES, features

FOLDER = "calibration"
VERSION = 1
KEEP = 0.9
"""The share of answerable questions that are still answered."""


@dataclass(frozen=True, slots=True)
class Regression:
    """What a feature vector says on whether a question can be answered."""

    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def probability(self, features: Sequence[float]) -> float:
        """How likely the documents answer it, 0 to 1."""
        parts = zip(features, self.means, self.scales, self.weights, strict=True)
        total = self.bias + sum(w * (x - mean) / scale for x, mean, scale, w in parts)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


@dataclass(frozen=True, slots=True)
class Table:
    """What became of the questions, each judged without having been learned from."""

    answered: int = 0
    wrongly_silent: int = 0
    wrongly_answered: int = 0
    silent: int = 0


@dataclass(frozen=True, slots=True)
class Calibration:
    """How sure a profile must be before it answers from a collection."""

    collection: str
    regression: Regression
    threshold: float
    auroc: float
    table: Table
    keep: float = KEEP
    learned: str = ""

    def confidence(self, question: str, passages: Sequence[Passage]) -> float:
        """How likely the passages answer the question, 0 to 1."""
        return self.regression.probability(features(question, passages))

    def explained(self, profile: str) -> str:
        """One line for a person who wonders why the bot is silent."""
        table = self.table
        yes = table.answered + table.wrongly_silent
        no = table.silent + table.wrongly_answered
        return (
            f"`{profile}` answers when it is at least {self.threshold:.0%} sure. Of "
            f"{yes} questions that `{self.collection}` answers {table.answered} pass, "
            f"of {no} others {table.wrongly_answered} (AUROC {self.auroc:.2f}, learned "
            f"on {self.learned[:10]})."
        )


def file_of(data_dir: Path, profile: str) -> Path:
    """Where a profile's calibration is kept."""
    return data_dir / FOLDER / f"{profile}.json"


def save(calibration: Calibration, file: Path) -> None:
    """Write it down, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    data = {"version": VERSION, "features": NAMES, **asdict(calibration)}
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(data, indent=2), encoding="utf-8")
    draft.replace(file)


def load(file: Path) -> Calibration | None:
    """What was learned; None when nothing was, or it was by another version of ours.

    Raises BackendMisconfigured when the file is damaged.
    """
    try:
        stamp = file.stat().st_mtime_ns
    except OSError:
        return None
    return _load(file, stamp)


@lru_cache(32)
def _load(file: Path, stamp: int) -> Calibration | None:
    try:
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        known = data.pop("version") == VERSION and data.pop("features") == list(NAMES)
        if not known:
            return None
        learned = data["regression"]
        data["regression"] = Regression(
            tuple(learned["means"]),
            tuple(learned["scales"]),
            tuple(learned["weights"]),
            learned["bias"],
        )
        data["table"] = Table(**data["table"])
        return Calibration(**data)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackendMisconfigured(
            f"{file} cannot be read ({error}); remove it, or learn anew with "
            "`curbside calibrate`"
        ) from error
