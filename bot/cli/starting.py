"""The commands for a start: `init`, `manifest`, `version`."""

import platform
import sys
from enum import StrEnum
from importlib.metadata import version as installed_version
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.terminal import AsJson, CommandFailed, guarded, note, print_json


@guarded
def init(
    path: Annotated[
        Path | None, typer.Argument(help="The file to write.", show_default=False)
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a file that is there.")
    ] = False,
) -> None:
    """Write a curbside.toml with every setting explained."""
    target = path or Path("curbside.toml")
    text = files("bot.cli").joinpath("template.toml").read_text(encoding="utf-8")
    try:
        with target.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise CommandFailed(
            f"{target} is there already and was left alone; --force replaces it"
        ) from error
    except OSError as error:
        raise CommandFailed(f"{target} cannot be written: {error.strerror}") from error
    note(f"Wrote {target}. Next: `curbside doctor`, then `curbside chat`.")


class SlackMode(StrEnum):
    """How Slack's events come."""

    SOCKET = "socket"
    HTTP = "http"


@guarded
def manifest_slack(
    name: Annotated[str, typer.Option(help="What the app is called.")] = "Curbside",
    command: Annotated[str, typer.Option(help="The slash command.")] = "/curbside",
    mode: Annotated[
        SlackMode, typer.Option(help="How events come: by socket, or over HTTP.")
    ] = SlackMode.SOCKET,
    url: Annotated[
        str, typer.Option(help="For http: our server, as https://bot.example.org.")
    ] = "",
) -> None:
    """Print the manifest to create the Slack app from, as JSON."""
    from bot.cli.slack_manifest import build

    over_http = mode is SlackMode.HTTP
    if over_http != url.startswith("https://"):
        raise CommandFailed(
            "--mode http goes with --url and an address that begins with https://, "
            "and --mode socket with none"
        )
    print_json(build(name, command, url.rstrip("/")))


@guarded
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    if not as_json:
        typer.echo(_line())
        return
    print_json(
        {
            "version": installed_version("curbside"),
            "python": platform.python_version(),
            "platform": sys.platform,
        }
    )


def print_version(wanted: bool) -> None:
    """The option `--version`."""
    if wanted:
        typer.echo(_line())
        raise typer.Exit


def _line() -> str:
    return (
        f"curbside {installed_version('curbside')} "
        f"(Python {platform.python_version()}, {sys.platform})"
    )
