"""`curbside tune`: train, follow, deploy; `serve-adapter` for trials."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.terminal import (
    AsJson,
    CommandFailed,
    guarded,
    note,
    print_json,
    read_settings,
    start_logging,
)

if TYPE_CHECKING:
    from backends.tuning.run import Progress, Run, Runs
    from backends.tuning.trainers.base import Forecast, Task, Trainer
    from bot.models import Models, TunedModel
    from bot.settings import Settings
    from bot.training import Wish


def runs_of(settings: "Settings") -> "Runs":
    """The runs of the data folder."""
    from backends.tuning.run import Runs

    return Runs(settings.data_dir / "tuning" / "runs")


Base = Annotated[str, typer.Option(help="The base: a folder, or a model's name.")]
Frozen = Annotated[
    Path | None, typer.Option(help="A frozen dataset; else it is frozen now.")
]
HowTo = Annotated[
    str, typer.Option(help="sft (answers), dpo (corrections), pretrain (texts).")
]
By = Annotated[str, typer.Option(help="local or openai.")]
Texts = Annotated[
    list[Path] | None, typer.Option(help="Files to pre-train on; else documents.")
]
Start = Annotated[str, typer.Option(help="Go on with the adapter of this run.")]
System = Annotated[str, typer.Option(help="The system prompt to train.")]
WithPassages = Annotated[
    bool, typer.Option("--with-passages", help="For a hybrid profile.")
]
Epochs = Annotated[float, typer.Option(help="0: chosen by the data.")]
Steps = Annotated[int, typer.Option(help="Stop after so many; 0: by epochs.")]
Rate = Annotated[float, typer.Option(help="0: by the method.")]
Batch = Annotated[int, typer.Option(help="0: by the memory.")]
Length = Annotated[int, typer.Option(help="Tokens; 0: by the data.")]
Rank = Annotated[int, typer.Option(help="Of the adapter.")]
FourBit = Annotated[bool, typer.Option("--four-bit", help="QLoRA.")]
Seed = Annotated[int, typer.Option(help="The same seed, the same run.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Force = Annotated[bool, typer.Option("--force", help="In spite of what `check` finds.")]


@guarded
def train(
    name: Annotated[str, typer.Argument(help="What the model will be called.")],
    base: Base,
    dataset: Frozen = None,
    method: HowTo = "sft",
    trainer: By = "local",
    texts: Texts = None,
    start: Start = "",
    system: System = "",
    with_passages: WithPassages = False,
    epochs: Epochs = 0,
    steps: Steps = 0,
    learning_rate: Rate = 0,
    batch_size: Batch = 0,
    max_length: Length = 0,
    rank: Rank = 16,
    four_bit: FourBit = False,
    seed: Seed = 7,
    yes: Yes = False,
    force: Force = False,
) -> None:
    """Train a model; says first what it needs and costs. Ctrl-C ends it resumably."""
    from backends.tuning.run import Hyperparameters, Method
    from bot.training import Wish

    if method not in list(Method):
        raise CommandFailed(f"--method must be one of {', '.join(Method)}")
    chosen = Hyperparameters(
        epochs, learning_rate, batch_size, max_length, steps, rank, 0.1, seed, four_bit
    )
    files = tuple(texts or ())
    wish = Wish(
        name, base, Method(method), trainer, dataset, files, start, system,
        with_passages, chosen, force,
    )  # fmt: skip
    _train(wish, yes=yes)


def _train(wish: "Wish", *, yes: bool) -> None:
    from bot.training import begin

    settings = read_settings()
    start_logging("WARNING")
    runs = runs_of(settings)
    with runs.alone(wish.name):
        run, task, doer = asyncio.run(begin(settings, runs, wish))
        _confirm(doer.forecast(task), yes=yes)
        _work(settings, runs, task, doer, run)


@guarded
def resume(
    run: Annotated[str, typer.Argument(help="The run's id, or the start of it.")],
    yes: Yes = False,
) -> None:
    """Go on with a run that was stopped or killed."""
    from bot.training import again

    settings = read_settings()
    start_logging("WARNING")
    runs = runs_of(settings)
    found = runs.get(run)
    with runs.alone(found.name):
        task, doer = again(settings, runs, found)
        if found.began is None:
            # It was declined, or ended before it was asked for.
            _confirm(doer.forecast(task), yes=yes)
        _work(settings, runs, task, doer, found)


def _confirm(forecast: "Forecast", *, yes: bool) -> None:
    for line in forecast.lines:
        note(line)
    if not forecast.fits and not yes:
        raise CommandFailed("it does not fit here; --yes tries it all the same")
    if not yes and not typer.confirm("Begin?", err=True):
        raise typer.Exit(1)


def _work(
    settings: "Settings", runs: "Runs", task: "Task", doer: "Trainer", run: "Run"
) -> None:
    from backends.tuning.run import RunState
    from bot.training import finish

    with _stopping() as stop:
        done = finish(settings, runs, task, doer, _report, stop)
    typer.echo(f"run {done.id}: {done.state}")
    for name, value in done.metrics.items():
        typer.echo(f"  {name}: {value:.4g}")
    if done.state is RunState.SUCCEEDED:
        note(f"put it behind the switch: curbside tune deploy {done.name}")
    elif done.state is RunState.CANCELLED:
        note(f"go on with it: curbside tune resume {done.id}")
    else:
        raise CommandFailed(done.error)


def _report(progress: "Progress") -> None:
    if progress.note:
        note(progress.note)
        return
    parts = [f"step {progress.step}"]
    if progress.steps:
        parts[0] += f" of {progress.steps}"
    if progress.loss is not None:
        parts.append(f"loss {float(progress.loss):.4f}")
    if progress.held_out_loss is not None:
        parts.append(f"held-out loss {float(progress.held_out_loss):.4f}")
    if len(parts) > 1:
        note(", ".join(parts))


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Ctrl-C asks the run to end; a second one ends the program."""
    stop = threading.Event()

    def ask(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        note("ending after this step; once more ends at once")

    former = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, former)


