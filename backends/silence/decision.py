"""Whether a question is passed over in silence."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backends.base import BackendMisconfigured, Passage
from backends.silence.calibration import load


@dataclass(frozen=True, slots=True)
class Silence:
    """What was learned for a profile decides; else passages need a support of `below`.

    With `file` None nothing was or will be learned.
    """

    below: float = 0.0
    file: Path | None = None
    collection: str = ""

    def keeps(self, question: str, passages: Sequence[Passage]) -> bool:
        """Whether the passages are too far from the question to answer it."""
        if not passages:
            return True
        calibration = load(self.file) if self.file else None
        if calibration is not None and calibration.collection == self.collection:
            return calibration.confidence(question, passages) < calibration.threshold
        return max(passage.support for passage in passages) < self.below

    def check(self) -> str:
        """What is wrong with what was learned, for an admin; empty for nothing."""
        try:
            if self.file is not None:
                load(self.file)
        except BackendMisconfigured as error:
            return str(error)
        return ""
