"""The command `ingest`: the team's documents, brought up to date."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.terminal import (
    AsJson,
    CommandFailed,
    Exit,
    guarded,
    note,
    print_json,
    read_settings,
    start_logging,
)

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from backends.knowledge.ingest import Progress, Report
    from bot.settings import Settings

Ingest = Callable[[Sequence[Path], Callable[["Progress"], None]], Awaitable["Report"]]


@guarded
def ingest(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files and folders; else `documents` of the settings."),
    ] = None,
    collection: Annotated[
        str, typer.Option(help="Where to keep them; else `collection` of the settings.")
    ] = "",
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Begin with an empty collection.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the documents up to date.

    Takes in what is new, changed or gone since the last time.
    Safe to run at any time, also while the bot runs, and again after a crash.
    """
    settings = read_settings()
    start_logging("WARNING" if settings.log_level == "INFO" else settings.log_level)
    wanted = [path.resolve() for path in paths or settings.documents]
    if not wanted:
        raise CommandFailed(
            "nothing to take in: name files or folders, or set `documents`"
        )
    for path in wanted:
        if not path.exists():
            raise CommandFailed(f"there is no file or folder {str(path)!r}")
    report = asyncio.run(_ingest(settings, wanted, collection, rebuild))
    if as_json:
        print_json(asdict(report))
    else:
        for line in summary(report):
            typer.echo(line)
    if report.skipped and not (report.added or report.changed or report.unchanged):
        raise typer.Exit(Exit.FAILURE)


async def take_in(ingest: Ingest, paths: Sequence[Path]) -> "Report":
    """Ingest with a progress bar, where there is a person to see it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        return await ingest(paths, _shown(bar))


def _shown(bar: "Bar") -> Callable[["Progress"], None]:
    task = bar.add_task("documents", total=None)

    def show(progress: "Progress") -> None:
        name = Path(progress.name).name
        bar.update(
            task, total=progress.total, completed=progress.done, description=name
        )

    return show


async def _ingest(
    settings: "Settings", paths: list[Path], collection: str, rebuild: bool
) -> "Report":
    from bot import control
    from bot.app import open_library

    collection = collection or settings.collection
    if not settings.qdrant_url and await control.listening(settings.data_dir):
        note("The running bot has the documents open; it does the work.")
        arguments = {
            "paths": [str(path) for path in paths],
            "collection": collection,
            "rebuild": rebuild,
        }

        async def ask_the_bot(
            _: Sequence[Path], progress: Callable[["Progress"], None]
        ) -> "Report":
            return await _hand_over(settings.data_dir, arguments, progress)

        return await take_in(ask_the_bot, paths)

    library = open_library(settings)

    async def do_it_here(
        paths: Sequence[Path], progress: Callable[["Progress"], None]
    ) -> "Report":
        return await library.ingest(collection, paths, progress, rebuild=rebuild)

    try:
        return await take_in(do_it_here, paths)
    finally:
        await library.aclose()


async def _hand_over(
    data_dir: Path, arguments: dict[str, Any], progress: Callable[["Progress"], None]
) -> "Report":
    from backends.knowledge.ingest import Progress, Report
    from bot import control

    report = None
    async for line in control.hand_over(data_dir, "ingest", arguments):
        if "progress" in line:
            progress(Progress(**line["progress"]))
        else:
            report = Report(**line["report"])
    if report is None:
        raise CommandFailed("the running bot ended before the documents were in")
    return report


def summary(report: "Report") -> list[str]:
    """What an ingestion did, for a person."""
    counts = {
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "unchanged": report.unchanged,
    }
    told = ", ".join(f"{len(names)} {word}" for word, names in counts.items() if names)
    lines = [f"Documents: {told or 'none'}; {report.passages} passages written."]
    return lines + [f"  skipped {name}: {reason}" for name, reason in report.skipped]
