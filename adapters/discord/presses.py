"""Buttons and forms: what was pressed goes to the core, what it says comes back."""

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import discord

from adapters.discord.bodies import whisper
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
from adapters.discord.markdown import to_messages
from adapters.discord.people import author_of, place_of_message
from adapters.discord.responding import Reply
from adapters.discord.settings import DiscordSettings
from bot.adapter import Intake
from bot.errors import CurbsideError
from bot.model import Action, Button, ConversationId, Form, Pressed
from bot.state.base import Record
from bot.words import say

log = logging.getLogger(__name__)

CANCEL = "curbside-cancel"

PRESS_SECONDS = 1.8
"""So long the core may take before Discord gets a sign; after it no form can open."""

QUESTIONS = 1_000
"""Buttons whose questions are remembered."""

HELD = "discord form"
HELD_DAYS = 2
HELD_MARK = "~"
"""Begins the value of a form whose own value is kept, as it does not fit an id."""


class Presses:
    """Takes presses in, and shows what the core makes of them."""

    def __init__(self, settings: DiscordSettings, intake: Intake) -> None:
        self._settings = settings
        self._intake = intake
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
        if target is None:
            await reply.show([whisper(say("too_old"))])
            return
        if target.step == ASKS:
            label = _label(interaction.message, id_)
            # After a restart the button still knows that it asks, but not what.
            known = dict(self._questions).get(id_)
            question = known or say("confirm_press", label=label)
            await self._ask(reply, question, label, target._replace(step=""))
            return
        message = interaction.message
        pressed = Pressed(
            conversation=place_of_message(interaction, message),
            author=author_of(interaction),
            action=target.action,
            id=str(interaction.id),
            message_id=_public(message),
            value=target.value,
            fields={} if target.step == CONFIRMED else None,
        )
        await self.press(reply, pressed)

    async def asked_about(
        self, interaction: discord.Interaction, data: Mapping[str, Any]
    ) -> None:
        """ "Ask about this" was chosen from the menu of a message."""
        found = data.get("resolved", {}).get("messages", {}).get(data.get("target_id"))
        channel = interaction.channel
        assert channel is not None
        state = interaction._state
        message = discord.Message(state=state, channel=channel, data=found)
        if message.guild is None:
            message.guild = interaction.guild
        place = conversation_of(message, threads=self._settings.threads)
        pressed = Pressed(
            conversation=place,
            author=author_of(interaction),
            action=Action.ASK,
            id=str(interaction.id),
            message_id=str(message.id),
            value=message.content,
        )
        await self.press(Reply(interaction), pressed)

    async def submitted(
        self, interaction: discord.Interaction, data: Mapping[str, Any]
    ) -> None:
        """A form was sent."""
        reply = Reply(interaction)
        target = target_of(str(data.get("custom_id", "")))
        message = interaction.message
        held = await self._held(target.value) if target is not None else None
        if target is None or held is None:
            await reply.show([whisper(say("too_old"))])
            return
        value, message_id, place = held
        pressed = Pressed(
            conversation=place or place_of_message(interaction, message),
            author=author_of(interaction),
            action=target.action,
            id=str(interaction.id),
            message_id=message_id or _public(message),
            value=value,
            fields=filled_in(data.get("components", ())),
        )
        await self.press(reply, pressed)

    async def press(self, reply: Reply, pressed: Pressed) -> None:
        """Tell the core of a press, and the person what comes of it."""
        pressing = asyncio.ensure_future(self._intake.press(pressed))
        try:
            await asyncio.wait({pressing}, timeout=PRESS_SECONDS)
            if not pressing.done():
                await reply.defer()
            result = await pressing
        except CurbsideError as error:
            log.warning("a press was not carried out: %s", error)
            result = say("not_done")
        if isinstance(result, Form):
            await self._open(reply, pressed, result)
        elif result:
            await reply.show([whisper(text) for text in to_messages(result)])
        else:
            await reply.nothing()

    async def _open(self, reply: Reply, pressed: Pressed, form: Form) -> None:
        if not form.fields:
            target = Target(form.action, form.value, CONFIRMED)
            text = f"**{form.title}**\n{form.text}"
            await self._ask(reply, text, form.submit, target)
            return
        id_ = await self._id_of(pressed, form)
        if not await reply.open(modal(form, id_)):
            # After a first sign Discord opens no form: it takes a second press.
            again = custom_id(Target(pressed.action, pressed.value))
            button = plain_button(again, form.title, BLUE)
            await reply.show([whisper(say("form_ready"), [row(button)])])

    async def _ask(
        self, reply: Reply, question: str, label: str, target: Target
    ) -> None:
        """Have it confirmed before it is done."""
        yes = plain_button(custom_id(target), label, RED)
        no = plain_button(CANCEL, say("cancel"))
        (text, *_) = to_messages(question)
        await reply.show([whisper(text, [row(yes, no)])])

    async def _id_of(self, pressed: Pressed, form: Form) -> str:
        """The id of a form; what does not fit into it is kept for when it is sent."""
        about_message = pressed.action is Action.ASK
        if not about_message and not form.value.startswith(HELD_MARK):
            try:
                return custom_id(Target(form.action, form.value))
            except ValueError:
                log.debug("the value of a form is kept: it is too long for an id")
        text = f"{pressed.key}\n{form.value}"
        name = hashlib.blake2b(text.encode(), digest_size=9).hexdigest()
        place, now = pressed.conversation, datetime.now(UTC)
        await self._intake.records.purge(HELD, now - timedelta(days=HELD_DAYS))
        record = Record(
            HELD,
            name,
            {
                "value": form.value,
                "message_id": pressed.message_id,
                "conversation": str(place),
            },
            at=now,
            person=f"{place.platform}:{pressed.author.id}",
            workspace=f"{place.platform}:{place.workspace}",
        )
        await self._intake.records.put(record)
        return custom_id(Target(form.action, HELD_MARK + name))

    async def _held(self, value: str) -> tuple[str, str, ConversationId | None] | None:
        """The value of a form, its message and conversation; None if forgotten."""
        if not value.startswith(HELD_MARK):
            return value, "", None
        record = await self._intake.records.get(HELD, value.removeprefix(HELD_MARK))
        if record is None:
            return None
        data = record.data
        place = ConversationId.parse(str(data["conversation"]))
        return str(data["value"]), str(data["message_id"]), place


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
