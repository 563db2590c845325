"""What `curbside tune` does: a run from its wish to a model in the registry."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

from backends.base import BackendError
from backends.prompt import fingerprint
from backends.tuning import checks, snapshot
from backends.tuning.prices import Prices
from backends.tuning.run import (
    Hyperparameters,
    Method,
    Run,
    Runs,
    RunState,
    TrainingError,
)
from backends.tuning.trainers.base import Report, Task, Trainer, task_for
from bot import state
from bot.examples import Examples, scrubber_of
from bot.models import Models, TunedModel, model_of
from bot.settings import Settings

T = TypeVar("T")

TEXTS = {".md", ".txt"}
"""What a pre-training reads as it is."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for; `dataset` None means what is approved now."""

    name: str
    base: str
    method: Method
    trainer: str
    dataset: Path | None
    texts: tuple[Path, ...]
    start: str
    system: str
    with_passages: bool
    hyperparameters: Hyperparameters
    force: bool = False


async def begin(
    settings: Settings, runs: Runs, wish: Wish
) -> tuple[Run, Task, Trainer]:
    """Write a run down, with what it learns from. Raises TrainingError."""
    doer = _trainer(settings, wish.trainer)
    await with_models(settings, lambda models: _require_unused(models, wish.name))
    start = runs.get(wish.start) if wish.start else None
    frozen, texts, system = None, tuple[str, ...](), wish.system
    if wish.method is Method.PRETRAIN:
        texts = _texts(wish.texts or tuple(settings.documents))
    else:
        frozen = await _frozen(settings, wish.dataset)
        _require_sound(frozen, wish)
        system = system or _only_system(frozen)
    run = runs.new(
        name=wish.name,
        trainer=wish.trainer,
        method=wish.method,
        base=wish.base,
        dataset=str(frozen.folder) if frozen else "",
        dataset_hash=frozen.hash if frozen else snapshot.hash_of(texts),
        fingerprint=fingerprint(system),
        system=system,
        with_passages=wish.with_passages,
        start=start.id if start else "",
        hyperparameters=wish.hyperparameters,
    )
    if wish.method is Method.PRETRAIN:
        runs.keep_texts(run, texts)
    return run, task_for(run, frozen, texts), doer


def again(settings: Settings, runs: Runs, run: Run) -> tuple[Task, Trainer]:
    """What a run needs to go on, as it was when it began. Raises TrainingError."""
    if run.state is RunState.SUCCEEDED:
        raise TrainingError(f"run {run.id} has succeeded; there is nothing to resume")
    frozen = snapshot.load(Path(run.dataset)) if run.dataset else None
    task = task_for(run, frozen, runs.texts(run))
    return task, _trainer(settings, run.trainer)


def finish(
    settings: Settings,
    runs: Runs,
    task: Task,
    doer: Trainer,
    report: Report,
    stop: threading.Event,
) -> Run:
    """Train, write down how it ended, and put what came out into the registry."""
    try:
        run = doer.train(task, runs, report, stop)
    except BackendError as error:
        run = runs.get(task.run.id)
        return runs.change(
            run, state=RunState.FAILED, error=str(error), ended=datetime.now(UTC)
        )
    if run.state is RunState.SUCCEEDED:
        ids = tuple(lesson.id for lesson in task.learn)
        asyncio.run(with_models(settings, lambda models: _add(models, run, ids)))
    return run


async def _require_unused(models: Models, name: str) -> None:
    """Training alone must not change what people get. Raises TrainingError."""
    if name in await models.tables():
        raise TrainingError(
            f"the model {name!r} is a profile now, and training would put another one "
            f"in its place: choose a new name, such as {name}-2 (or take it away "
            f"first: curbside tune undeploy {name})"
        )


async def _add(models: Models, run: Run, ids: tuple[str, ...]) -> None:
    await models.put(model_of(run, ids, datetime.now(UTC)))


async def with_models(settings: Settings, work: Callable[[Models], Awaitable[T]]) -> T:
    """Do something with the team's registry."""
    opened = state.create(settings)
    try:
        await opened.open()
        return await work(Models(opened.records))
    finally:
        await opened.aclose()


