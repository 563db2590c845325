"""`curbside dataset`: examples to train on, from feedback and files to a frozen set."""

import asyncio
import getpass
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

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
    from backends.tuning.example import TrainingExample
    from bot.examples import Examples
    from bot.settings import Settings

T = TypeVar("T")

Work = Callable[["Settings", "Examples"], Awaitable[T]]


@asynccontextmanager
async def opened(settings: "Settings") -> AsyncIterator["Examples"]:
    """The team's examples."""
    from bot import state
    from bot.examples import Examples, scrubber_of

    found = state.create(settings)
    try:
        await found.open()
        yield Examples(found.records, scrubber_of(settings))
    finally:
        await found.aclose()


def perform(work: "Work[T]") -> T:
    """Do something with the examples."""
    settings = read_settings()
    start_logging("WARNING")

    async def do() -> T:
        async with opened(settings) as examples:
            return await work(settings, examples)

    return asyncio.run(do())


def datasets_folder(settings: "Settings") -> Path:
    """Where frozen datasets lie."""
    return settings.data_dir / "datasets"


def read_file(path: Path) -> str:
    """The text of a training file."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{path} cannot be read as UTF-8: {error}") from error


def whoami() -> str:
    """Who sits at the terminal, as reviews name people."""
    return f"console:{getpass.getuser()}"


@guarded
def list_examples(
    status: Annotated[
        str, typer.Option(help="Only candidate, approved or rejected ones.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """The examples, a line each."""
    from backends.tuning.example import Status
    from backends.tuning.snapshot import as_data

    if status and status not in list(Status):
        raise CommandFailed(f"--status must be one of {', '.join(Status)}")

    async def work(_: "Settings", examples: "Examples") -> list["TrainingExample"]:
        return await examples.all(Status(status) if status else None)

    found = perform(work)
    if as_json:
        print_json([as_data(example) for example in found])
        return
    for example in found:
        origin = example.provenance.origin
        typer.echo(
            f"{example.id}  {example.status:9}  {origin:9}  {example.split or '-':8}  "
            f"{example.question[:70]!r}"
        )
    note(f"{len(found)} examples")


@guarded
def collect() -> None:
    """Make candidates of corrections and of answers that people liked."""

    async def work(_: "Settings", examples: "Examples") -> int:
        return await examples.collect()

    count = perform(work)
    typer.echo(f"{count} new candidates; look at them: curbside dataset review")


@guarded
def import_file(
    path: Annotated[Path, typer.Argument(help="OpenAI or ShareGPT JSONL, or CSV.")],
    consent: Annotated[
        str, typer.Option(help="The right by which it is used, in your words.")
    ] = "",
    channel_history: Annotated[
        bool,
        typer.Option(
            "--channel-history", help="The file holds messages of chat channels."
        ),
    ] = False,
) -> None:
    """Take a training file in, as candidates."""
    from backends.tuning.reading import read_examples

    if not path.is_file():
        raise CommandFailed(f"there is no file {str(path)!r}")
    found = read_examples(read_file(path), path.name, consent=consent)

    async def work(settings: "Settings", examples: "Examples") -> int:
        kept = found
        if channel_history:
            kept = _with_right(found, settings)
        return sum([await examples.add(example) for example in kept])

    new = perform(work)
    typer.echo(f"{new} of {len(found)} examples are new candidates")


def _with_right(
    found: Sequence["TrainingExample"], settings: "Settings"
) -> list["TrainingExample"]:
    from backends.tuning.example import Origin

    right = settings.tuning.channel_history_right
    if not right:
        raise CommandFailed(
            "messages of channels are not trained on without a right of yours to do "
            "so: Slack's developer policy says that \"the use of data to train an LLM "
            'is prohibited", Discord\'s that message content may not be used "to train '
            'machine learning or AI models" without its permission. Corrected and '
            "approved answers, documents and written Q&A are yours. If you hold the "
            "right, state it as `channel_history_right` under [tuning]"
        )
    return [
        replace(
            each,
            provenance=replace(each.provenance, origin=Origin.CHANNEL, consent=right),
        )
        for each in found
    ]


@guarded
def scrub(as_json: AsJson = False) -> None:
    """Scrub all examples again, with the roster and the patterns of today."""

    async def work(_: "Settings", examples: "Examples") -> int:
        return await examples.scrub_again()

    changed = perform(work)
    if as_json:
        print_json({"changed": changed})
    else:
        typer.echo(f"{changed} examples changed; they are candidates again")


@guarded
def check(
    base: Annotated[
        str, typer.Option(help="Count tokens as this model does (a folder, a name).")
    ] = "",
    max_length: Annotated[int, typer.Option(help="Tokens that a trainer takes.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Find what trainers reject or swallow. Ends with 1 when there are errors."""
    from dataclasses import asdict

    from backends.prompt import estimate_tokens
    from backends.tuning.checks import Limits
    from backends.tuning.checks import check as find
    from backends.tuning.counting import counter

    async def work(_: "Settings", examples: "Examples") -> list["TrainingExample"]:
        return await examples.all()

    count = counter(base) if base else estimate_tokens
    limits = Limits(count, max_length) if max_length else None
    findings = find(perform(work), limits=limits)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    for finding in () if as_json else findings:
        word = "ERROR  " if finding.error else "WARNING"
        typer.echo(f"{word} {finding.check}: {finding.message}")
        if finding.ids:
            more = f" and {len(finding.ids) - 5} more" if len(finding.ids) > 5 else ""
            typer.echo(f"        {', '.join(finding.ids[:5])}{more}")
        typer.echo(f"        -> {finding.fix}")
    if any(finding.error for finding in findings):
        raise typer.Exit(1)
    if not findings:
        note("nothing is wrong with it")