@guarded
def list_runs(as_json: AsJson = False) -> None:
    """The runs, a line each, the oldest first."""
    from dataclasses import asdict

    found = runs_of(read_settings()).all()
    if as_json:
        print_json([asdict(run) for run in found])
        return
    for run in found:
        loss = run.metrics.get("held_out_loss")
        said = f"held-out loss {loss:.4f}" if loss is not None else run.error[:60]
        typer.echo(f"{run.id}  {run.name:16} {run.method:8} {run.state:9} {said}")


@guarded
def show(
    run: Annotated[str, typer.Argument(help="The run's id, or the start of it.")],
) -> None:
    """A run with all that decided it, and its loss curves."""
    from backends.tuning.card import card, curves

    runs = runs_of(read_settings())
    found = runs.get(run)
    typer.echo(card(found))
    typer.echo(curves(runs.curve(found)))


@guarded
def cancel(
    run: Annotated[str, typer.Argument(help="The run's id, or the start of it.")],
) -> None:
    """Cancel a vendor's job that nobody here follows any more."""
    from bot.training import cancel_job

    settings = read_settings()
    runs = runs_of(settings)
    typer.echo(f"run {cancel_job(settings, runs, runs.get(run)).id}: cancelled")


@guarded
def merge(
    run: Annotated[str, typer.Argument(help="The run's id, or the start of it.")],
    folder: Annotated[Path, typer.Argument(help="Where to write the model.")],
) -> None:
    """Put a run's adapter into its base: one model, for servers without adapters."""
    from backends.tuning.merging import merge as put

    runs = runs_of(read_settings())
    typer.echo(str(put(runs, runs.get(run), folder)))


