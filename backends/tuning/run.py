"""A training run: all that decides its result, how far it is, and what came out."""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from backends.base import BackendError
from backends.knowledge.folder_lock import FolderLock
from backends.knowledge.store import StoreInUse

FILE = "run.json"
LOSSES = "losses.jsonl"
TEXTS = "texts.json"


class TrainingError(BackendError):
    """A run cannot begin or go on; the message says what to change."""


class Method(StrEnum):
    """What is learned from: answers, pairs of a good and a bad one, or plain text."""

    SFT = "sft"
    DPO = "dpo"
    PRETRAIN = "pretrain"


class RunState(StrEnum):
    """Where a run is. One that was killed stays `running` until it is resumed."""

    DRAFT = "draft"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in (RunState.DRAFT, RunState.RUNNING)


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The settings of a run. 0 and None mean: chosen by data and hardware."""

    epochs: float = 0.0
    learning_rate: float = 0.0
    batch_size: int = 0
    max_length: int = 0
    max_steps: int = 0
    rank: int = 16
    beta: float = 0.1
    seed: int = 7
    four_bit: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One training, from its plan to its result.

    `start` is the run whose adapter it goes on with; `texts` the files of a
    pre-training. `fingerprint` names the prompts (see `backends.prompt`). `job` is the
    vendor's id; `model` what a server is asked for, or the adapter's folder.
    """

    id: str
    name: str
    trainer: str
    method: Method
    base: str
    dataset: str
    dataset_hash: str
    fingerprint: str
    created: datetime
    system: str = ""
    with_passages: bool = False
    start: str = ""
    base_revision: str = ""
    hyperparameters: Hyperparameters = Hyperparameters()
    state: RunState = RunState.DRAFT
    began: datetime | None = None
    ended: datetime | None = None
    job: str = ""
    model: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    cost: str = ""
    error: str = ""

    @property
    def seconds(self) -> float:
        """How long it took so far."""
        if self.began is None:
            return 0.0
        return ((self.ended or datetime.now(UTC)) - self.began).total_seconds()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. Losses are those of the last step; None where unknown."""

    step: int = 0
    steps: int = 0
    loss: float | None = None
    held_out_loss: float | None = None
    note: str = ""


_RUN = TypeAdapter(Run)


@dataclass
class Runs:
    """The runs of a data folder, a folder each."""

    root: Path

    def folder(self, run: Run) -> Path:
        return self.root / run.id

    def new(self, **given: Any) -> Run:
        """A run that did not begin; it is written down."""
        now = datetime.now(UTC)
        id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        run = Run(id=id, created=now, **given)
        self.save(run)
        return run

    def save(self, run: Run) -> Run:
        """Write a run down; it is there as it was before, or as it is now."""
        folder = self.folder(run)
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{FILE}.part"
        part.write_text(_RUN.dump_json(run, indent=2).decode() + "\n", encoding="utf-8")
        part.replace(folder / FILE)
        return run

    def change(self, run: Run, **changes: Any) -> Run:
        """Write a run down with these changes."""
        return self.save(replace(run, **changes))

    def get(self, id: str) -> Run:
        """A run by its id or the start of it. Raises TrainingError."""
        found = [run for run in self.all() if run.id == id] or [
            run for run in self.all() if run.id.startswith(id)
        ]
        if len(found) != 1:
            what = "fits more than one run" if found else "is no run"
            known = ", ".join(run.id for run in self.all()) or "none yet"
            raise TrainingError(f"{id!r} {what}; known: {known}")
        return found[0]

    def all(self) -> list[Run]:
        """All runs, the oldest first; a file that cannot be read is passed over."""
        runs = []
        for path in sorted(self.root.glob(f"*/{FILE}")):
            try:
                runs.append(_RUN.validate_json(path.read_bytes()))
            except (OSError, ValidationError):
                continue
        return runs

    def note(self, run: Run, progress: Progress) -> None:
        """Add a point to the run's curves."""
        point = {
            "step": progress.step,
            "loss": progress.loss,
            "held_out_loss": progress.held_out_loss,
        }
        if progress.loss is None and progress.held_out_loss is None:
            return
        with (self.folder(run) / LOSSES).open("a", encoding="utf-8") as file:
            file.write(json.dumps(point) + "\n")

    def curve(self, run: Run) -> list[Progress]:
        """The points of the run's curves; a line half written is left out."""
        points = []
        try:
            text = (self.folder(run) / LOSSES).read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        for line in text.splitlines():
            try:
                points.append(Progress(**json.loads(line)))
            except ValueError:
                continue
        return points

    def keep_texts(self, run: Run, texts: Sequence[str]) -> None:
        """Keep what a pre-training learns from: documents change meanwhile."""
        path = self.folder(run) / TEXTS
        path.write_text(json.dumps(list(texts)), encoding="utf-8")

    def texts(self, run: Run) -> tuple[str, ...]:
        """What `keep_texts` kept."""
        path = self.folder(run) / TEXTS
        return tuple(json.loads(path.read_text("utf-8"))) if path.exists() else ()

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Hold the training of a model. Raises TrainingError while another does."""
        lock = FolderLock(self.root / "locks" / name)
        try:
            lock.acquire()
        except StoreInUse as error:
            raise TrainingError(
                f"{name!r} is being trained by another process; wait for it, cancel it "
                "with `curbside tune cancel`, or train under another name"
            ) from error
        try:
            yield
        finally:
            lock.release()
