"""Calls of the library that may be given up without harm to the calls after them."""

import asyncio
from collections.abc import Awaitable
from functools import partial
from typing import Any, TypeVar, cast

from discord.http import HTTPClient, Ratelimit

T = TypeVar("T")

LAST_SECONDS = 1.0
"""How long calls that were given up may take to end when all is closed."""


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
        """The result of a call; TimeoutError when it takes too long."""
        task = asyncio.ensure_future(calling)
        try:
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
