"""Measures many answers growing at once: `python -m benchmarks.streaming`.

500 conversations in one process, each with a backend that says five words every 50 ms
for ten seconds; each answer is edited once a second. How late is the event loop, and
how much memory does a conversation take besides its text?
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from backends.base import Chunk, End, Health, Text, Turn
from benchmarks import measure
from benchmarks.measure import Figure, Platform
from bot.app import App
from bot.state.sqlite import SqliteState

PAUSE_SECONDS = 0.05
WORDS_AT_ONCE = 5
TICK_SECONDS = 0.01
WARM_UP = 20


class Talkative:
    """A backend that talks for some seconds; counts the answers under way."""

    def __init__(self) -> None:
        self.seconds = 1.0
        self.open = 0
        self.characters = 0

    async def answer(self, turn: Turn) -> AsyncIterator[Chunk]:
        """Some words every now and then, on time even when the loop is late."""
        self.open += 1
        began = time.perf_counter()
        for piece in range(round(self.seconds / PAUSE_SECONDS)):
            first = piece * WORDS_AT_ONCE % (len(measure.WORDS) - WORDS_AT_ONCE)
            text = " ".join(measure.WORDS[first : first + WORDS_AT_ONCE]) + " "
            self.characters += len(text)
            yield Text(text)
            due = began + (piece + 1) * PAUSE_SECONDS
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        self.open -= 1
        yield End()

    async def health(self) -> Health:
        """Always well."""
        return Health(ok=True)

    async def aclose(self) -> None:
        """Nothing to give back."""


@dataclass
class Observer:
    """Watches the event loop and the memory while answers grow."""

    talkative: Talkative
    lags: list[float] = field(default_factory=list)
    most: int = 0
    text: int = 0

    async def tick(self) -> None:
        """How late a short sleep returns, again and again."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            self.lags.append(time.perf_counter() - began - TICK_SECONDS)

    async def weigh(self, everybody: int) -> None:
        """The most memory while all answers are open, and their text then."""
        while True:
            await asyncio.sleep(0.5)
            memory = measure.resident()
            if self.talkative.open == everybody and memory > self.most:
                self.most, self.text = memory, self.talkative.characters


async def stream(app: App, conversations: range) -> float:
    """A question in each conversation; the seconds until all are answered."""
    began = time.perf_counter()
    for number in conversations:
        await app.reception.accept(measure.question(number, number))
    await measure.answered(app)
    return time.perf_counter() - began


async def run(options: argparse.Namespace) -> Iterator[Figure]:
    count = options.conversations
    talkative, platform = Talkative(), Platform()
    with tempfile.TemporaryDirectory() as place:
        state = SqliteState(Path(place) / "state.db")
        await state.open()
        async with measure.working(
            state, talkative, platform, Path(place), concurrency=count
        ) as app:
            await stream(app, range(WARM_UP))
            before = measure.settled()
            observer = Observer(talkative)
            talkative.seconds, talkative.characters = options.seconds, 0
            watching = [
                asyncio.create_task(observer.tick()),
                asyncio.create_task(observer.weigh(count)),
            ]
            edits, cpu = platform.edits, time.process_time()
            spent = await stream(app, range(WARM_UP, WARM_UP + count))
            cpu = time.process_time() - cpu
            for task in watching:
                task.cancel()
        await state.aclose()
    return figures(observer, count, before, platform.edits - edits, spent, cpu)


def figures(
    observer: Observer, count: int, before: int, edits: int, spent: float, cpu: float
) -> Iterator[Figure]:
    yield from measure.percentiles(
        f"{count} answers at once: event loop late by",
        observer.lags,
        p50=None,
        p99=50,
        p100=None,
    )
    yield Figure("processor time, of one processor", 100 * cpu / spent, "%")
    yield Figure("edits", edits / spent, "/s")
    yield Figure("time until all are answered", spent, "s")
    beyond = observer.most - before - observer.text
    yield Figure("text of an answer by then", observer.text / count / 1024, "KB")
    yield Figure("memory of an answer beyond it", beyond / count / 1024, "KB", 50)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10, help="an answer's length")
    measure.show(list(asyncio.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
