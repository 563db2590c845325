"""What the commands share: exit codes, one line for an error, JSON for scripts."""

import functools
import json
import logging
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, ParamSpec, TypeVar

import typer

from backends.base import BackendError, BackendMisconfigured, BackendUnavailable
from bot.errors import (
    ConfigurationError,
    CurbsideError,
    DeliveryLater,
    PluginError,
    StateUnavailable,
)

if TYPE_CHECKING:
    from bot.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


class Exit(IntEnum):
    """The exit codes; `docs/errors.md` is their description for people."""

    OK = 0
    FAILURE = 1
    CONFIGURATION = 2
    UNAVAILABLE = 3
    INTERRUPTED = 130


class CommandFailed(CurbsideError):
    """A command could not do what it was asked; the message says why."""


def exit_code(error: Exception) -> Exit:
    """The exit code that an error of ours ends the program with."""
    if isinstance(error, ConfigurationError | PluginError | BackendMisconfigured):
        return Exit.CONFIGURATION
    if isinstance(error, StateUnavailable | BackendUnavailable | DeliveryLater):
        return Exit.UNAVAILABLE
    return Exit.FAILURE


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """An error of ours ends the command with one line; anything else is a bug."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (CurbsideError, BackendError) as error:
            fail(str(error), exit_code(error))

    return run


def fail(message: str, code: Exit = Exit.FAILURE) -> NoReturn:
    """Say in red what is wrong, and end."""
    typer.secho(f"curbside: {message}", fg="red", err=True)
    raise typer.Exit(code)


def note(message: str) -> None:
    """Say something that is not the result: on stderr, out of a pipe's way."""
    typer.secho(message, dim=True, err=True)


def print_json(value: Any) -> None:
    """Print the result for a script."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def read_settings() -> "Settings":
    """The core's settings; the tables of installed adapters are theirs to read."""
    from bot import plugins
    from bot.settings import load_settings

    return load_settings(frozenset(plugins.installed("adapters")))


def start_logging(level: str) -> None:
    """Log to stderr, a line each, with the time."""
    logging.basicConfig(
        level=level,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    if level != "DEBUG":
        # These tell of each request; their warnings are still wanted.
        for name in ("httpx", "httpcore", "discord", "slack_bolt", "slack_sdk"):
            logging.getLogger(name).setLevel("WARNING")
