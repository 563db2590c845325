"""Measures the state engines: `python -m benchmarks.torture_state --state sqlite`.

First each method, called one at a time; then whole cycles (accept, claim, begin,
record, finish) with fifty under way at once.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks import measure
from benchmarks.measure import Figure
from bot.model import Delivery, SentPart, answer_id
from bot.state.base import State, Work
from bot.state.redis import RedisState
from bot.state.sqlite import SqliteState
from tests.servers.redis import RedisServer

CALLS = 500
CYCLES = 3_000
CONCURRENCY = 50
CONVERSATIONS = 500
LEASE = 15.0


def delivery_of(work: Work) -> Delivery:
    """The delivery of an answer to what waits first, with its message."""
    question = work.waiting[0].event
    place = work.claim.conversation
    return Delivery(
        answer_id(place, question.key),
        place,
        covers=(question.key,),
        question_id=question.key,
        parts=(SentPart(0, f"message of {question.key}"),),
    )


async def each_method(state: State) -> list[Figure]:
    """The methods on the way of a question, one call after the other."""
    works: list[Work] = []
    inbox = state.inbox

    async def claim(number: int) -> None:
        work = await inbox.claim("worker", lease=LEASE, wait=1)
        assert work is not None
        works.append(work)

    def with_work(
        method: Callable[[Work, Delivery], Awaitable[object]],
    ) -> Callable[[int], Awaitable[object]]:
        return lambda at: method(works[at], delivery_of(works[at]))

    figures = await timed(
        "accept", lambda n: inbox.accept(measure.question(n, n), limit=20), 1.0
    )
    figures += await timed("claim", claim)
    for name, method in {
        "begin": lambda work, sent: inbox.begin(work.claim, sent),
        "record": lambda work, sent: inbox.record(work.claim, sent),
        "extend": lambda work, sent: inbox.extend([work.claim], lease=LEASE),
        "controls": lambda work, sent: inbox.controls([work.claim]),
        "recall": lambda work, sent: state.memory.recall(sent.conversation),
        "routes": lambda work, sent: state.routes.all(),
        "finish": lambda work, sent: inbox.finish(work.claim, sent.covers, sent),
    }.items():
        figures += await timed(name, with_work(method))
    return figures


async def timed(
    name: str, call: Callable[[int], Awaitable[object]], limit: float | None = None
) -> list[Figure]:
    """How long so many calls took, one at a time."""
    seconds = []
    for number in range(CALLS):
        start = time.perf_counter()
        await call(number)
        seconds.append(time.perf_counter() - start)
    return list(measure.percentiles(name, seconds, p50=limit, p99=None))


async def cycles(state: State) -> Figure:
    """Many questions at once, in by one task and out by others."""
    free = asyncio.Semaphore(CONCURRENCY)
    left = CYCLES

    async def accept(number: int) -> None:
        event = measure.question(CALLS + number, number % CONVERSATIONS)
        async with free:
            await state.inbox.accept(event, limit=CYCLES)

    async def work() -> None:
        nonlocal left
        while left > 0:
            found = await state.inbox.claim("worker", lease=LEASE, wait=0.1)
            if found is None:
                continue
            sent = delivery_of(found)
            await state.inbox.begin(found.claim, sent)
            await state.inbox.record(found.claim, sent)
            await state.inbox.finish(found.claim, sent.covers, sent)
            left -= 1

    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CONCURRENCY):
            group.create_task(work())
        for number in range(CYCLES):
            group.create_task(accept(number))
    rate = CYCLES / (time.perf_counter() - start)
    return Figure("whole cycles a second, 50 at once", rate, "", 500, floor=True)


async def run(kind: str, folder: Path) -> None:
    """Measure one engine."""
    with ExitStack() as stack:
        state: State = SqliteState(folder / "state.db")
        if kind == "redis":
            server = RedisServer(folder / "redis")
            server.start()
            stack.callback(server.stop)
            state = RedisState(server.url)
        await state.open()
        print(await state.check())
        figures = [*await each_method(state), await cycles(state)]
        await state.aclose()
    measure.show(figures)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", choices=("redis", "sqlite"), default="sqlite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(options.state, Path(folder)))


if __name__ == "__main__":
    main()
