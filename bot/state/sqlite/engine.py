"""One connection in one thread; what waits together is committed together."""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from bot.errors import CurbsideError, StateUnavailable
from bot.state.sqlite.schema import prepare

T = TypeVar("T")

BUSY_SECONDS = 0.6
"""How long SQLite waits for another process's lock."""

PATIENCE_SECONDS = 1.0
"""How long a caller waits at most. A disk may hang, and nothing can end an fsync."""

MOST_TOGETHER = 128

HINTS = {
    sqlite3.SQLITE_BUSY: "another process holds its lock for too long",
    sqlite3.SQLITE_FULL: "make room on the disk",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "make the file and its folder writable",
    sqlite3.SQLITE_PERM: "make the file and its folder writable",
    sqlite3.SQLITE_IOERR: "check the disk",
    sqlite3.SQLITE_CORRUPT: "restore a copy",
    sqlite3.SQLITE_NOTADB: "point `data_dir` elsewhere",
}

Operation = Callable[[sqlite3.Connection], T]
"""What is done inside a transaction. It may run twice, so it changes nothing else."""


class Level(IntEnum):
    """What a commit costs; the highest of those that are committed together counts."""

    READ = 0
    VISIBLE = 1
    """Survives the process, not a power cut: for claims, which nobody holds then."""
    DURABLE = 2
    """On the disk: one fsync."""


SYNCHRONOUS = {Level.VISIBLE: "NORMAL", Level.DURABLE: "FULL"}


@dataclass(frozen=True, slots=True)
class Job:
    """An operation that somebody waits for."""

    operation: Operation[Any]
    level: Level
    outcome: asyncio.Future[Any]


class Engine:
    """Runs operations on a state file, each as if in a transaction of its own."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self.clock = clock
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Create or open the file. Raises StateUnavailable, StateTooNew."""
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        self._thread = threading.Thread(
            target=self._serve, args=(loop, opened), name="state", daemon=True
        )
        self._thread.start()
        try:
            await opened
        except BaseException:
            self._thread = None
            raise

    async def aclose(self) -> None:
        """Finish what was asked for, then close the file."""
        if self._thread is not None:
            thread, self._thread = self._thread, None
            self._jobs.put(None)
            await asyncio.to_thread(thread.join, PATIENCE_SECONDS)

    async def read(self, operation: Operation[T]) -> T:
        """Run what only reads."""
        return await self._run(operation, Level.READ)

    async def write(self, operation: Operation[T], level: Level = Level.DURABLE) -> T:
        """Run what may write; once this returns it is as safe as its level says."""
        return await self._run(operation, level)

    async def _run(self, operation: Operation[T], level: Level) -> T:
        if self._thread is None:
            raise StateUnavailable(f"{self.path} is not open")
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(Job(operation, level, outcome))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await outcome
        except TimeoutError:
            raise StateUnavailable(
                f"{self.path} did not answer within {PATIENCE_SECONDS:g} s; "
                "check the disk"
            ) from None

    def _serve(
        self, loop: asyncio.AbstractEventLoop, opened: asyncio.Future[None]
    ) -> None:
        """The thread: batch after batch, until told to end."""
        try:
            connection = self._connect()
        except CurbsideError as error:
            _tell(loop, [(opened, error)])
            return
        _tell(loop, [(opened, None)])
        while batch := self._next_batch():
            jobs = [job for job in batch if not job.outcome.cancelled()]
            outcomes = self._settle(connection, jobs)
            _tell(loop, list(zip([j.outcome for j in jobs], outcomes, strict=True)))
        connection.close()

    def _next_batch(self) -> list[Job]:
        """All that waits by now, at least one job; nothing when it is time to end."""
        batch: list[Job] = []
        with suppress(Empty):
            while len(batch) < MOST_TOGETHER:
                job = self._jobs.get(block=not batch)
                if job is None:
                    self._jobs.put(None)
                    break
                batch.append(job)
        return batch

    def _settle(
        self, connection: sqlite3.Connection, jobs: Sequence[Job]
    ) -> list[object]:
        """What became of the jobs: results, and errors in the place of results."""
        try:
            return _transact(connection, jobs)
        except Exception as error:
            locked = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY
            if len(jobs) == 1 or locked:
                return [self._ours(error)] * len(jobs)
        # One of them failed and took the others along: now each by itself.
        return [self._settle(connection, [job])[0] for job in jobs]

    def _connect(self) -> sqlite3.Connection:
        connection = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # It holds what people wrote: nobody else on the machine may read it.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None
            )
            prepare(connection, self.path)
            return connection
        except (OSError, sqlite3.Error, CurbsideError) as error:
            if connection is not None:
                connection.close()
            raise self._ours(error) from error

    def _ours(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.Error):
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            hint = HINTS.get(code, "try again")
            return StateUnavailable(f"{self.path}: {error}; {hint}")
        if isinstance(error, OSError):
            if isinstance(error, FileExistsError | NotADirectoryError):
                return StateUnavailable(
                    f"{self.path.parent} is a file; set `data_dir` to a folder"
                )
            reason = error.strerror or str(error)
            hint = "make the folder writable or set `data_dir`"
            return StateUnavailable(f"{self.path}: {reason}; {hint}")
        return error


def _transact(connection: sqlite3.Connection, jobs: Sequence[Job]) -> list[object]:
    if connection.in_transaction:  # a rollback that failed, on a bad disk
        connection.execute("ROLLBACK")
    level = max((job.level for job in jobs), default=Level.READ)
    if level is Level.READ:
        connection.execute("BEGIN")
    else:
        connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS[level]}")
        # A lock that is asked for only by the first write would fail without waiting.
        connection.execute("BEGIN IMMEDIATE")
    try:
        results = [job.operation(connection) for job in jobs]
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    return results


def _tell(
    loop: asyncio.AbstractEventLoop,
    outcomes: Sequence[tuple[asyncio.Future[Any], object]],
) -> None:
    """Hand results over to the event loop, unless that is gone already."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(_resolve, outcomes)


def _resolve(outcomes: Sequence[tuple[asyncio.Future[Any], object]]) -> None:
    for future, outcome in outcomes:
        if future.done():
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
