"""Calls of the library: not too many at once, and given up without harm to others."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar, cast

import aiohttp
from discord.http import HTTPClient, Ratelimit, Route

T = TypeVar("T")

LAST_SECONDS = 1.0
"""How long calls that were given up may take to end when all is closed."""


QUEUE_SECONDS = 3.0
"""How long a call may wait for a limit before it is given back to the delivery."""

KEPT_SECONDS = 60.0
"""A turn that was not taken is kept for so long."""

CALLS_A_SECOND = 40
"""Discord takes fifty of a bot; some are left for what the gateway asks."""


_sent: ContextVar[asyncio.Event | None] = ContextVar("_sent", default=None)


class NotSent(Exception):
    """A call waited too long for a limit: nothing was written."""


def tracing() -> aiohttp.TraceConfig:
    """Lets a client of the library tell when it really sends a call."""

    async def begin(*_: object) -> None:
        if (sent := _sent.get()) is not None:
            sent.set()

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(begin)
    return trace


class Pace:
    """Lets so many calls go in any second, in the order in which they came.

    The library only reacts to the limit of the whole: fifty calls that wait for it
    wake up together, and are refused together.
    """

    def __init__(
        self,
        calls: int = 0,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._calls = calls or CALLS_A_SECOND
        self._times: deque[float] = deque(maxlen=self._calls)
        self._now = now
        self._sleep = sleep
        self._turn = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until one more call may go."""
        async with self._turn:
            if len(self._times) == self._calls:
                await self._sleep(max(0.0, self._times[0] + 1.0 - self._now()))
            self._times.append(self._now())


class Slots:
    """Turns of calls of which Discord takes only a few in one place.

    A call that must wait is told how long and keeps its turn: it need not stand in a
    queue, where it would be given up, and asked for again.
    """

    def __init__(
        self,
        calls: int = 5,
        seconds: float = 5.0,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._seconds = seconds
        self._now = now
        self._turns: dict[int, dict[str, float]] = {}
        self.known = False
        """Whether Discord has told the limit; until then it is a guess."""

    def wait(self, place: int, call: str) -> float:
        """Seconds until it is the turn of a call."""
        now = self._now()
        turns = self._turns.setdefault(place, {})
        if call not in turns:
            times = list(turns.values())
            full = len(times) >= self._calls
            turns[call] = max(now, times[-self._calls] + self._seconds if full else now)
        wait = turns[call] - now
        if wait <= 0:
            self._forget(now - KEPT_SECONDS)
        return max(0.0, wait)

    def learn(self, http: HTTPClient, route: Route) -> None:
        """Take over what Discord has just said of the limit."""
        name = http._bucket_hashes.get(route.key, route.key)
        limit = http._buckets.get(f"{name}:{route.major_parameters}")
        if limit is None or not limit.dirty:
            return
        if limit.remaining == limit.limit - 1:
            # At the first call of a window its whole length is told.
            self._calls, self._seconds = limit.limit, limit.reset_after
        self.known = True

    def _forget(self, before: float) -> None:
        for place, turns in list(self._turns.items()):
            for call in [call for call, turn in turns.items() if turn < before]:
                del turns[call]
            if not turns:
                del self._turns[place]


class Calls:
    """Runs calls in tasks of their own.

    The library hands a rate limit on with an `await`: a call that is cancelled just
    then keeps its place for ever, and every later call of that kind waits for it. So
    a call is cancelled once only, whatever happens to who waits for it, is left to
    finish by itself, and then its limits are looked at.
    """

    def __init__(self) -> None:
        self._given_up: set[asyncio.Future[Any]] = set()

    async def run(self, http: HTTPClient, calling: Awaitable[T], seconds: float) -> T:
        """The result of a call; TimeoutError when it takes too long.

        Its time begins when it is sent: before that it may wait for a limit, and
        NotSent is raised when that takes too long.
        """
        sent = asyncio.Event()
        before = _sent.set(sent)
        task = asyncio.ensure_future(calling)
        _sent.reset(before)
        try:
            await self._begun(task, sent)
            async with asyncio.timeout(seconds):
                return await asyncio.shield(task)
        finally:
            if not task.done():
                task.cancel()
                self._given_up.add(task)
                task.add_done_callback(partial(self._ended, http))

    async def aclose(self) -> None:
        """Wait a little for calls that were given up."""
        if self._given_up:
            await asyncio.wait(self._given_up, timeout=LAST_SECONDS)

    async def _begun(self, task: asyncio.Future[Any], sent: asyncio.Event) -> None:
        waiting = asyncio.ensure_future(sent.wait())
        either = {task, waiting}
        try:
            done, _ = await asyncio.wait(
                either, timeout=QUEUE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            waiting.cancel()
        if not done:
            raise NotSent

    def _ended(self, http: HTTPClient, task: asyncio.Future[Any]) -> None:
        self._given_up.discard(task)
        for limit in list(http._buckets.values()):
            free_if_stuck(limit)


def free_if_stuck(limit: Ratelimit) -> None:
    """Open a limit that is used up, with nobody under way who would open it again."""
    nobody = not limit.outgoing and not limit._sleeping.locked()
    if limit.remaining <= 0 and nobody and limit.expires is None:
        cast(Any, limit).reset()  # untyped in the library
        limit._wake(limit.remaining)
