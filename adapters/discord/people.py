"""Who did something in Discord, and in which conversation."""

import discord

from adapters.discord.events import ASKED, place_of, to_author
from bot.model import Author, ConversationId


def author_of(interaction: discord.Interaction) -> Author:
    """The person; an admin is who may manage the server."""
    author = to_author(interaction.user)
    admin = interaction.permissions.manage_guild
    return Author(author.id, author.name, author.roles, is_admin=admin)


def place_here(interaction: discord.Interaction, thread: str = "") -> ConversationId:
    """The channel or thread of an interaction."""
    assert interaction.channel is not None  # looked at before anything is done
    return place_of(interaction.guild_id, interaction.channel, thread)


def place_of_message(
    interaction: discord.Interaction, message: discord.Message | None
) -> ConversationId:
    """The conversation that a message of ours is part of."""
    asked = message.interaction_metadata if message is not None else None
    in_thread = isinstance(interaction.channel, discord.Thread)
    if asked is None or in_thread or interaction.guild_id is None:
        return place_here(interaction)
    return place_here(interaction, ASKED + str(asked.id))
