"""The gateway: a client that is kept alive, and hands on all that it hears."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import discord

from adapters.discord.catching_up import missed
from adapters.discord.listening import Listener
from adapters.discord.refusals import INTENT_FIX, TOKEN_FIX
from adapters.discord.rest import new_client, token, use_addresses
from adapters.discord.settings import DiscordSettings
from bot.errors import ConfigurationError

log = logging.getLogger(__name__)

RESTART_SECONDS = (1.0, 60.0)
"""First and longest pause before a client that failed is started anew."""

STEADY_SECONDS = 300.0
"""A client that ran so long is well: the next failure is a first one."""

WRONG_TOKEN = 4004
TOO_MANY_SERVERS = 4011


class Gateway:
    """Keeps one client running, whatever it stumbles over."""

    def __init__(
        self,
        settings: DiscordSettings,
        listener: Listener,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._sleep = sleep
        self._client: GatewayClient | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        client = self._client
        return client is not None and client.ws is not None and client.ws.open

    async def run(self) -> None:
        """Listen until cancelled. Raises ConfigurationError when we may not."""
        use_addresses(self._settings)
        taking = asyncio.create_task(self._listener.take_in(), name="discord events")
        pause, longest = RESTART_SECONDS
        try:
            while True:
                started = time.monotonic()
                await self._connect()
                if time.monotonic() - started > STEADY_SECONDS:
                    pause = RESTART_SECONDS[0]
                log.warning("discord: the client has ended, again in %.0f s", pause)
                await self._sleep(pause)
                pause = min(pause * 2, longest)
        finally:
            taking.cancel()
            with suppress(asyncio.CancelledError):
                await taking

    async def _connect(self) -> None:
        """Run one client until it ends, for whatever reason."""
        # Presences, typing and voice are nothing to us: less to hear, less to fail on.
        intents = discord.Intents(guilds=True, messages=True, reactions=True)
        intents.message_content = self._settings.message_content
        client = new_client(intents, GatewayClient)
        client.listener = self._listener
        client.look_back = timedelta(minutes=self._settings.catch_up_minutes)
        self._client = client
        try:
            async with client:
                await client.start(token(self._settings))
        except discord.LoginFailure as error:
            raise ConfigurationError(f"discord: {TOKEN_FIX}") from error
        except discord.PrivilegedIntentsRequired as error:
            raise ConfigurationError(INTENT_FIX) from error
        except discord.ConnectionClosed as error:
            _closed(error)
        except Exception:
            # An event that the library cannot read ends its client, and only that.
            log.exception("the discord client failed")


def _closed(error: discord.ConnectionClosed) -> None:
    """The gateway wants no more of us: raise what only a person can mend."""
    if error.code == WRONG_TOKEN:
        raise ConfigurationError(f"discord: {TOKEN_FIX}") from error
    if error.code == TOO_MANY_SERVERS:
        raise ConfigurationError(
            "discord: the bot is in more servers than one connection may serve"
        ) from error
    log.warning("discord closed the connection: %s", error)


class GatewayClient(discord.Client):
    """The library's client; its handlers only hand on, in the order of the events."""

    listener: Listener
    look_back: timedelta

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        # A READY takes effect two seconds late, when the client may be closed again.
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    async def setup_hook(self) -> None:
        await self.listener.interactions.register(self)

    async def on_ready(self) -> None:
        """Also after a session was lost: what happened meanwhile comes by no event."""
        if not self.look_back:
            return
        count = 0
        since = datetime.now(UTC) - self.look_back
        async for message in missed(self, since, self.listener.private):
            self.listener.take(partial(self.listener.said, self, message))
            count += 1
        log.info("discord: looked through %d messages since %s", count, since)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        # Not in line with the others: Discord wants an answer in three seconds.
        await self.listener.interactions.handle(interaction)

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
