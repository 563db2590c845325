"""Curbside as a process of its own, for tests that kill it."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Program:
    """`curbside COMMAND` in a folder, with a configuration and nothing from outside."""

    def __init__(
        self,
        folder: Path,
        config: str,
        *command: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._command = command
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "CURBSIDE_CONFIG": str(folder / "curbside.toml"),
            **(environment or {}),
        }
        (folder / "curbside.toml").write_text(config)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def output(self) -> str:
        """What its runs printed, without what they logged."""
        return (self.folder / "output.txt").read_text()

    @property
    def log(self) -> str:
        """All that its runs wrote."""
        path = self.folder / "log.txt"
        return path.read_text() if path.exists() else ""

    async def start(self, *, stdin: str = "") -> None:
        """Start it with something to read."""
        (self.folder / "input.txt").write_text(stdin)
        with (
            (self.folder / "log.txt").open("ab") as log,
            (self.folder / "output.txt").open("ab") as output,
            (self.folder / "input.txt").open("rb") as given,
        ):
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot",
                *self._command,
                cwd=self.folder,
                env=self._environment,
                stdin=given,
                stdout=output,
                stderr=log,
            )

    async def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def wait(self, seconds: float = 20) -> int:
        """Wait for its end; the exit code."""
        assert self._process is not None
        async with asyncio.timeout(seconds):
            return await self._process.wait()

    async def kill(self) -> None:
        """End it at once, as a power cut would."""
        await self.signal(signal.SIGKILL)
        if self._process is not None:
            await self._process.wait()


async def until(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]],
    seconds: float = 20,
    *,
    what: str = "it",
    program: Program | None = None,
) -> None:
    """Wait for a condition, looking often."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                result = condition()
                if await result if isinstance(result, Awaitable) else result:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        log = program.log if program else ""
        message = f"{what} did not happen within {seconds} s\n{log}"
        raise AssertionError(message) from None
