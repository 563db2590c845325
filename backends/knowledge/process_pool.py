"""Child processes with a limit of memory and time, and one that replaces the dead."""

import asyncio
import os
import pickle
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self, TypeVar, cast

from backends.base import BackendError
from backends.knowledge.child import HEADER, frame

T = TypeVar("T")
START = "from backends.knowledge.child import main; main()"
CLOSING_SECONDS = 2
INHERITED = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT"}
"""Of the environment; tokens and keys are nothing for a process that reads files."""


class LimitExceeded(BackendError):
    """A call took too long, or more memory than allowed, or ended its process."""


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What one call may take. The memory limit is only held on Linux."""

    memory: int = 2**30
    seconds: float = 60


DEFAULT_LIMITS = ProcessLimits()


class ProcessPool:
    """Runs functions in up to `size` child processes, which start when needed.

    They are started afresh rather than forked: a fork would inherit the threads' locks
    and the lock of the store's folder. Functions must be importable by their name.
    """

    def __init__(self, size: int, limits: ProcessLimits = DEFAULT_LIMITS) -> None:
        self.size = size
        self._limits = limits
        self._free = asyncio.Semaphore(size)
        self._idle: list[Process] = []

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Call it in a child. Raises what it raises, and `LimitExceeded`."""
        request = frame(pickle.dumps((function, arguments)))
        async with self._free:
            child = self._idle.pop() if self._idle else await self._start()
            try:
                async with asyncio.timeout(self._limits.seconds):
                    answer = await _ask(child, request)
            except BaseException as error:
                # What it is doing, or whether it lives, is not known any more.
                await _kill(child)
                raise self._explained(error) from error
            well, result = pickle.loads(answer)
            if isinstance(result, MemoryError) and not well:
                await _kill(child)  # its memory may be in pieces
                raise self._explained(result) from result
            self._idle.append(child)
        if not well:
            raise result
        return cast(T, result)

    def _explained(self, error: BaseException) -> BaseException:
        if isinstance(error, TimeoutError):
            return LimitExceeded(f"it took more than {self._limits.seconds:g} s")
        if isinstance(error, MemoryError):
            limit = self._limits.memory / 2**20
            return LimitExceeded(f"it took more than {limit:.0f} MB of memory")
        if isinstance(error, asyncio.IncompleteReadError | ConnectionError):
            return LimitExceeded("it ended the process that read it")
        return error

    async def _start(self) -> Process:
        environment = {name: os.environ[name] for name in INHERITED & os.environ.keys()}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        limits = str(self._limits.memory), str(self._limits.seconds)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", START, *limits),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=environment,
        )

    async def aclose(self) -> None:
        """End the children, which are idle when all calls have come back."""
        for child in self._idle:
            assert child.stdin is not None
            child.stdin.close()
            try:
                async with asyncio.timeout(CLOSING_SECONDS):
                    await child.communicate()
            except TimeoutError:
                await _kill(child)
            _let_go(child)
        self._idle.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def _ask(child: Process, request: bytes) -> bytes:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(request)
    await child.stdin.drain()
    size = int.from_bytes(await child.stdout.readexactly(HEADER), "big")
    return await child.stdout.readexactly(size)


async def _kill(child: Process) -> None:
    with suppress(ProcessLookupError):
        child.kill()
    with suppress(ConnectionError):
        await child.communicate()
    _let_go(child)


def _let_go(child: Process) -> None:
    """Close its pipes now: the loop would only do so later, and may end before."""
    transport = getattr(child, "_transport", None)
    if transport is not None:
        transport.close()
