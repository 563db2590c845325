"""What people press, submit and open in one workspace, acknowledged and carried out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from adapters.slack.buttons import read_press
from adapters.slack.events import Identity, plain, without_name
from adapters.slack.markdown import to_mrkdwn
from adapters.slack.names import ChannelNames
from adapters.slack.views import (
    Place,
    first_field,
    home_of,
    modal_of,
    notice_of,
    page_of,
    read_form,
)
from adapters.slack.web import SlackRefused, SlackWeb
from bot.adapter import Intake
from bot.errors import DeliveryError, StateUnavailable
from bot.model import Action, Author, ConversationId, Form, Message, Pressed
from bot.words import say, speaking

log = logging.getLogger(__name__)

JSON = Mapping[str, Any]
Handler = Callable[[JSON, "Ack"], Awaitable[None]]

ACK_SECONDS = 2.0
"""Slack waits three seconds for an ack."""

QUOTED_LIMIT = 1_500
"""So much of a message that is asked about travels with the form."""

PROMPTS = 4
PROMPT_LIMIT = 75

LEARN_SHORTCUT = "learn_this"
"""The callback id of the message shortcut that proposes a message."""

SPOKEN = frozenset({Action.ASK, Action.LEARN})
"""Forms that become a message: who can read the channel counts for those."""

EXPIRED = frozenset({"expired_trigger_id", "trigger_expired", "invalid_trigger_id"})


class Ack(Protocol):
    """Tells Slack that a payload was taken, within three seconds; once."""

    async def __call__(self, answer: JSON | None = None) -> None:
        """Send the ack, with what to answer: an ephemeral text, errors of a modal."""
        ...


class Interactions:
    """Has a method for each type of payload, and for events of the app's surface."""

    def __init__(self, web: SlackWeb, intake: Intake, names: ChannelNames) -> None:
        self._web = web
        self._intake = intake
        self._names = names

    async def take(self, payload: JSON, ack: Ack) -> None:
        """Carry out an interaction; one of an unknown type is acknowledged."""
        handlers: dict[str, Handler] = {
            "block_actions": self.pressed,
            "view_submission": self.submitted,
            "message_action": self.shortcut,
        }
        handler = handlers.get(str(payload.get("type")))
        if handler is None:
            await ack()
            return
        try:
            person = await self._web.person(str(payload["user"]["id"]))
            with speaking(person.locale):
                await handler(payload, ack)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # Slack would only send the same again.
            log.warning("an interaction cannot be read: %r", error)
            await ack()

    async def see(self, event: JSON) -> None:
        """An event that is about the app itself; it has been acknowledged."""
        match event.get("type"):
            case "app_home_opened" if event.get("tab") == "home":
                await self._publish(str(event["user"]), str(event["channel"]))
            case "app_home_opened":
                me = await self._web.identify()
                place = ConversationId("slack", me.team_id, str(event["channel"]))
                await self._suggest(str(event["channel"]), place, str(event["user"]))
            case "app_context_changed":
                await self._looked_elsewhere(event)

    async def pressed(self, payload: JSON, ack: Ack) -> None:
        """A button of a message, of a modal or of the Home tab."""
        (action,) = payload["actions"]
        press = read_press(action)
        if press is None:
            await ack()
            return
        me = await self._web.identify()
        place = _place_of(payload, me)
        await self._carry_out(
            payload,
            ack,
            Pressed(
                place.conversation,
                await self._author(payload),
                press.action,
                id=str(action["action_ts"]),
                message_id=place.message_id,
                value=press.value,
            ),
        )

    async def shortcut(self, payload: JSON, ack: Ack) -> None:
        """A message shortcut: "Ask about this", or "Propose for the documents"."""
        learn = payload.get("callback_id") == LEARN_SHORTCUT
        me = await self._web.identify()
        place = _place_of(payload, me)
        text = plain(without_name(str(payload["message"].get("text") or ""), me))
        await self._carry_out(
            payload,
            ack,
            Pressed(
                place.conversation,
                await self._author(payload),
                Action.LEARN if learn else Action.ASK,
                id=str(payload["action_ts"]),
                message_id=place.message_id,
                value=text if learn else text[:QUOTED_LIMIT],
            ),
        )

    async def submitted(self, payload: JSON, ack: Ack) -> None:
        """A modal with what was filled in; an empty ack closes it.

        Sent twice, it is one press: the id of a view is made when it is opened.
        """
        view = payload["view"]
        read = read_form(view)
        if read is None:
            await ack()
            return
        action, place, fields = read
        user, channel = str(payload["user"]["id"]), place.conversation.channel
        pressed = Pressed(
            place.conversation,
            await self._author(payload),
            action,
            id=str(view["id"]),
            message_id=place.message_id,
            value=place.value,
            fields=fields,
            guests=action in SPOKEN and await self._web.has_guests(user, channel),
        )
        try:
            async with asyncio.timeout(ACK_SECONDS):
                reply = await self._intake.press(pressed)
        except (StateUnavailable, TimeoutError) as error:
            log.warning("a form was not taken: %r", error)
            await ack(_unsent(view))
            return
        if isinstance(reply, Form):
            shown = modal_of(reply, place.conversation, place.message_id)
            await ack({"response_action": "update", "view": shown})
        elif reply and not place.conversation.thread:
            title = str((view.get("title") or {}).get("text") or "Curbside")
            shown = notice_of(title, reply)
            await ack({"response_action": "update", "view": shown})
        else:
            await ack()
            await self._whisper(pressed, reply)
        await self._refresh(pressed.author.id, place.conversation)

    async def open_panel(self, trigger: str, message: Message) -> None:
        """The Home tab's page as a modal, for `/curbside` alone."""
        panel = await self._intake.panel(message)
        place = ConversationId(
            "slack", message.conversation.workspace, message.conversation.channel
        )
        view = page_of(panel, place)
        await self._web.write("views.open", trigger_id=trigger, view=view)

    async def _carry_out(self, payload: JSON, ack: Ack, pressed: Pressed) -> None:
        """Do what a press is for; ack when it is durable, or soon."""
        pressing = asyncio.ensure_future(self._intake.press(pressed))
        await asyncio.wait({pressing}, timeout=ACK_SECONDS)
        await ack()
        url = str(payload.get("response_url") or "")
        try:
            reply = await pressing
        except StateUnavailable as error:
            log.warning("a press was not taken: %s", error)
            reply = say("not_done")
        if isinstance(reply, Form):
            reply = await self._open(payload, reply, pressed)
        await self._whisper(pressed, reply, url)
        await self._refresh(pressed.author.id, pressed.conversation)

    async def _open(self, payload: JSON, form: Form, pressed: Pressed) -> str:
        """Open the modal of a form; what to tell the person if that is too late."""
        if form.action is Action.ASK and not await self._is_here(pressed):
            return say("invite_me")
        view = modal_of(form, pressed.conversation, pressed.message_id)
        on_top = (payload.get("view") or {}).get("type") == "modal"
        method = "views.push" if on_top else "views.open"
        try:
            await self._web.write(method, trigger_id=payload["trigger_id"], view=view)
        except SlackRefused as error:
            if error.code == "exchanged_trigger_id":
                return ""  # the same press came twice: the modal is open
            if error.code not in EXPIRED:
                raise
            return say("press_again")
        except DeliveryError as error:
            log.warning("a form was not opened: %s", error)
            return say("press_again")
        return ""

    async def _is_here(self, pressed: Pressed) -> bool:
        """Whether we could answer in that channel."""
        channel = pressed.conversation.channel
        try:
            found = await self._web.read("conversations.info", channel=channel)
        except SlackRefused as error:
            return error.code != "channel_not_found"
        except DeliveryError:
            return True
        shown = found["channel"]
        return bool(shown.get("is_member", True) or shown.get("is_im"))

    async def _whisper(self, pressed: Pressed, words: str, url: str = "") -> None:
        """Tell the person alone."""
        if not words:
            return
        text = to_mrkdwn(words)
        try:
            await self._web.write(
                "chat.postEphemeral",
                channel=pressed.conversation.channel,
                user=pressed.author.id,
                thread_ts=pressed.conversation.thread or None,
                text=text,
                parse="none",
                link_names=False,
            )
        except DeliveryError as error:
            if url:
                await self._web.respond(url, text)
            else:
                log.warning("%s could not be told: %s", pressed.author.id, error)

    async def _refresh(self, user: str, conversation: ConversationId) -> None:
        """After a press in the Home tab, or in a form of its, it shows the change."""
        if conversation.channel.startswith("D") and not conversation.thread:
            await self._publish(user, conversation.channel)

    async def _publish(self, user: str, channel: str) -> None:
        me = await self._web.identify()
        place = ConversationId("slack", me.team_id, channel)
        await self._names.learn(self._web)
        person = await self._web.person(user)
        message = Message(
            "",
            place,
            person.author,
            "",
            datetime.now(UTC),
            locale=person.locale,
            guests=person.is_guest,
        )
        with speaking(person.locale):
            view = home_of(await self._intake.panel(message), place)
        await self._web.write("views.publish", user_id=user, view=view)

    async def _looked_elsewhere(self, event: JSON) -> None:
        """Suggest what the documents of that place can answer."""
        me = await self._web.identify()
        entities = (event.get("context") or {}).get("entities") or ()
        seen = [e["value"] for e in entities if e["type"] == "slack#/types/channel_id"]
        if seen and event.get("channel"):
            place = ConversationId("slack", me.team_id, str(seen[0]))
            await self._suggest(str(event["channel"]), place, str(event["user"]))

    async def _suggest(self, channel: str, place: ConversationId, user: str) -> None:
        guests = await self._web.has_guests(user, place.channel)
        questions = self._intake.suggestions(place, guests=guests)[:PROMPTS]
        if not questions:
            return
        prompts = [
            {"title": question[:PROMPT_LIMIT], "message": question}
            for question in questions
        ]
        await self._web.write(
            "assistant.threads.setSuggestedPrompts", channel_id=channel, prompts=prompts
        )

    async def _author(self, payload: JSON) -> Author:
        return await self._web.author(str(payload["user"]["id"]))


def _place_of(payload: JSON, me: Identity) -> Place:
    """The conversation of a press, and the message that carries the button."""
    view = payload.get("view")
    if view:
        return Place.unpack(str(view["private_metadata"]))
    message = payload["message"]
    thread = str(message.get("thread_ts") or message["ts"])
    channel = str(payload["channel"]["id"])
    place = ConversationId("slack", me.team_id, channel, thread)
    return Place(place, str(message["ts"]))


def _unsent(view: JSON) -> JSON:
    """Leaves a modal open with what was typed, and says that it was not taken."""
    if field := first_field(view):
        return {"response_action": "errors", "errors": {field: say("not_done")}}
    title = str((view.get("title") or {}).get("text") or "Curbside")
    return {"response_action": "update", "view": notice_of(title, say("not_done"))}
