"""What was said while nobody listened: Discord keeps it, and never sends it again.

No mark of how far we have read is needed: the look goes back for a fixed time, and the
inbox knows what it has had. Direct messages are found only in channels that this
process has seen: a bot cannot list them.
"""

import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime

import discord

Place = discord.TextChannel | discord.Thread | discord.VoiceChannel

log = logging.getLogger(__name__)

MOST = 200
"""Messages that are looked through in one channel."""


async def missed(
    client: discord.Client, since: datetime, private: Iterable[int]
) -> AsyncIterator[discord.Message]:
    """Messages since a time, the oldest of a channel first."""
    for place in places(client, since, private):
        try:
            found = place.history(after=since, limit=MOST, oldest_first=True)
            async for message in found:
                yield message
        except discord.Forbidden:
            # Not our channel, then nobody can ask us anything there.
            log.debug("no history of %s", place)
        except discord.HTTPException as error:
            log.warning("cannot look through a channel: %s", error)


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
