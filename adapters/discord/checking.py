"""What keeps the bot from working as its settings want, and the fix of each."""

from collections.abc import Iterator, Mapping

import discord

from adapters.discord.refusals import INTENT_FIX
from adapters.discord.settings import DiscordSettings
from bot.adapter import Listening
from bot.place_settings import PlaceSettings

SHARD_LIMIT = 2_500


def problems_of(
    settings: DiscordSettings, every: str, application: discord.AppInfo
) -> Iterator[str]:
    """Problems that Discord's own word on the application shows.

    `every` names a place of the settings where each message is a question.
    """
    flags = application.flags
    may_read = flags.gateway_message_content or flags.gateway_message_content_limited
    if settings.message_content and not may_read:
        yield INTENT_FIX
    if every and not settings.message_content:
        yield (
            f"in {every} each message is to be a question (listen), but setting "
            "'discord.message_content' is off, so messages without a mention arrive "
            'blank: turn on "Message Content Intent" under Bot in the developer '
            "portal, and set CURBSIDE_DISCORD_MESSAGE_CONTENT=true"
        )
    if application.interactions_endpoint_url:
        yield (
            "commands go to an Interactions Endpoint URL, and not to us; remove it "
            "under General Information in the developer portal"
        )
    shards = settings.shards
    if shards and application.approximate_guild_count >= SHARD_LIMIT * shards:
        yield (
            f"Discord wants a shard for each {SHARD_LIMIT} servers: raise setting "
            "'discord.shards', or set it to 0 to have as many as it advises"
        )


def place_of_every(places: Mapping[str, PlaceSettings]) -> str:
    """A place of Discord's where each message is a question; empty without one."""
    for name, place in places.items():
        ours = name == "default" or name.partition(":")[0] == "discord"
        if ours and place.listen is Listening.EVERY:
            return f"place {name!r}"
    return ""
