"""What was said while nobody listened: Discord keeps it, and never sends it again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from functools import partial

import aiohttp
import discord

from adapters.discord.changed import changed
from adapters.discord.listening import Listener
from adapters.discord.refusals import advised
from bot.errors import StateUnavailable

Place = discord.TextChannel | discord.Thread | discord.VoiceChannel

log = logging.getLogger(__name__)

MOST = 1_000
"""Messages that are looked through in one channel; the newest, if there are more."""

PAUSES = (1.0, 4.0, 15.0)
"""After these a channel that could not be read is tried again, or given up."""


class CatchUp:
    """Reads the channels, threads and known rooms of a shard from their cursors on.

    What is older than `since` is not answered any more, but listed for an admin.
    """

    def __init__(
        self,
        client: discord.Client,
        listener: Listener,
        since: datetime,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._listener = listener
        self._since = since
        self._sleep = sleep
        self._start = discord.utils.time_snowflake(since)

    async def run(self) -> tuple[set[int], set[int]]:
        """Hand in what was found; the channels not read, and those that were."""
        unread, read, count = set[int](), set[int](), 0
        for id_, place in self._places():
            found = await self._history(id_, place)
            if found is None:
                unread.add(id_)
                continue
            read.add(id_)
            count += len(found)
            for message in reversed(found):
                late = message.created_at < self._since
                hear = self._listener.missed if late else self._listener.said
                self._listener.take(partial(hear, self._client, message))
        await self._look_again()
        log.info("discord: looked through %d messages of %d channels", count, len(read))
        return unread, read

    async def _look_again(self) -> None:
        """Hand in what became of questions that were answered lately."""
        records = self._listener.records
        try:
            async for found in changed(self._client, records, self._since):
                if isinstance(found, discord.Message):
                    hear = partial(self._listener.edited, self._client, found)
                else:
                    guild, channel, id_ = found
                    hear = partial(
                        self._listener.deleted, self._client, guild, channel, str(id_)
                    )
                self._listener.take(hear)
        except StateUnavailable as error:
            log.warning("answered questions are not looked at again: %s", error)

    def _places(self) -> Iterator[tuple[int, discord.abc.Messageable]]:
        """Where something was said since we last heard of it."""
        for guild in self._client.guilds:
            text: list[Place] = [*guild.text_channels, *guild.threads]
            for place in [*text, *guild.voice_channels]:
                last = place.last_message_id
                if last is not None and last > self._after(place.id):
                    yield place.id, place
        if not self._client.shard_id:
            # Direct messages come to the first shard, and cannot be listed.
            for id_ in self._listener.cursors.rooms:
                yield id_, self._client.get_partial_messageable(id_)

    def _after(self, channel: int) -> int:
        """The message from which on a channel is to be read."""
        known = self._listener.cursors.of(channel)
        return self._start if known is None else known

    async def _history(
        self, id_: int, place: discord.abc.Messageable
    ) -> list[discord.Message] | None:
        """The messages after the cursor, the newest first; None when it failed."""
        after = discord.Object(self._after(id_))
        for pause in (*PAUSES, None):
            try:
                history = place.history(after=after, limit=MOST, oldest_first=False)
                found = [message async for message in history]
            except (discord.Forbidden, discord.NotFound):
                # Not our channel, then nobody can ask us anything there.
                log.debug("no history of %s", place)
                return []
            except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
                log.warning("cannot look through a channel: %s", error)
                if pause is not None:
                    await self._sleep(max(pause, limited(error)))
                continue
            if len(found) == MOST:
                log.warning("channel %d: only the last %d were looked at", id_, MOST)
            return found
        return None


def limited(error: Exception) -> float:
    """Seconds that Discord wants to be left alone."""
    if isinstance(error, discord.HTTPException) and error.status == 429:
        return advised(error)
    return 0.0
