"""What people use of ours, as it comes in: commands, buttons, forms, menus."""

import logging
from collections.abc import Iterator
from typing import Any, cast

import aiohttp
import discord

from adapters.discord.command_uses import RUN, CommandUses
from adapters.discord.commands import Suggestion, suggestions
from adapters.discord.markdown import to_discord
from adapters.discord.presses import Presses
from adapters.discord.registering import Registration
from adapters.discord.responding import Expired
from adapters.discord.settings import DiscordSettings
from bot.adapter import Intake
from bot.words import say, speaking

log = logging.getLogger(__name__)


class Interactions:
    """Registers the commands, and takes in what people do."""

    def __init__(self, settings: DiscordSettings, intake: Intake) -> None:
        self._intake = intake
        self._registration = Registration(intake.records, settings.commands_guild)
        self._presses = Presses(settings, intake)
        self._commands = CommandUses(settings, intake, self._presses)

    @property
    def problem(self) -> str:
        """Why people may not find our commands, and the fix; mostly empty."""
        return self._registration.problem

    async def register(self, client: discord.Client) -> None:
        """Tell Discord our commands, if they changed."""
        await self._registration.register(client)

    async def handle(self, interaction: discord.Interaction) -> None:
        """Answer an interaction. Discord waits three seconds for a first sign."""
        data = cast(dict[str, Any], interaction.data or {})
        with speaking(str(interaction.locale)):
            try:
                await self._handle(interaction, data)
            except Expired:
                await self._tell_of_delay(interaction)
            except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
                log.warning("no answer to %s: %s", _name(data), error)

    async def _handle(
        self, interaction: discord.Interaction, data: dict[str, Any]
    ) -> None:
        kinds = discord.InteractionType
        if interaction.type is kinds.autocomplete:
            await self._suggest(interaction, data)
        elif interaction.type is kinds.application_command:
            await self._commands.run(interaction, data)
        elif interaction.channel is None:
            log.warning("discord: %s in a channel of an unknown kind", _name(data))
        elif interaction.type is kinds.component and _name(data).startswith(f"{RUN}:"):
            await self._commands.confirmed(interaction, str(data["custom_id"]))
        elif interaction.type is kinds.component:
            await self._presses.pressed(interaction, data)
        elif interaction.type is kinds.modal_submit:
            await self._presses.submitted(interaction, data)

    async def _suggest(
        self, interaction: discord.Interaction, data: dict[str, Any]
    ) -> None:
        found = suggestions(data, self._intake.profiles(), _places(interaction.guild))
        choices = [
            discord.app_commands.Choice(name=one.name, value=one.value) for one in found
        ]
        await interaction.response.autocomplete(choices)

    async def _tell_of_delay(self, interaction: discord.Interaction) -> None:
        """The reply came too late for Discord; the person sees only that it failed."""
        kind, place = interaction.type, interaction.channel
        log.info("discord: %s was answered too late", interaction.type.name)
        pressed = kind in (
            discord.InteractionType.component,
            discord.InteractionType.modal_submit,
        )
        if not pressed or place is None:
            return
        there = interaction.client.get_partial_messageable(place.id)
        # People choose their names: one may look like a link.
        words = to_discord(f"{interaction.user.display_name}: {say('press_again')}")
        try:
            await there.send(
                words, nonce=str(interaction.id), suppress_embeds=True, silent=True
            )
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.info("discord: nobody could be told of it: %s", error)


def _places(guild: discord.Guild | None) -> Iterator[Suggestion]:
    """The channels of a server, for a command that is about another one."""
    if guild is None:
        return
    known: list[discord.abc.GuildChannel] = [*guild.text_channels, *guild.forums]
    for channel in known:
        yield Suggestion(str(channel.id), f"#{channel.name}"[:100])


def _name(data: dict[str, Any]) -> str:
    return str(data.get("name") or data.get("custom_id") or "an interaction")
