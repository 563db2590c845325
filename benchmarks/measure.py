"""What the benchmarks share: figures beside their targets, and a bot to measure."""

import asyncio
import gc
import os
import resource
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from backends.base import Backend, Profile
from backends.knowledge.library import Library
from bot.adapter import Adapter, Part
from bot.app import App
from bot.model import Author, ConversationId, Delivery, Message, Said
from bot.profiles import Profiles
from bot.settings import Settings, WorkerSettings
from bot.state.base import State
from bot.testing import RecordingAdapter

ASKER = Author("U1", "Ann")
TEXT = (
    "vaccines are kept at five degrees and checked twice a day by whoever opens the "
    "clinic and by whoever closes it when the last patient has left the waiting room"
)
WORDS = TEXT.split()


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured; it is to stay below `limit`, or above it as a `floor`."""

    name: str
    value: float
    unit: str = ""
    limit: float | None = None
    floor: bool = False

    def __str__(self) -> str:
        line = f"{self.name:<60}{self.value:>9.2f} {self.unit}"
        if self.limit is None:
            return line.rstrip()
        met = self.value >= self.limit if self.floor else self.value <= self.limit
        sign = ">=" if self.floor else "<="
        return f"{line:<76}{sign} {self.limit:<5g} {'met' if met else 'MISSED'}"


class Neighbours:
    """What else keeps the processors busy, since the last look; on Linux."""

    def __init__(self) -> None:
        self._clock, self._busy = self._now()

    def look(self) -> float:
        """How many processors, on average."""
        clock, busy = self._now()
        average = (busy - self._busy) / (clock - self._clock)
        self._clock, self._busy = clock, busy
        return max(0.0, average)

    def _now(self) -> tuple[float, float]:
        first = Path("/proc/stat").read_text().partition("\n")[0]
        user, nice, system, _, _, *rest = map(int, first.split()[1:9])
        everybody = (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")
        # Children count once they have ended.
        return time.monotonic(), everybody - sum(os.times()[:4])


_neighbours = Neighbours()


def show(figures: Sequence[Figure]) -> None:
    """Print figures, and how busy the machine was besides: it shows in them."""
    for figure in figures:
        print(figure)
    busy, count = _neighbours.look(), os.cpu_count()
    print(f"(other processes kept {busy:.1f} of {count} processors busy)")


def percentiles(
    name: str, seconds: Sequence[float], **limits: float | None
) -> Iterator[Figure]:
    """A figure in milliseconds for each percentile named: `p50=5, p99=None`.

    `p100` is the longest of all.
    """
    ordered = sorted(seconds)
    for key, limit in limits.items():
        place = min(len(ordered) - 1, int(len(ordered) * int(key[1:]) / 100))
        label = "longest" if key == "p100" else key
        yield Figure(f"{name}, {label}", 1000 * ordered[place], "ms", limit)


async def listening(port: int, seconds: float) -> None:
    """Wait until something listens at a port of this machine."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


def resident(pid: int | str = "self") -> int:
    """The bytes of memory that a process holds; on Linux."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def settled() -> int:
    """The memory of this process without what only waits to be collected."""
    gc.collect()
    return resident()


class Platform(RecordingAdapter):
    """A platform in memory that keeps nothing of what it is sent."""

    def __init__(self, on_post: Callable[[str], None] = lambda answer_id: None) -> None:
        super().__init__(edit_interval=1.0)
        self.posts = 0
        self.edits = 0
        self._on_post = on_post

    async def post(self, delivery: Delivery, index: int, part: Part) -> str:
        """Tell of the answer that begins here."""
        self._on_post(delivery.answer_id)
        self.posts += 1
        return f"m{self.posts}"

    async def edit(self, delivery: Delivery, message_id: str, part: Part) -> None:
        """Count it."""
        self.edits += 1


@asynccontextmanager
async def working(
    state: State,
    backend: Backend,
    adapter: Adapter,
    folder: Path,
    *,
    listen: bool = False,
    **worker: float,
) -> AsyncIterator[App]:
    """A bot at work over an opened state, with one backend and one platform."""
    app = App.compose(
        Settings(data_dir=folder, worker=WorkerSettings.model_validate(worker)),
        state,
        Library(folder),
        Profiles({"only": Profile("only", "stub")}, lambda profile: backend, "only"),
        {adapter.platform: adapter},
    )
    stopping = asyncio.Event()
    running = asyncio.create_task(app.run(stopping, listen=listen))
    try:
        yield app
    finally:
        stopping.set()
        await running


def question(number: int, conversation: int) -> Said:
    """A question of its own in one of many conversations."""
    place = ConversationId("memory", "w", "c", f"t{conversation}")
    text = f"What is kept at five degrees, and why, in case {number}?"
    return Said(Message(f"q{number}", place, ASKER, text, datetime.now(UTC)))


async def answered(app: App, seconds: float = 60) -> None:
    """Wait until nothing waits any more."""
    deadline = time.monotonic() + seconds
    while (await app.state.inbox.stats()).waiting:
        if time.monotonic() > deadline:
            raise TimeoutError(f"questions still wait after {seconds:g} s")
        await asyncio.sleep(0.1)
