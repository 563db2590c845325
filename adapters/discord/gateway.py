"""The gateway: the clients of our shards, kept alive whatever they stumble over."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import aiohttp
import discord

from adapters.discord.client import GatewayClient
from adapters.discord.library import new_client, token, use_addresses
from adapters.discord.listening import Listener
from adapters.discord.refusals import INTENT_FIX, TOKEN_FIX
from adapters.discord.settings import DiscordSettings
from adapters.discord.starting import Starts
from bot.errors import ConfigurationError, StateUnavailable

log = logging.getLogger(__name__)

RESTART_SECONDS = (1.0, 60.0)
"""First and longest pause before a client that failed is started anew."""

STEADY_SECONDS = 300.0
"""A client that ran so long is well: the next failure is a first one."""

FLUSH_SECONDS = 5.0

WRONG_TOKEN, WRONG_SHARD, TOO_FEW_SHARDS = 4004, 4010, 4011

Sleep = Callable[[float], Awaitable[None]]


class TooFewShards(Exception):
    """The bot is in more servers than its shards may serve."""


class Gateway:
    """Listens on all shards of this process."""

    def __init__(
        self,
        settings: DiscordSettings,
        listener: Listener,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._sleep = sleep
        self._starts = Starts(sleep=sleep)
        self._shards: list[Shard] = []

    @property
    def connected(self) -> bool:
        """Whether every shard has a connection now."""
        return bool(self._shards) and all(shard.connected for shard in self._shards)

    def channel(self, id_: int) -> object:
        """A channel as the gateway told us of it; None if it did not."""
        known = (shard.channel(id_) for shard in self._shards)
        return next((channel for channel in known if channel is not None), None)

    async def run(self) -> None:
        """Listen until cancelled. Raises ConfigurationError when we may not."""
        use_addresses(self._settings)
        helping = [
            asyncio.create_task(self._listener.take_in(), name="discord events"),
            asyncio.create_task(self._keep_cursors(), name="discord cursors"),
        ]
        try:
            await self._load()
            while True:
                await self._listen(await self._count())
        finally:
            await _end(helping)
            await self._listener.cursors.flush()

    async def _listen(self, count: int) -> None:
        """Run the shards until there must be more of them."""
        self._shards = [
            Shard(self._settings, self._listener, self._starts, id_, count, self._sleep)
            for id_ in self._settings.shards_here(count)
        ]
        running = [asyncio.create_task(shard.run()) for shard in self._shards]
        try:
            await asyncio.gather(*running)
        except TooFewShards as error:
            given = self._settings.shards
            if given:
                raise ConfigurationError(
                    f"discord: setting 'discord.shards' is {given}, but "
                    "the bot is in more servers; raise it, or set it to 0 to have as "
                    "many as Discord advises"
                ) from error
            log.warning("discord: more shards are wanted")
            await self._sleep(RESTART_SECONDS[1])
        finally:
            await _end(running)

    async def _count(self) -> int:
        """How many shards the bot has in all its processes."""
        if self._settings.shards:
            return self._settings.shards
        pause, longest = RESTART_SECONDS
        while True:
            client = new_client(discord.Intents(guilds=True), discord.Client)
            try:
                async with client:
                    await client.login(token(self._settings))
                    count, _, _ = await client.http.get_bot_gateway()
                    return count
            except discord.LoginFailure as error:
                raise ConfigurationError(f"discord: {TOKEN_FIX}") from error
            except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
                log.warning("discord does not say how many shards it wants: %s", error)
            await self._sleep(pause)
            pause = min(pause * 2, longest)

    async def _load(self) -> None:
        pause, longest = RESTART_SECONDS
        while True:
            try:
                return await self._listener.cursors.load()
            except StateUnavailable as error:
                log.warning("how far we have read is not known: %s", error)
            await self._sleep(pause)
            pause = min(pause * 2, longest)

    async def _keep_cursors(self) -> None:
        while True:
            await self._sleep(FLUSH_SECONDS)
            await self._listener.cursors.flush()


class Shard:
    """Keeps the client of one shard running."""

    def __init__(
        self,
        settings: DiscordSettings,
        listener: Listener,
        starts: Starts,
        id_: int,
        count: int,
        sleep: Sleep,
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._starts = starts
        self._id, self._count = id_, count
        self._sleep = sleep
        self._client: GatewayClient | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._client is not None and self._client.connected

    def channel(self, id_: int) -> object:
        """A channel that this shard knows."""
        return None if self._client is None else self._client.get_channel(id_)

    async def run(self) -> None:
        """Run clients until cancelled, one after the other."""
        pause, longest = RESTART_SECONDS
        while True:
            started = time.monotonic()
            await self._connect()
            if time.monotonic() - started > STEADY_SECONDS:
                pause = RESTART_SECONDS[0]
            log.warning("discord: the client has ended, again in %.0f s", pause)
            await self._sleep(pause)
            pause = min(pause * 2, longest)

    async def _connect(self) -> None:
        """Run one client until it ends, for whatever reason."""
        # Presences, typing and voice are nothing to us: less to hear, less to fail on.
        intents = discord.Intents(guilds=True, messages=True, reactions=True)
        intents.message_content = self._settings.message_content
        client = new_client(intents, GatewayClient, (self._id, self._count))
        client.listener, client.starts = self._listener, self._starts
        client.look_back = timedelta(minutes=self._settings.catch_up_minutes)
        self._client = client
        try:
            async with client:
                await client.login(token(self._settings))
                await self._starts.wait(client)
                await client.connect()
        except discord.LoginFailure as error:
            raise ConfigurationError(f"discord: {TOKEN_FIX}") from error
        except discord.PrivilegedIntentsRequired as error:
            raise ConfigurationError(INTENT_FIX) from error
        except discord.ConnectionClosed as error:
            _closed(error)
        except Exception:
            # An event that the library cannot read may end its client, and only that.
            log.exception("the discord client failed")


def _closed(error: discord.ConnectionClosed) -> None:
    """The gateway wants no more of us: raise what is not mended by trying again."""
    if error.code == WRONG_TOKEN:
        raise ConfigurationError(f"discord: {TOKEN_FIX}") from error
    if error.code in (WRONG_SHARD, TOO_FEW_SHARDS):
        raise TooFewShards from error
    log.warning("discord closed the connection: %s", error)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, Exception):
            await task