@guarded
def models(as_json: AsJson = False) -> None:
    """The tuned models: their base, where they serve, what was forgotten since."""
    from dataclasses import asdict

    from bot.training import with_models

    async def work(registry: "Models") -> list["TunedModel"]:
        return await registry.all()

    found = asyncio.run(with_models(read_settings(), work))
    if as_json:
        print_json([asdict(model) | {"table": model.table()} for model in found])
        return
    for model in found:
        served = f"as {model.served_as}" if model.is_served else "not served"
        ends = f", ends {model.shutdown_date}" if model.shutdown_date else ""
        gone = f", {model.forgotten} examples forgotten since: train it anew"
        if not model.forgotten:
            gone = ""
        typer.echo(f"{model.name}: {model.base}, {served}{ends}{gone}")


@guarded
def deploy(
    name: Annotated[str, typer.Argument(help="The model.")],
    base_url: Annotated[
        str, typer.Option(help="The server; else that of [model].")
    ] = "",
    served_as: Annotated[
        str, typer.Option(help="What the server calls it; else its own name.")
    ] = "",
    fallback: Annotated[
        str, typer.Option(help="The profile that answers when it is down.")
    ] = "",
    shutdown_date: Annotated[
        str, typer.Option(help="When its vendor turns it off: 2027-01-14.")
    ] = "",
    load: Annotated[
        bool, typer.Option(help="Have the server load the adapter, as vLLM can.")
    ] = True,
) -> None:
    """Make a trained model a profile. Nobody gets it before an admin's `use`."""
    from bot.training import deploy as put

    settings = read_settings()
    ends = _day(shutdown_date)
    model = asyncio.run(
        put(settings, name, base_url, served_as, fallback, ends, load=load)
    )
    typer.echo(
        f"{model.name} is a candidate; the bot knows it in a few seconds. Put it in "
        f"front of people in the chat: use {model.name}"
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise CommandFailed(
            f"--shutdown-date takes a day such as 2027-01-14, not {text!r}"
        ) from error


@guarded
def undeploy(name: Annotated[str, typer.Argument(help="The model.")]) -> None:
    """Take a model's profile away, and its adapter off the server."""
    from backends.tuning.run import TrainingError
    from bot.training import undeploy as take

    try:
        asyncio.run(take(read_settings(), name))
    except TrainingError as error:
        note(f"its adapter was not unloaded: {error}")
    typer.echo(f"{name} is no profile any more")


@guarded
def register(
    name: Annotated[str, typer.Argument(help="What it will be called here.")],
    model: Annotated[str, typer.Option(help="What its server calls it.")],
    base_url: Annotated[str, typer.Option(help="Its server.")] = "",
    base: Annotated[str, typer.Option(help="What it was trained from.")] = "",
    shutdown_date: Annotated[
        str, typer.Option(help="When its vendor turns it off: 2027-01-14.")
    ] = "",
) -> None:
    """Put a model that was trained elsewhere into the registry, as a candidate."""
    from bot.models import TunedModel
    from bot.training import with_models

    ends = _day(shutdown_date)
    found = TunedModel(
        name,
        base or model,
        datetime.now(UTC),
        served_as=model,
        base_url=base_url,
        shutdown_date=ends,
    )

    async def work(registry: "Models") -> None:
        await registry.put(found)

    asyncio.run(with_models(read_settings(), work))
    typer.echo(f"{name} is a candidate; put it in front of people: use {name}")


@guarded
def serve_adapter(
    base: Annotated[str, typer.Argument(help="The base: a folder, or a name.")],
    adapter: Annotated[
        list[str] | None, typer.Option(help="name=folder; more than one is fine.")
    ] = None,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any free one.")] = 8_000,
) -> None:
    """Serve a base and its adapters, OpenAI-compatible, for trials on one machine."""
    from backends.tuning.serving import serve

    pairs = {}
    for given in adapter or ():
        name, mark, folder = given.partition("=")
        if not mark or not name:
            raise CommandFailed(f"--adapter takes name=folder, not {given!r}")
        pairs[name] = folder
    start_logging("INFO")
    asyncio.run(serve(base, pairs, host, port))
