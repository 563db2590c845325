"""The commands that answer: `chat`, `run`, `worker`."""

import asyncio
import getpass
import logging
import os
import signal
import sys
from collections.abc import Collection
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from backends.base import BackendError
from bot.cli.terminal import Exit, guarded, note, read_settings, start_logging

if TYPE_CHECKING:
    from bot.app import App
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
    from bot.cli.documents import summary, take_in

    async with App.open(settings, platforms=[CONSOLE]) as app:
        default = app.profiles.profile(app.profiles.default)
        if default.kind in FROM_DOCUMENTS:
            app.library.require_free(settings.collection)
        if settings.documents:
            report = await take_in(app.ingest, settings.documents)
            if report.added or report.changed or report.removed or report.skipped:
                note("\n".join(summary(report)))
        await app.run(asyncio.Event())


async def _serve(
    settings: "Settings", platforms: Collection[str] | None, *, listen: bool
) -> bool:
    """Serve until told to stop; whether that was a person's Ctrl-C."""
    from bot.app import App, require_adapters

    stopping = asyncio.Event()
    received = _stop_on_signals(stopping)
    async with (
        App.open(settings, platforms=platforms) as app,
        AsyncExitStack() as stack,
    ):
        require_adapters(app)
        if listen:
            if not settings.qdrant_url:
                # The embedded store has one owner: `curbside ingest` must ask us.
                await stack.enter_async_context(app.control())
            documents = asyncio.create_task(_keep_documents(app), name="documents")
            stack.callback(documents.cancel)
        log.info("serving %s", ", ".join(sorted(app.adapters)))
        await app.run(stopping, listen=listen)
    return signal.SIGINT in received


async def _keep_documents(app: "App") -> None:
    """Bring the configured documents up to date while questions are taken already."""
    paths = app.settings.documents
    if not paths:
        return
    try:
        report = await app.ingest(paths, lambda _: None)
    except BackendError as error:
        log.error("the documents were not brought up to date: %s", error)
        return
    except Exception:
        log.exception("the documents were not brought up to date")
        return
    for name, reason in report.skipped:
        log.warning("skipped %s: %s", name, reason)
    log.info(
        "documents: %d added, %d changed, %d removed, %d unchanged",
        *map(len, (report.added, report.changed, report.removed, report.unchanged)),
    )


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
