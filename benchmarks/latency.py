"""Measures what Curbside adds to an answer: `python -m benchmarks.latency`.

Questions come in at random moments, 50 a second, over a state on disk. Two waits are
ours: from an event's arrival to the backend's first step, and from the backend's first
words to the first message on the platform.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from backends.base import Chunk, End, Health, Text, Turn
from benchmarks import measure
from benchmarks.measure import Figure, Platform
from bot.app import App
from bot.model import answer_id
from bot.state.base import State
from bot.state.redis import RedisState
from bot.state.sqlite import SqliteState
from tests.servers.redis import RedisServer, find_redis_server

THINKING_SECONDS = 0.05
PAUSE_SECONDS = 0.02
PIECES = 6
WARM_UP = 100
"""Questions before those that count: code is loaded, tables are made."""


class Watched:
    """A backend that takes its time as a model does; knows when what happened."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        self.called: dict[str, float] = {}
        self.spoke: dict[str, float] = {}
        self.posted: dict[str, float] = {}

    async def answer(self, turn: Turn) -> AsyncIterator[Chunk]:
        """Think, then speak in a few pieces."""
        self.called[turn.stable_key] = time.perf_counter()
        await asyncio.sleep(THINKING_SECONDS)
        self.spoke[turn.stable_key] = time.perf_counter()
        for word in measure.WORDS[:PIECES]:
            yield Text(f"{word} ")
            await asyncio.sleep(PAUSE_SECONDS)
        yield End()

    async def health(self) -> Health:
        """Always well."""
        return Health(ok=True)

    async def aclose(self) -> None:
        """Nothing to give back."""

    def on_post(self, key: str) -> None:
        """The first message of an answer is on its way."""
        self.posted.setdefault(key, time.perf_counter())


async def ask(app: App, watched: Watched, options: argparse.Namespace) -> None:
    """Questions at random moments, in one conversation after the other."""
    draw = random.Random(1)
    asking = []

    async def arrive(number: int) -> None:
        said = measure.question(number, number % options.conversations)
        if number >= WARM_UP:
            key = answer_id(said.conversation, said.message.id)
            watched.arrived[key] = time.perf_counter()
        await app.reception.accept(said)

    due = time.perf_counter()
    for number in range(WARM_UP + round(options.rate * options.seconds)):
        due += draw.expovariate(options.rate)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        asking.append(asyncio.create_task(arrive(number)))
    await asyncio.gather(*asking)
    await measure.answered(app)


def figures(name: str, watched: Watched) -> Iterator[Figure]:
    """The two waits of all questions after the warm-up."""
    arrived = watched.arrived
    yield from measure.percentiles(
        f"{name}: arrival to backend",
        [watched.called[key] - at for key, at in arrived.items()],
        p50=5,
        p99=25,
        p100=None,
    )
    yield from measure.percentiles(
        f"{name}: first words to platform",
        [watched.posted[key] - watched.spoke[key] for key in arrived],
        p50=None,
        p99=20,
        p100=None,
    )


async def run(name: str, state: State, folder: Path, given: argparse.Namespace) -> None:
    """Measure over one engine, and print."""
    watched = Watched()
    await state.open()
    try:
        platform = Platform(watched.on_post)
        async with measure.working(state, watched, platform, folder) as app:
            await ask(app, watched, given)
    finally:
        await state.aclose()
    measure.show(list(figures(name, watched)))


async def run_all(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        await run("SQLite", SqliteState(folder / "state.db"), folder, options)
        if find_redis_server() is None:
            print("Redis: not measured, there is no redis-server here")
            return
        server = RedisServer(folder / "redis")
        await asyncio.to_thread(server.start)
        try:
            await run("Redis", RedisState(server.url), folder, options)
        finally:
            await asyncio.to_thread(server.stop)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=50, help="questions a second")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--conversations", type=int, default=200)
    asyncio.run(run_all(parser.parse_args()))


if __name__ == "__main__":
    main()
