"""The command `gaps`: what documentation is missing."""

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backends.base import BackendError
from bot.cli.terminal import AsJson, guarded, note, print_json, read_settings

if TYPE_CHECKING:
    from bot.gaps import Gap, Group
    from bot.settings import Settings


@guarded
def gaps(
    limit: Annotated[int, typer.Option(min=1, help="Groups to list.")] = 20,
    questions: Annotated[
        bool, typer.Option("--questions", help="List each question of a group.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List what the documents did not answer.

    Questions that were not answered, or whose answers were judged bad, grouped by what
    they ask for, the most asked first.
    """
    groups = asyncio.run(_groups(read_settings()))
    if as_json:
        print_json([_row(group) for group in groups[:limit]])
        return
    if not groups:
        note("Nothing is missing: every question was answered, and nobody complained.")
    _print(groups[:limit], questions=questions)


def _print(groups: "list[Group]", *, questions: bool) -> None:
    from bot.gaps import shown, told

    for group in groups:
        typer.secho(f"{len(group.gaps):>4}  {shown(group.question)}", bold=True)
        typer.echo(f"      {told(group)}")
        for gap in group.gaps if questions else ():
            said = f" ({gap.note})" if gap.note else ""
            typer.echo(f"      > {shown(gap.question)}{said}")


async def _groups(settings: "Settings") -> "list[Group]":
    from bot import state
    from bot.gaps import LOOKED_AT, grouped, open_gaps
    from bot.unanswered import KIND

    opened = state.create(settings, state.MAIN)
    try:
        await opened.open()
        found = open_gaps(await opened.records.newest(KIND, limit=LOOKED_AT))
    finally:
        await opened.aclose()
    return grouped(found, await _vectors(settings, found))


async def _vectors(settings: "Settings", found: "list[Gap]") -> Any:
    """The questions' meaning; None where nothing can embed them."""
    from bot.app import open_library

    if not found:
        return None
    library = open_library(settings)
    try:
        return await library.embed([gap.question for gap in found])
    except BackendError as error:
        note(f"Grouped by words alone: {error}")
        return None
    finally:
        await library.aclose()


def _row(group: "Group") -> dict[str, Any]:
    return {
        "question": group.question,
        "count": len(group.gaps),
        "reasons": group.reasons,
        "last": group.last.isoformat(timespec="seconds"),
        "gaps": [{**asdict(gap), "labels": sorted(gap.labels)} for gap in group.gaps],
    }
