"""Slash commands as they come in: stored or carried out, and answered in time."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast

import aiohttp
import discord

from adapters.discord.commands import COMMANDS, line, question, same, suggestions
from adapters.discord.events import ASKED, place_of, to_author
from adapters.discord.markdown import to_messages
from adapters.discord.settings import DiscordSettings
from bot.adapter import Acceptance, Intake
from bot.admin import is_stop
from bot.errors import CurbsideError, StateUnavailable
from bot.model import Author, ConversationId, Message, Said, Stopped

log = logging.getLogger(__name__)

TRY_AGAIN = "That did not work just now. Please try again."
FULL = "Many questions wait here already. Please ask this again in a while."
STOPPED = "Stopping."
NOT_HERE = "Say `stop` in the thread whose answer is to end."
UNKNOWN_PLACE = "I do not know this kind of channel; please ask in another one."
ALREADY_ANSWERED = 40060


class Interactions:
    """Registers the commands and takes their uses in."""

    def __init__(self, settings: DiscordSettings, intake: Intake) -> None:
        self._settings = settings
        self._intake = intake

    async def register(self, client: discord.Client) -> None:
        """Tell Discord our commands, if it does not have them as they are."""
        id_ = cast(int, client.application_id)
        try:
            if not same(await client.http.get_global_commands(id_)):
                payload = cast(Any, [dict(command) for command in COMMANDS])
                await client.http.bulk_upsert_global_commands(id_, payload=payload)
                log.info("discord: commands registered")
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            # Everything but the commands works without this.
            log.warning("discord: commands are not registered: %s", error)

    async def handle(self, interaction: discord.Interaction) -> None:
        """Answer an interaction. Discord waits three seconds for a first sign."""
        data = cast(dict[str, Any], interaction.data or {})
        try:
            if interaction.type is discord.InteractionType.autocomplete:
                await self._suggest(interaction, data)
            elif interaction.type is discord.InteractionType.application_command:
                await self._run(interaction, data)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.warning("no answer to a command: %s", error)

    async def _suggest(
        self, interaction: discord.Interaction, data: dict[str, Any]
    ) -> None:
        names = suggestions(data, self._intake.profiles())
        choices = [discord.app_commands.Choice(name=n, value=n) for n in names]
        await interaction.response.autocomplete(choices)

    async def _run(
        self, interaction: discord.Interaction, data: dict[str, Any]
    ) -> None:
        if interaction.channel is None:
            await interaction.response.send_message(UNKNOWN_PLACE, ephemeral=True)
            return
        asked = question(data)
        if asked is not None and not is_stop(asked):
            await self._ask(interaction, asked)
            return
        words = "stop" if asked is not None else line(data)
        if words == "stop":
            await self._answer_alone(interaction, self._stop)
        elif words is not None:
            message = self._message(interaction, words, question=False)
            await self._answer_alone(interaction, lambda _: self._command(message))

    async def _ask(self, interaction: discord.Interaction, asked: str) -> None:
        """Store the question, then say that we are at it: the worker does the rest."""
        message = self._message(interaction, asked, question=True)
        try:
            accepted = await self._intake.accept(Said(message))
        except StateUnavailable as error:
            log.warning("a question by command could not be stored: %s", error)
            await interaction.response.send_message(TRY_AGAIN, ephemeral=True)
            return
        if accepted is Acceptance.FULL:
            # The core says so in the conversation, but only once in a while.
            await interaction.response.send_message(FULL, ephemeral=True)
        else:
            await _defer(interaction)

    async def _answer_alone(
        self,
        interaction: discord.Interaction,
        work: Callable[[discord.Interaction], Awaitable[str]],
    ) -> None:
        """Carry a command out and show its author the reply, and nobody else."""
        await _defer(interaction, ephemeral=True)
        try:
            reply = await work(interaction)
        except CurbsideError as error:
            log.warning("a command was not carried out: %s", error)
            reply = TRY_AGAIN
        first, *rest = to_messages(reply)
        await interaction.edit_original_response(content=first)
        for text in rest:
            await interaction.followup.send(text, ephemeral=True)

    async def _command(self, message: Message) -> str:
        return await self._intake.command(message) or TRY_AGAIN

    async def _stop(self, interaction: discord.Interaction) -> str:
        place = self._conversation(interaction, question=False)
        direct = interaction.guild_id is None or not self._settings.threads
        if not (place.thread or direct):
            return NOT_HERE
        person = self._author(interaction)
        await self._intake.accept(Stopped(place, person, str(interaction.id)))
        return STOPPED

    def _message(
        self, interaction: discord.Interaction, text: str, *, question: bool
    ) -> Message:
        return Message(
            id=str(interaction.id),
            conversation=self._conversation(interaction, question=question),
            author=self._author(interaction),
            text=text,
            sent_at=datetime.now(UTC),
            # Only a question is answered later, by whichever process takes it.
            reply_token=interaction.token if question else "",
        )

    def _conversation(
        self, interaction: discord.Interaction, *, question: bool
    ) -> ConversationId:
        """Where it was said; with threads, each question is a conversation."""
        guild = interaction.guild_id
        channel = interaction.channel
        assert channel is not None  # looked at before anything is done
        own = question and guild is not None and self._settings.threads
        return place_of(guild, channel, ASKED + str(interaction.id) if own else "")

    def _author(self, interaction: discord.Interaction) -> Author:
        author = to_author(interaction.user)
        admin = interaction.permissions.manage_guild
        return Author(author.id, author.name, author.roles, is_admin=admin)


async def _defer(interaction: discord.Interaction, *, ephemeral: bool = False) -> None:
    """Say that we are at it; once more if the connection breaks."""
    try:
        await interaction.response.defer(thinking=True, ephemeral=ephemeral)
        return
    except (aiohttp.ClientError, OSError) as error:
        log.info("deferring again: %s", error)
    try:
        await interaction.response.defer(thinking=True, ephemeral=ephemeral)
    except discord.HTTPException as error:
        if error.code != ALREADY_ANSWERED:
            raise