def cancel_job(settings: Settings, runs: Runs, run: Run) -> Run:
    """Cancel what a vendor still works on. Raises TrainingError."""
    if run.state.ended:
        raise TrainingError(f"run {run.id} has ended already: {run.state}")
    if run.trainer == "local":
        raise TrainingError(
            "a run here ends with Ctrl-C in its own terminal; one that was killed can "
            f"be resumed: curbside tune resume {run.id}"
        )
    stop = threading.Event()
    stop.set()
    task, doer = again(settings, runs, run)
    return doer.train(task, runs, lambda _: None, stop)


def _trainer(settings: Settings, name: str) -> Trainer:
    if name == "local":
        from backends.tuning.trainers.local import LocalTrainer

        return LocalTrainer()
    if name == "openai":
        from backends.tuning.trainers.vendor import VendorTrainer

        key = settings.model.api_key
        return VendorTrainer(
            settings.model.base_url,
            key.get_secret_value() if key else None,
            Prices.read(settings.data_dir / "tuning" / "prices.toml"),
        )
    raise TrainingError(f"there is no trainer {name!r}; known: local, openai")


async def _frozen(settings: Settings, dataset: Path | None) -> snapshot.Snapshot:
    if dataset is not None:
        return snapshot.load(dataset)
    opened = state.create(settings)
    try:
        await opened.open()
        found = await Examples(opened.records, scrubber_of(settings)).all()
    finally:
        await opened.aclose()
    return snapshot.freeze(found, settings.data_dir / "datasets")


def _require_sound(frozen: snapshot.Snapshot, wish: Wish) -> None:
    """Raises TrainingError for a dataset with errors, unless forced."""
    errors = [
        finding
        for finding in checks.check([*frozen.train, *frozen.held_out])
        if finding.error
    ]
    if errors and not wish.force:
        said = "\n".join(f"- {each.message}: {each.fix}" for each in errors)
        raise TrainingError(
            f"the dataset is not ready:\n{said}\n(--force trains anyway)"
        )


def _only_system(frozen: snapshot.Snapshot) -> str:
    """The prompt that the examples bring along: it will be served as it was trained.

    Raises TrainingError where they do not agree.
    """
    systems = {each.system for each in (*frozen.train, *frozen.held_out)}
    if len(systems) > 1:
        raise TrainingError(
            f"the examples bring {len(systems)} different system prompts; name the one "
            "that will be served: --system"
        )
    return systems.pop()


def _texts(paths: tuple[Path, ...]) -> tuple[str, ...]:
    """The texts of files and folders. Raises TrainingError for one that is missing."""
    texts = []
    for path in paths:
        if not path.exists():
            raise TrainingError(f"there is no file or folder {str(path)!r}")
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.suffix in TEXTS:
                texts.append(file.read_text(encoding="utf-8", errors="replace"))
    return tuple(texts)


async def deploy(
    settings: Settings,
    name: str,
    base_url: str,
    served_as: str,
    fallback: str,
    ends: date | None,
    *,
    load: bool,
) -> TunedModel:
    """Make a model a profile, after its server has it. Raises TrainingError."""
    from backends.tuning.loading import load_adapter

    async def work(models: Models) -> TunedModel:
        model = await models.get(name)
        url = base_url or model.base_url or settings.model.base_url or ""
        known = model.served_as or model.last_served_as
        served = served_as or known or model.name
        if model.adapter and load:
            if not url:
                raise TrainingError(
                    "no model server is known: start one (`curbside serve-adapter "
                    f"{model.base}`, or vLLM), and name it with --base-url"
                )
            await load_adapter(url, served, model.adapter)
        model = replace(
            model,
            base_url=url,
            served_as=served,
            fallback=fallback or model.fallback,
            shutdown_date=ends or model.shutdown_date,
        )
        await models.put(model)
        return model

    return await with_models(settings, work)


async def undeploy(settings: Settings, name: str) -> None:
    """Take a model's profile away, and its adapter off its server."""
    from backends.tuning.loading import unload_adapter

    async def work(models: Models) -> None:
        model = await models.get(name)
        # First, so that a server which is gone for good does not keep it a profile.
        last = model.served_as or model.last_served_as
        await models.put(replace(model, served_as="", last_served_as=last))
        if model.adapter and model.is_served and model.base_url:
            await unload_adapter(model.base_url, model.served_as)

    await with_models(settings, work)
