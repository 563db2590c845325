"""One shard's client of the library: it hands on what it hears, and outlives much."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import discord

from adapters.discord.catching_up import CatchUp
from adapters.discord.listening import Listener
from adapters.discord.starting import SPACING_SECONDS, Starts, TooManyStarts

log = logging.getLogger(__name__)

BEGINNING = "READY"
"""Without this event there is no session: if it cannot be read, there is none."""

Parse = Callable[[Any], None]


class GatewayClient(discord.Client):
    """The library's client; its handlers only hand on, in the order of the events."""

    listener: Listener
    starts: Starts
    look_back: timedelta

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # An event that the library cannot read would end the whole client.
        parsers = self._connection.parsers
        for event, parse in list(parsers.items()):
            if event != BEGINNING:
                parsers[event] = _guarded(event, parse)

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self.ws is not None and self.ws.open

    @property
    def number(self) -> int:
        """The number of the shard."""
        return self.shard_id or 0

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        # A READY takes effect two seconds late, when the client may be closed again.
        if self.is_closed():
            return
        if event == "connect":
            # A new session: from here on, what comes is after the gap.
            self.listener.cursors.begin(self.number)
        super().dispatch(event, *args, **kwargs)

    async def before_identify_hook(
        self, shard_id: int | None, *, initial: bool = False
    ) -> None:
        """Before each new session; the first one of a client was waited for."""
        if not initial and await self.starts.pause(self) > SPACING_SECONDS:
            raise TooManyStarts
        await self.starts.turn(shard_id or 0)

    async def setup_hook(self) -> None:
        if not self.number:
            await self.listener.interactions.register(self)

    async def on_ready(self) -> None:
        """Also after a session was lost: what happened meanwhile comes by no event."""
        since = datetime.now(UTC) - self.look_back
        catch_up = CatchUp(self, self.listener, since)
        unread, read = set[int](), set[int]()
        if self.look_back:
            unread, read = await catch_up.run()

        async def end() -> None:
            self.listener.cursors.end(self.number, unread, read)

        # After all that was found: until that is stored, the gap is still there.
        self.listener.take(end)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        # Not in line with the others: Discord wants an answer in three seconds.
        try:
            await self.listener.interactions.handle(interaction)
        except Exception:
            log.exception("discord: what a person did could not be handled")

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        # One that is only unavailable for a while comes by another event.
        self.listener.take(partial(self.listener.left, guild.id))

    async def on_message(self, message: discord.Message) -> None:
        self.listener.take(partial(self.listener.said, self, message))

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        self.listener.take(partial(self.listener.edited, self, event.message))

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        self._deleted(event.guild_id, event.channel_id, event.message_id)

    async def on_raw_bulk_message_delete(
        self, event: discord.RawBulkMessageDeleteEvent
    ) -> None:
        for message in sorted(event.message_ids):
            self._deleted(event.guild_id, event.channel_id, message)

    def _deleted(self, guild: int | None, channel: int, message: int) -> None:
        deleted = partial(self.listener.deleted, self, guild, channel, str(message))
        self.listener.take(deleted)

    async def on_raw_reaction_add(self, event: discord.RawReactionActionEvent) -> None:
        self.listener.take(partial(self.listener.rated, self, event))

    async def on_raw_reaction_remove(
        self, event: discord.RawReactionActionEvent
    ) -> None:
        self.listener.take(partial(self.listener.rated, self, event))


def _guarded(event: str, parse: Parse) -> Parse:
    """A parser of the library that leaves out an event which it cannot read."""

    def parse_or_leave_out(data: Any) -> None:
        try:
            parse(data)
        except Exception:
            log.exception("discord: an event of type %s could not be read", event)

    return parse_or_leave_out
