"""`/curbside`: commands answered to their author alone, questions put into a thread."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

from adapters.slack.events import read_command
from adapters.slack.interactions import Ack, Interactions
from adapters.slack.markdown import escape, to_mrkdwn
from adapters.slack.web import SlackWeb
from bot.adapter import Intake
from bot.admin import is_stop
from bot.errors import DeliveryError, StateUnavailable
from bot.model import Message, Said
from bot.words import say, speaking

log = logging.getLogger(__name__)

ACK_SECONDS = 2.0
"""A reply goes with the ack if it is ready by then; Slack waits three seconds."""

QUOTED_LIMIT = 3_000
REPLY_LIMIT = 30_000


class Commands:
    """Carries out what is typed after the slash command."""

    def __init__(
        self, web: SlackWeb, intake: Intake, interactions: Interactions
    ) -> None:
        self._web = web
        self._intake = intake
        self._interactions = interactions

    async def take(self, ack: Ack, body: dict[str, Any]) -> None:
        """Reply with the ack if it is quick, else later; alone it opens the panel."""
        if not str(body.get("text") or "").strip():
            await ack()
            await self._show_panel(body)
            return
        working = asyncio.create_task(self._reply(body))
        await asyncio.wait({working}, timeout=ACK_SECONDS)
        if working.done():
            reply = working.result()
            shown = {"text": reply, "response_type": "ephemeral"} if reply else None
            await ack(shown)
            return
        await ack()
        if reply := await working:
            await self._web.respond(body["response_url"], reply)

    async def _show_panel(self, body: dict[str, Any]) -> None:
        message = await self._read(body)
        with speaking(message.locale):
            try:
                await self._interactions.open_panel(str(body["trigger_id"]), message)
            except DeliveryError as error:
                log.warning("the panel was not opened: %s", error)
                await self._web.respond(body["response_url"], say("press_again"))

    async def _read(self, body: dict[str, Any]) -> Message:
        message = read_command(body, await self._web.identify())
        author, channel = message.author.id, message.conversation.channel
        person = await self._web.person(author)
        guests = await self._web.has_guests(author, channel)
        return replace(
            message, author=person.author, locale=person.locale, guests=guests
        )

    async def _reply(self, body: dict[str, Any]) -> str:
        """What the author of a command gets to see; "" when the channel sees it."""
        message = await self._read(body)
        with speaking(message.locale):
            try:
                return await self._carry_out(message)
            except DeliveryError as error:
                return say("ask_in_channel", reason=escape(str(error)))
            except StateUnavailable as error:
                log.warning("a command was not carried out: %s", error)
                return say("not_done")

    async def _carry_out(self, message: Message) -> str:
        if is_stop(message.text):
            return say("stop_in_thread")
        reply = await self._intake.command(message)
        if reply is not None:
            return to_mrkdwn(reply)[:REPLY_LIMIT]
        await self._ask(message)
        return ""

    async def _ask(self, message: Message) -> None:
        """A question by command has no message of its own: we write one for it."""
        name, quoted = f"<@{message.author.id}>", escape(message.text[:QUOTED_LIMIT])
        channel = message.conversation.channel
        posted = await self._web.write(
            "chat.postMessage",
            channel=channel,
            text=say("question_by_command", name=name, question=quoted),
            parse="none",
            link_names=False,
            unfurl_links=False,
            unfurl_media=False,
        )
        thread = replace(message.conversation, thread=posted["ts"])
        token = f"{message.conversation.workspace}:{message.author.id}"
        asked = replace(
            message, id=posted["ts"], conversation=thread, reply_token=token
        )
        try:
            await self._intake.accept(Said(asked))
        except StateUnavailable:
            await self._web.write("chat.delete", channel=channel, ts=posted["ts"])
            raise
