"""Uses of the commands: stored or carried out, and answered in time."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import discord

from adapters.discord.bodies import Body, whisper
from adapters.discord.commands import ABOUT_MESSAGES, Use, question, use_of
from adapters.discord.components import ID_LENGTH, RED, plain_button, row, target_of
from adapters.discord.events import ASKED
from adapters.discord.markdown import to_messages
from adapters.discord.panels import pages
from adapters.discord.people import author_of, place_here
from adapters.discord.presses import CANCEL, Presses
from adapters.discord.responding import Reply
from adapters.discord.settings import DiscordSettings
from bot.adapter import Acceptance, Intake
from bot.admin import is_stop
from bot.errors import CurbsideError, StateUnavailable
from bot.model import Action, ConversationId, Message, Pressed, Said, Stopped
from bot.words import say

log = logging.getLogger(__name__)

RUN = "curbside-run"
"""Begins the id of a button that carries a command out."""

SEARCHED = 50
"""Messages among which the last answer is looked for."""

TO_CONFIRM = ("use ", "undo", "forget-me")
PAGES = ("help", "status")


class CommandUses:
    """Does what commands say."""

    def __init__(
        self, settings: DiscordSettings, intake: Intake, presses: Presses
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._presses = presses

    async def run(self, interaction: discord.Interaction, data: dict[str, Any]) -> None:
        """A command was used."""
        reply = Reply(interaction)
        if interaction.channel is None:
            await reply.show([whisper(say("unknown_channel"))])
        elif data.get("name") in ABOUT_MESSAGES:
            action = ABOUT_MESSAGES[data["name"]]
            await self._presses.about_message(interaction, data, action)
        elif (asked := question(data)) is not None and not is_stop(asked):
            await self._ask(interaction, asked)
        elif asked is not None:
            await self._alone(reply, lambda: self._stop(interaction))
        elif (use := use_of(data)) is not None:
            await self._use(interaction, reply, use)

    async def confirmed(self, interaction: discord.Interaction, id_: str) -> None:
        """The button under a command was pressed that had to be confirmed."""
        # The id of the command, not of the press: pressed twice it is done once.
        _, used, channel, words = id_.split(":", 3)
        message = self._message(interaction, words, Use(words, channel))
        message = replace(message, id=used)
        await self._alone(Reply(interaction), lambda: self._command(message))

    async def _use(
        self, interaction: discord.Interaction, reply: Reply, use: Use
    ) -> None:
        if use.channel and not _is_channel(interaction, use.channel):
            await reply.show([whisper(say("unknown_place", name=use.channel))])
        elif use.words.startswith(TO_CONFIRM):
            await reply.show([_confirmation(interaction, use)])
        elif use.words in PAGES:
            await self._alone(reply, lambda: self._page(interaction))
        elif use.words == "sources":
            await self._sources(interaction, reply)
        elif use.words == "stop":
            await self._alone(reply, lambda: self._stop(interaction))
        else:
            message = self._message(interaction, use.words, use)
            await self._alone(reply, lambda: self._command(message))

    async def _ask(self, interaction: discord.Interaction, asked: str) -> None:
        """Store the question, then say that we are at it: the worker does the rest."""
        guild = interaction.guild_id
        own = guild is not None and self._settings.threads
        # With threads, each question is a conversation.
        place = place_here(interaction, ASKED + str(interaction.id) if own else "")
        message = replace(
            self._message(interaction, asked, Use(asked)),
            conversation=place,
            # Only a question is answered later, by whichever process takes it.
            reply_token=interaction.token,
        )
        reply = Reply(interaction)
        try:
            accepted = await self._intake.accept(Said(message))
        except StateUnavailable as error:
            log.warning("a question by command could not be stored: %s", error)
            await reply.show([whisper(say("not_done"))])
            return
        if accepted is Acceptance.FULL:
            # The core says so in the conversation, but only once in a while.
            await reply.show([whisper(say("ask_later"))])
        else:
            await reply.defer(whisper=False)

    async def _alone(
        self, reply: Reply, work: Callable[[], Awaitable[str | list[Body]]]
    ) -> None:
        """Carry a command out and show its author the reply, and nobody else."""
        await reply.defer()
        try:
            shown = await work()
        except CurbsideError as error:
            log.warning("a command was not carried out: %s", error)
            shown = say("not_done")
        if isinstance(shown, str):
            shown = [whisper(text) for text in to_messages(shown)]
        await reply.show(shown)

    async def _command(self, message: Message) -> str:
        return await self._intake.command(message) or say("not_done")

    async def _page(self, interaction: discord.Interaction) -> list[Body]:
        message = self._message(interaction, "", Use(""))
        panel = await self._intake.panel(message)
        for section in panel.sections:
            self._presses.remember(section.buttons)
        return pages(panel)

    async def _stop(self, interaction: discord.Interaction) -> str:
        place = place_here(interaction)
        direct = interaction.guild_id is None or not self._settings.threads
        if not (place.thread or direct):
            return say("stop_in_thread")
        stopped = Stopped(place, author_of(interaction), str(interaction.id))
        await self._intake.accept(stopped)
        return say("stopping")

    async def _sources(self, interaction: discord.Interaction, reply: Reply) -> None:
        """As if the button under the last answer here were pressed."""
        await reply.defer()
        found = await _last_answer(interaction)
        if found is None:
            await reply.show([whisper(say("no_answer_here"))])
            return
        message_id, value = found
        pressed = Pressed(
            conversation=place_here(interaction),
            author=author_of(interaction),
            action=Action.SOURCES,
            id=str(interaction.id),
            message_id=message_id,
            value=value,
        )
        await self._presses.press(reply, pressed)

    def _message(
        self, interaction: discord.Interaction, text: str, use: Use
    ) -> Message:
        place = place_here(interaction)
        if use.channel:
            place = ConversationId(place.platform, place.workspace, use.channel)
        return Message(
            id=str(interaction.id),
            conversation=place,
            author=author_of(interaction),
            text=text,
            sent_at=datetime.now(UTC),
            locale=str(interaction.locale),
        )


def _confirmation(interaction: discord.Interaction, use: Use) -> Body:
    id_ = f"{RUN}:{interaction.id}:{use.channel}:{use.words}"
    if len(id_) > ID_LENGTH:
        return whisper(say("name_too_long", name=use.words))
    where = f" (<#{use.channel}>)" if use.channel else ""
    question = say("confirm_command", command=use.words) + where
    buttons = row(
        plain_button(id_, say("confirm"), RED), plain_button(CANCEL, say("cancel"))
    )
    return whisper(question, [buttons])


def _is_channel(interaction: discord.Interaction, id_: str) -> bool:
    guild = interaction.guild
    known = guild is not None and id_.isdigit()
    return known and guild is not None and guild.get_channel(int(id_)) is not None


async def _last_answer(interaction: discord.Interaction) -> tuple[str, str] | None:
    """The id of our last answer in a place, and the value of its button."""
    assert interaction.channel is not None
    here = interaction.client.get_partial_messageable(interaction.channel.id)
    with suppress(discord.HTTPException):
        async for message in here.history(limit=SEARCHED):
            for part in message.components:
                for child in getattr(part, "children", ()):
                    target = target_of(getattr(child, "custom_id", "") or "")
                    if target is not None and target.action is Action.SOURCES:
                        return str(message.id), target.value
    return None
