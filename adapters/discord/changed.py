"""Answered questions that were edited or deleted while nobody listened."""

import logging
from collections.abc import AsyncIterator
from datetime import datetime

import aiohttp
import discord

from adapters.discord.events import ASKED, PRIVATE
from bot.answers import KIND, KeptAnswer
from bot.model import ConversationId
from bot.state.base import Records
from bot.wire import from_data

log = logging.getLogger(__name__)

MOST = 50
"""Questions that are looked at again, a call each."""

Gone = tuple[int | None, int, int]
"""Server, channel and message."""


async def changed(
    client: discord.Client, records: Records, since: datetime
) -> AsyncIterator[discord.Message | Gone]:
    """Questions as they are now if they were edited, or that they are gone.

    Raises StateUnavailable.
    """
    for record in await records.newest(KIND, limit=MOST):
        if record.at < since:
            break
        try:
            kept = from_data(KeptAnswer, record.data)
        except (KeyError, TypeError, ValueError):
            continue  # written by another version
        place, id_ = kept.conversation, kept.question_id
        if place.platform != "discord" or place.thread.startswith(ASKED):
            continue
        channel = channel_of(client, place, id_)
        if channel is None:
            continue
        try:
            message = await channel.fetch_message(int(id_))
        except discord.NotFound:
            guild = None if place.workspace == PRIVATE else int(place.workspace)
            yield guild, channel.id, int(id_)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            log.debug("a question cannot be looked at again: %s", error)
        else:
            if message.edited_at is not None:
                yield message


def channel_of(
    client: discord.Client, place: ConversationId, question: str
) -> discord.TextChannel | discord.Thread | discord.PartialMessageable | None:
    """Where a question stands, if it is for this shard."""
    if place.workspace == PRIVATE:
        channel = client.get_partial_messageable(int(place.channel))
        return None if client.shard_id else channel
    # The question that a thread was made from stands above it, a post's inside it.
    above = client.get_channel(int(place.channel))
    if place.thread in ("", question) and isinstance(above, discord.TextChannel):
        return above
    thread = client.get_channel(int(place.thread or 0))
    return thread if isinstance(thread, discord.Thread) else None
