"""What was said while nobody listened: Discord keeps it, and never sends it again.

No mark of how far we have read is needed: the look goes back for a fixed time, and the
inbox knows what it has had. Direct messages are found only in channels that this
process has seen: a bot cannot list them.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from datetime import datetime

import aiohttp
import discord

Place = discord.TextChannel | discord.Thread | discord.VoiceChannel

log = logging.getLogger(__name__)

MOST = 1_000
"""Messages that are looked through in one channel; the newest, if there are more."""

PAUSES = (1.0, 4.0, 15.0)
"""After these a channel that could not be read is tried again, or given up."""


async def missed(
    client: discord.Client,
    since: datetime,
    private: Iterable[int],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[discord.Message]:
    """Messages since a time, the oldest of a channel first."""
    for place in places(client, since, private):
        for pause in PAUSES:
            try:
                history = place.history(after=since, limit=MOST, oldest_first=False)
                found = [message async for message in history]
            except discord.Forbidden:
                # Not our channel, then nobody can ask us anything there.
                log.debug("no history of %s", place)
                break
            except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
                log.warning("cannot look through a channel: %s", error)
                await sleep(pause)
                continue
            for message in reversed(found):
                yield message
            break


def places(
    client: discord.Client, since: datetime, private: Iterable[int]
) -> Iterator[discord.abc.Messageable]:
    """Channels and threads in which something was said since."""
    for guild in client.guilds:
        text: list[Place] = [*guild.text_channels, *guild.threads]
        for place in [*text, *guild.voice_channels]:
            last = place.last_message_id
            if last is not None and discord.utils.snowflake_time(last) > since:
                yield place
    for id_ in private:
        yield client.get_partial_messageable(id_)
