"""The commands that answer: `chat`, `run`, `worker`."""

import asyncio
import gc
import getpass
import logging
import os
import signal
import sys
from collections.abc import Collection
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.terminal import Exit, guarded, note, read_settings, start_logging

if TYPE_CHECKING:
    from bot.settings import Settings

log = logging.getLogger(__name__)

FROM_DOCUMENTS = frozenset({"hybrid", "rag", "verbatim"})
"""Kinds that cannot answer while another process holds the embedded store."""


@guarded
def chat() -> None:
    """Ask in the terminal; no account needed. Piped, it answers line by line."""
    settings = read_settings()
    # Log lines would tear the conversation apart.
    quiet = settings.log_level in ("INFO", "WARNING")
    start_logging("ERROR" if quiet else settings.log_level)
    # Whoever sits at the terminal runs the program.
    admins = [*settings.admins, f"console:{getpass.getuser()}"]
    settings = settings.model_copy(update={"admins": admins})
    try:
        asyncio.run(_chat(settings))
    except KeyboardInterrupt:
        # A thread still waits for a line, and with its lock on stdin an orderly end of
        # the interpreter is a crash.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(Exit.INTERRUPTED)


@guarded
def run(
    platform: Annotated[
        list[str] | None,
        typer.Option(help="Only this platform; else all that are configured."),
    ] = None,
) -> None:
    """Serve the platforms: take questions in, answer them.

    All that are configured, in one process that does everything.
    """
    settings = read_settings()
    start_logging(settings.log_level)
    _end(asyncio.run(_serve(settings, platform, listen=True)))


@guarded
def worker() -> None:
    """Answer what other processes take in.

    Start as many as you need; they need Redis and a Qdrant server to share.
    """
    settings = read_settings()
    start_logging(settings.log_level)
    _end(asyncio.run(_serve(settings, None, listen=False)))


async def _chat(settings: "Settings") -> None:
    from bot.app import CONSOLE, App
    from bot.cli.documents import shown, summary
    from bot.documents import DOCUMENTS

    async with App.open(settings, platforms=[CONSOLE]) as app:
        default = app.profiles.profile(app.profiles.default)
        if default.kind in FROM_DOCUMENTS:
            app.library.require_free(settings.collection)
        if settings.documents:
            documents = app.documents()
            report = await shown(lambda told: documents.sync([DOCUMENTS], told))
            if report.added or report.changed or report.removed or report.skipped:
                note("\n".join(summary(report)))
        await app.run(asyncio.Event())


async def _serve(
    settings: "Settings", platforms: Collection[str] | None, *, listen: bool
) -> bool:
    """Serve until told to stop; whether that was a person's Ctrl-C."""
    from bot import calibrating, control
    from bot.app import App, require_adapters

    stopping = asyncio.Event()
    received = _stop_on_signals(stopping)
    async with (
        App.open(settings, platforms=platforms) as app,
        AsyncExitStack() as stack,
    ):
        require_adapters(app)
        # What is there from the start stays: collecting garbage need not look at it.
        gc.collect()
        gc.freeze()
        if listen:
            documents = app.documents()
            if not settings.qdrant_url:
                # The embedded store has one owner: `curbside ingest` must ask us.
                jobs = documents.jobs() | calibrating.jobs(settings, app.library)
                door = control.serve(settings.data_dir, jobs)
                await stack.enter_async_context(door)
            # Questions are taken already while the documents are brought up to date.
            keeping = asyncio.create_task(documents.keep(), name="documents")
            stack.callback(keeping.cancel)
        log.info("serving %s", ", ".join(sorted(app.adapters)))
        await app.run(stopping, listen=listen)
    return signal.SIGINT in received


def _stop_on_signals(stopping: asyncio.Event) -> set[signal.Signals]:
    """Finish answers at the first signal; end at once at the second."""
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    received: set[signal.Signals] = set()

    def stop(number: signal.Signals) -> None:
        if stopping.is_set() and main is not None:
            main.cancel()
            return
        received.add(number)
        note("Finishing the answers under way; once more ends at once.")
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop, number)
        except NotImplementedError:  # Windows: Ctrl-C ends at once
            break
    return received


def _end(interrupted: bool) -> None:
    if interrupted:
        raise typer.Exit(Exit.INTERRUPTED)
