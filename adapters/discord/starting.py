"""When a session may be started: who does it too often loses the token."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

import aiohttp
import discord

log = logging.getLogger(__name__)

SPACING_SECONDS = 5.0
"""Discord takes one start of a bucket in so long."""

SCARCE = 0.25
"""When fewer than this share of a day's starts is left, they are made to last."""


class TooManyStarts(Exception):
    """A session must not be started now; the client is to be ended."""


class Starts:
    """The starts of all shards of this process.

    How many are left Discord itself tells, so nothing is to be remembered over
    restarts, and other processes of the same bot are counted too.
    """

    def __init__(
        self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._sleep = sleep
        self._concurrency = 1
        self._last: dict[int, float] = {}
        self._buckets: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def wait(self, client: discord.Client) -> None:
        """Wait until a start may be made, for hours if need be."""
        seconds = await self.pause(client)
        if seconds > 0:
            log.error(
                "discord: too many sessions were started today; the next one in %.0f s",
                seconds,
            )
            await self._sleep(seconds)

    async def pause(self, client: discord.Client) -> float:
        """Seconds to leave before the next start, so that a day's starts last."""
        limit = await self._limit(client)
        if limit is None:
            return 0.0
        return pace(limit.total, limit.remaining, limit.reset_after / 1000)

    async def turn(self, shard: int) -> None:
        """Wait for the turn of a shard among those that start together."""
        bucket = shard % self._concurrency
        async with self._buckets[bucket]:
            since = time.monotonic() - self._last.get(bucket, float("-inf"))
            if since < SPACING_SECONDS:
                await self._sleep(SPACING_SECONDS - since)
            self._last[bucket] = time.monotonic()

    async def _limit(self, client: discord.Client) -> discord.SessionStartLimits | None:
        try:
            _, _, limit = await client.http.get_bot_gateway()
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.debug("how many sessions are left is not known: %s", error)
            return None
        limits = discord.SessionStartLimits(**limit)
        self._concurrency = max(1, limits.max_concurrency)
        return limits


def pace(total: int, remaining: int, reset_seconds: float) -> float:
    """Seconds between starts with which those that remain last until the reset."""
    if remaining <= 0:
        return max(reset_seconds, SPACING_SECONDS)
    return reset_seconds / remaining if remaining < total * SCARCE else 0.0
