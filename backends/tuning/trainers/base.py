"""The contract of trainers: a forecast, then a run that reports and can be stopped."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

from backends.tuning.rendering import Lesson, Recipe, lesson
from backends.tuning.run import Method, Progress, Run, Runs, TrainingError
from backends.tuning.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Task:
    """What a trainer works on: the run, and what it learns from.

    `texts` are the documents of a pre-training; of the others it has lessons.
    """

    run: Run
    learn: tuple[Lesson, ...] = ()
    held_out: tuple[Lesson, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run will take. `lines` say it to a person; 0 stands for unknown."""

    lines: tuple[str, ...]
    memory_bytes: int = 0
    tokens: int = 0
    cost: str = ""
    fits: bool = True


Report = Callable[[Progress], None]


class Trainer(Protocol):
    """Trains. Both calls block, and raise TrainingError with what to change."""

    def forecast(self, task: Task) -> Forecast:
        """What the run will need and cost; nothing is begun or sent."""
        ...

    def train(self, task: Task, runs: Runs, report: Report, stop: Event) -> Run:
        """Begin the run, or go on with it, to its end; the run as it is then.

        Every step is written down before it is made. When `stop` is set it ends soon,
        as `cancelled`, in a state that can be resumed.
        """
        ...


def task_for(run: Run, snapshot: Snapshot | None, texts: Sequence[str] = ()) -> Task:
    """The task of a run. Raises TrainingError when the dataset has nothing for it."""
    if run.method is Method.PRETRAIN:
        if not texts:
            raise TrainingError("there is no text to learn from; name documents")
        return Task(run, texts=tuple(texts))
    if snapshot is None:
        raise TrainingError("a dataset is needed; make one: `curbside dataset freeze`")
    recipe = Recipe(run.system, run.with_passages)
    learn = tuple(lesson(each, recipe) for each in snapshot.train)
    held_out = tuple(lesson(each, recipe) for each in snapshot.held_out)
    if run.method is Method.DPO:
        learn = tuple(each for each in learn if each.rejected)
        held_out = tuple(each for each in held_out if each.rejected)
        if not learn:
            raise TrainingError(
                "no example has a corrected answer to learn a preference from; "
                "corrections in the chat make them"
            )
    return Task(run, learn, held_out)


def adapter_folder(runs: Runs, run: Run) -> Path:
    """Where a local run leaves its adapter."""
    return runs.folder(run) / "adapter"
