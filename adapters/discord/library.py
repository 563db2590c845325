"""The library's clients, made as we need them."""

import logging
from typing import TypeVar

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from adapters.discord.calling import tracing
from adapters.discord.settings import DiscordSettings

C = TypeVar("C", bound=discord.Client)

# At DEBUG the library would write down what people said, and interaction tokens.
logging.getLogger("discord").setLevel(logging.INFO)

READY_SECONDS = 2.0
"""A session is complete when no server of ours was named for so long."""

LONGEST_WAIT_SECONDS = 30.0
"""A rate limit longer than this is for the delivery to wait out, not the library."""


def new_client(
    intents: discord.Intents, kind: type[C], shard: tuple[int, int] | None = None
) -> C:
    """A client that calls nobody, keeps little, and waits for no limit for long."""
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    return kind(
        intents=intents,
        allowed_mentions=discord.AllowedMentions.none(),
        max_messages=None,
        chunk_guilds_at_startup=False,
        member_cache_flags=discord.MemberCacheFlags.none(),
        max_ratelimit_timeout=LONGEST_WAIT_SECONDS,
        guild_ready_timeout=READY_SECONDS,
        http_trace=tracing(),
        shard_id=None if shard is None else shard[0],
        shard_count=None if shard is None else shard[1],
    )


def use_addresses(settings: DiscordSettings) -> None:
    """Tell the library where Discord is; it knows one address for a whole process."""
    Route.BASE = settings.api_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.gateway_url)


def token(settings: DiscordSettings) -> str:
    return settings.token.get_secret_value() if settings.token else ""