@guarded
def split(
    share: Annotated[
        float, typer.Option(min=0.05, max=0.5, help="How much is held out.")
    ] = 0.2,
) -> None:
    """Part the approved examples into those to learn from and those held out."""
    from backends.tuning.clusters import split as part
    from backends.tuning.example import Split, Status

    async def work(_: "Settings", examples: "Examples") -> list["TrainingExample"]:
        parted = part(await examples.all(Status.APPROVED), share)
        for example in parted:
            await examples.save(example)
        return parted

    parted = perform(work)
    held = sum(each.split is Split.HELD_OUT for each in parted)
    typer.echo(f"{len(parted) - held} to learn from, {held} held out")


@guarded
def freeze(as_json: AsJson = False) -> None:
    """Write the approved examples down for good; training starts from this."""
    from backends.tuning.snapshot import freeze as write

    async def work(settings: "Settings", examples: "Examples") -> Path:
        snapshot = write(await examples.all(), datasets_folder(settings))
        return snapshot.folder

    folder = perform(work)
    if as_json:
        print_json({"folder": str(folder)})
    else:
        typer.echo(f"{folder}")


@guarded
def export(
    name: Annotated[str, typer.Argument(metavar="FORMAT", help="See --help.")],
    folder: Annotated[Path, typer.Argument(help="Where to write the files.")],
    dataset: Annotated[
        Path | None, typer.Option(help="A frozen one; else it is frozen now.")
    ] = None,
    system: Annotated[str, typer.Option(help="The system prompt to train.")] = "",
    with_passages: Annotated[
        bool, typer.Option("--with-passages", help="For a hybrid profile.")
    ] = False,
) -> None:
    """Write files for a few_shot profile or another trainer.

    Formats: few-shot, together, fireworks, axolotl, llama-factory, unsloth, openai,
    openai-dpo, trl, trl-dpo.
    """
    from backends.tuning import exporting, snapshot
    from backends.tuning.rendering import Recipe

    if name not in exporting.FORMATS:
        raise CommandFailed(
            f"unknown format {name!r}; known: {', '.join(exporting.FORMATS)}"
        )

    async def work(settings: "Settings", examples: "Examples") -> list[Path]:
        if dataset is not None:
            frozen = snapshot.load(dataset)
        else:
            found = await examples.all()
            frozen = snapshot.freeze(found, datasets_folder(settings))
        return exporting.export(frozen, name, Recipe(system, with_passages), folder)

    for path in perform(work):
        typer.echo(str(path))
