"""The commands `ingest`, `sync`, `reindex`, `migrate`: the team's documents."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

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
    from backends.knowledge.library import Overview
    from bot.documents import Documents
    from bot.settings import Settings

T = TypeVar("T")
Tell = Callable[["Progress"], None]


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
    settings = _settings()
    wanted = [path.resolve() for path in paths or settings.documents]
    if not wanted:
        raise CommandFailed(
            "nothing to take in: name files or folders, or set `documents`"
        )
    for path in wanted:
        if not path.exists():
            raise CommandFailed(f"there is no file or folder {str(path)!r}")
    collection = collection or settings.collection

    async def here(documents: "Documents", told: Tell) -> "Report":
        return await documents.ingest(
            wanted, told, collection=collection, rebuild=rebuild
        )

    arguments = {
        "paths": [str(path) for path in wanted],
        "collection": collection,
        "rebuild": rebuild,
    }
    _tell(asyncio.run(_perform(settings, "ingest", arguments, here)), as_json)


@guarded
def sync(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Sources by name; else all, and `documents`."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the configured sources up to date.

    Takes in what is new, changed or gone in `documents` and each [sources.NAME].
    Safe to run at any time, also while the bot runs, and again after a crash.
    """
    settings = _settings()
    if not (settings.documents or settings.sources):
        raise CommandFailed("nothing to take in: set `documents`, or a [sources.NAME]")

    async def here(documents: "Documents", told: Tell) -> "Report":
        return await documents.sync(names or [], told)

    arguments = {"names": names or []}
    _tell(asyncio.run(_perform(settings, "sync", arguments, here)), as_json)


@guarded
def reindex(
    collection: Annotated[
        str, typer.Option(help="Which one; else `collection` of the settings.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Build a collection anew, after a change of the embedder or an upgrade.

    Searches go on meanwhile, and nothing is lost: what is no more in any source is
    taken from the collection itself.
    """
    settings = _settings()
    collection = collection or settings.collection

    async def here(documents: "Documents", told: Tell) -> "Report":
        return await documents.reindex(collection, "", told)

    async def perform() -> "Report":
        from bot.app import open_library

        library = open_library(settings)
        made_with = await library.embedder_name()
        await library.aclose()
        arguments = {"collection": collection, "made_with": made_with}
        return await _perform(settings, "reindex", arguments, here)

    _tell(asyncio.run(perform()), as_json)


@guarded
def migrate(
    collection: Annotated[
        str, typer.Option(help="Which one; else `collection` of the settings.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Copy the embedded documents to the Qdrant server of the settings.

    Nothing is embedded again. Ended half-way, it goes on when it is run again.
    """
    settings = _settings()
    if not settings.qdrant_url:
        raise CommandFailed(
            "there is no server to copy to: set CURBSIDE_QDRANT_URL, such as "
            "http://127.0.0.1:6333"
        )
    found = asyncio.run(_migrate(settings, collection or settings.collection))
    if as_json:
        print_json(asdict(found))
    else:
        typer.echo(
            f"Collection {found.collection!r} is on the server: {found.documents} "
            f"documents, {found.passages} passages, counted there."
        )


async def _migrate(settings: "Settings", collection: str) -> "Overview":
    from bot.app import open_library

    here = open_library(settings.model_copy(update={"qdrant_url": None}))
    there = open_library(settings)

    try:
        return await shown(lambda told: here.copy_to(there, collection, told))
    finally:
        await there.aclose()
        await here.aclose()


def _settings() -> "Settings":
    settings = read_settings()
    start_logging("WARNING" if settings.log_level == "INFO" else settings.log_level)
    return settings


def _tell(report: "Report", as_json: bool) -> None:
    if as_json:
        print_json(asdict(report))
    else:
        for line in summary(report):
            typer.echo(line)
    if report.skipped and not (report.added or report.changed or report.unchanged):
        raise typer.Exit(Exit.FAILURE)


async def shown(work: Callable[[Tell], Awaitable[T]]) -> T:
    """Work with a progress bar, where there is a person to see it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        return await work(_shown(bar))


def _shown(bar: "Bar") -> Tell:
    task = bar.add_task("documents", total=None)

    def show(progress: "Progress") -> None:
        name = Path(progress.name).name
        bar.update(
            task, total=progress.total, completed=progress.done, description=name
        )

    return show


async def _perform(
    settings: "Settings",
    job: str,
    arguments: dict[str, Any],
    here: Callable[["Documents", Tell], Awaitable["Report"]],
) -> "Report":
    """Do a job in this process, or have the running bot do it that owns the store."""
    from bot import control
    from bot.app import open_library
    from bot.documents import Documents

    if not settings.qdrant_url and await control.listening(settings.data_dir):
        note("The running bot has the documents open; it does the work.")
        return await shown(
            lambda told: _hand_over(settings.data_dir, job, arguments, told)
        )
    library = open_library(settings)
    try:
        documents = Documents(settings, library)
        return await shown(lambda told: here(documents, told))
    finally:
        await library.aclose()


async def _hand_over(
    data_dir: Path, job: str, arguments: dict[str, Any], told: Tell
) -> "Report":
    from backends.knowledge.ingest import Progress, Report
    from bot import control

    report = None
    async for line in control.hand_over(data_dir, job, arguments):
        if "progress" in line:
            told(Progress(**line["progress"]))
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
