"""Buttons and forms: what was pressed goes to the core, what it says comes back."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import discord

from adapters.discord.bodies import Body, whisper
from adapters.discord.components import (
    ASKS,
    BLUE,
    CONFIRMED,
    RED,
    Target,
    custom_id,
    filled_in,
    modal,
    plain_button,
    row,
    target_of,
)
from adapters.discord.events import conversation_of
from adapters.discord.held import Held
from adapters.discord.markdown import to_messages
from adapters.discord.people import author_of, place_of_message
from adapters.discord.responding import Reply
from adapters.discord.settings import DiscordSettings
from bot.adapter import Intake
from bot.errors import CurbsideError
from bot.model import Action, Button, Form, Pressed
from bot.words import say

log = logging.getLogger(__name__)

CANCEL = "curbside-cancel"

PRESS_SECONDS = 1.8
"""So long the core may take before Discord gets a sign; after it no form can open."""

QUESTIONS = 1_000
"""Buttons whose questions are remembered."""


class Presses:
    """Takes presses in, and shows what the core makes of them."""

    def __init__(self, settings: DiscordSettings, intake: Intake) -> None:
        self._settings = settings
        self._intake = intake
        self._held = Held(intake.records)
        self._questions: deque[tuple[str, str]] = deque(maxlen=QUESTIONS)

    def remember(self, buttons: Sequence[Button]) -> None:
        """Keep what is to be asked when one of these buttons is pressed."""
        for button in buttons:
            if button.confirm:
                target = Target(button.action, button.value, ASKS)
                self._questions.append((custom_id(target), button.confirm))

    async def pressed(
        self, interaction: discord.Interaction, data: Mapping[str, Any]
    ) -> None:
        """A button was pressed."""
        id_ = str(data.get("custom_id", ""))
        reply = Reply(interaction)
        if id_ == CANCEL:
            await reply.show([whisper(say("left_as_it_was"))])
            return
        target = target_of(id_)
        if target is not None and target.step == ASKS:
            label = _label(interaction.message, id_)
            # After a restart the button still knows that it asks, but not what.
            known = dict(self._questions).get(id_)
            question = known or say("confirm_press", label=label)
            yes = custom_id(target._replace(step=""))
            await reply.show([_question(question, label, yes)])
            return
        confirmed = target is not None and target.step == CONFIRMED
        await self._pressed(interaction, reply, target, {} if confirmed else None)

    async def submitted(
        self, interaction: discord.Interaction, data: Mapping[str, Any]
    ) -> None:
        """A form was sent."""
        target = target_of(str(data.get("custom_id", "")))
        fields = filled_in(data.get("components", ()))
        await self._pressed(interaction, Reply(interaction), target, fields)

    async def _pressed(
        self,
        interaction: discord.Interaction,
        reply: Reply,
        target: Target | None,
        fields: Mapping[str, str] | None,
    ) -> None:
        """Find out what was pressed, and press it."""
        try:
            about = await self._held.about(target.value) if target is not None else None
        except CurbsideError as error:
            log.warning("a press was not carried out: %s", error)
            await reply.show([whisper(say("not_done"))])
            return
        if target is None or about is None:
            await reply.show([whisper(say("too_old"))])
            return
        message = interaction.message
        pressed = Pressed(
            conversation=about.conversation or place_of_message(interaction, message),
            author=author_of(interaction),
            action=target.action,
            id=str(interaction.id),
            message_id=about.message_id or _public(message),
            value=about.value,
            fields=fields,
        )
        await self.press(reply, pressed)

    async def about_message(
        self, interaction: discord.Interaction, data: Mapping[str, Any], action: Action
    ) -> None:
        """One of our commands was chosen from the menu of a message."""
        found = data.get("resolved", {}).get("messages", {}).get(data.get("target_id"))
        channel: Any = interaction.channel  # one that messages can stand in
        state = interaction._state
        message = discord.Message(state=state, channel=channel, data=found)
        if message.guild is None:
            message.guild = interaction.guild
        place = conversation_of(message, threads=self._settings.threads)
        pressed = Pressed(
            conversation=place,
            author=author_of(interaction),
            action=action,
            id=str(interaction.id),
            message_id=str(message.id),
            value=message.content,
        )
        await self.press(Reply(interaction), pressed)

    async def press(self, reply: Reply, pressed: Pressed) -> None:
        """Tell the core of a press, and the person what comes of it."""
        pressing = asyncio.ensure_future(self._intake.press(pressed))
        try:
            await asyncio.wait({pressing}, timeout=PRESS_SECONDS)
            if not pressing.done():
                await reply.defer()
            result = await pressing
            if isinstance(result, Form):
                await self._open(reply, pressed, result)
                return
        except CurbsideError as error:
            log.warning("a press was not carried out: %s", error)
            result = say("not_done")
        if result:
            await reply.show([whisper(text) for text in to_messages(result)])
        else:
            await reply.nothing()

    async def _open(self, reply: Reply, pressed: Pressed, form: Form) -> None:
        if not form.fields:
            target = Target(form.action, form.value, CONFIRMED)
            yes = await self._held.id_of(pressed, target)
            text = f"**{form.title}**\n{form.text}"
            await reply.show([_question(text, form.submit, yes)])
            return
        id_ = await self._held.id_of(pressed, Target(form.action, form.value))
        if not await reply.open(modal(form, id_)):
            # After a first sign Discord opens no form: it takes a second press.
            target = Target(pressed.action, pressed.value)
            again = await self._held.id_of(pressed, target)
            button = plain_button(again, form.title, BLUE)
            await reply.show([whisper(say("form_ready"), [row(button)])])


def _question(question: str, label: str, yes: str) -> Body:
    """Have it confirmed before it is done."""
    (text, *_) = to_messages(question)
    buttons = row(plain_button(yes, label, RED), plain_button(CANCEL, say("cancel")))
    return whisper(text, [buttons])


def _public(message: discord.Message | None) -> str:
    """The id of a message that others see too."""
    if message is None or message.flags.ephemeral:
        return ""
    return str(message.id)


def _label(message: discord.Message | None, id_: str) -> str:
    """What stands on the button that was pressed."""
    waiting = list(message.components) if message is not None else []
    while waiting:
        part = waiting.pop()
        if getattr(part, "custom_id", None) == id_:
            return str(getattr(part, "label", "") or "")
        waiting += getattr(part, "children", ())
    return ""
