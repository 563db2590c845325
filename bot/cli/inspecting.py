"""The commands that look: `doctor`, `backends`, `dead-letters`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
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
    from bot.doctor import Finding
    from bot.profiles import Profiles
    from bot.settings import Settings
    from bot.state.base import DeadLetter, State


@guarded
def doctor(
    quick: Annotated[
        bool, typer.Option("--quick", help="Only settings, data folder and state.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check every part, and say what to do.

    Exit code 1 if one of them is not well.
    """
    from bot.doctor import examine

    start_logging("CRITICAL")  # what the parts complain of is in the findings
    findings = asyncio.run(examine(quick=quick))
    well = all(finding.ok for finding in findings)
    if as_json:
        print_json({"ok": well, "findings": [asdict(each) for each in findings]})
    else:
        _print_findings(findings)
    if not well:
        raise typer.Exit(Exit.FAILURE)


def _print_findings(findings: "list[Finding]") -> None:
    width = max(len(finding.part) for finding in findings)
    indent = " " * (width + 7)
    for finding in findings:
        mark = typer.style(*(("OK  ", "green") if finding.ok else ("FAIL", "red")))
        detail = finding.detail.replace("\n", f"\n{indent}")
        typer.echo(f"{mark}  {finding.part:<{width}} {detail}")
        if finding.fix:
            typer.secho(f"{indent}-> {finding.fix}", fg="yellow")


@guarded
def backends(
    check: Annotated[
        bool, typer.Option(help="Ask each of them whether it can answer.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """List the profiles that admins can switch to."""
    start_logging("CRITICAL")
    rows = asyncio.run(_backends(read_settings(), check))
    if as_json:
        print_json(rows)
        return
    width = max(len(row["profile"]) for row in rows)
    for row in rows:
        answers = {True: "OK  ", False: "FAIL", None: "    "}[row["ok"]]
        mark = typer.style(answers, fg="red" if row["ok"] is False else "green")
        told = [row["model"], row["detail"], "default" if row["default"] else ""]
        if row["fallback"]:
            told.append(f"falls back to {row['fallback']}")
        line = f"{mark}  {row['profile']:<{width}}  {row['kind']:<11} "
        typer.echo((line + ", ".join(filter(None, told))).rstrip())


async def _backends(settings: "Settings", check: bool) -> list[dict[str, Any]]:
    from bot.app import open_library, open_profiles

    library = open_library(settings)
    try:
        profiles = open_profiles(settings, library)
        try:
            rows = [_row(profiles, name, check) for name in profiles.names()]
            return list(await asyncio.gather(*rows))
        finally:
            await profiles.aclose()
    finally:
        await library.aclose()


async def _row(profiles: "Profiles", name: str, check: bool) -> dict[str, Any]:
    profile = profiles.profile(name)
    health = await profiles.health(name) if check else None
    ends = health.shutdown_date if health else None
    return {
        "profile": name,
        "kind": profile.kind,
        "default": name == profiles.default,
        "fallback": profile.fallback,
        "ok": health.ok if health else None,
        "model": health.model if health else "",
        "detail": health.detail if health else "",
        "shutdown_date": ends.isoformat() if ends else None,
    }


@guarded
def dead_letters(
    retry: Annotated[
        list[str] | None,
        typer.Option(help="Put this one back into its conversation.", metavar="ID"),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what was given up, or have it tried again."""
    settings = read_settings()
    if retry:
        asyncio.run(_revive(settings, retry))
        return
    letters = asyncio.run(_dead_letters(settings, limit))
    if as_json:
        print_json([_letter(letter) for letter in letters])
        return
    if not letters:
        note("Nothing was given up.")
    for letter in letters:
        row = _letter(letter)
        typer.secho(f"{row['id']}  {row['at']}  {row['conversation']}", bold=True)
        typer.echo(f"    {row['reason']}")
        for question in row["questions"]:
            typer.echo(f"    > {question}")


async def _dead_letters(settings: "Settings", limit: int) -> "list[DeadLetter]":
    async with _state(settings) as opened:
        return await opened.inbox.dead_letters(limit)


async def _revive(settings: "Settings", ids: list[str]) -> None:
    async with _state(settings) as opened:
        missing = [each for each in ids if not await opened.inbox.revive(each)]
    if missing:
        raise CommandFailed(
            f"no dead letter {', '.join(missing)}; `curbside dead-letters` lists them"
        )
    note(f"{len(ids)} put back; a worker will try again.")


@asynccontextmanager
async def _state(settings: "Settings") -> "AsyncIterator[State]":
    from bot import state

    opened = state.create(settings, "main")
    try:
        await opened.open()
        yield opened
    finally:
        await opened.aclose()


def _letter(letter: "DeadLetter") -> dict[str, Any]:
    from bot.model import Said

    said = [event.message for event in letter.events if isinstance(event, Said)]
    return {
        "id": letter.id,
        "at": letter.at.isoformat(timespec="seconds"),
        "conversation": str(letter.events[0].conversation) if letter.events else "",
        "reason": letter.reason,
        "questions": [message.text for message in said],
    }
