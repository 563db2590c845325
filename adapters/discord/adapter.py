"""Discord as a platform: renders answers, posts and edits them, finds them again."""

import asyncio
import hashlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TypeVar

import discord

from adapters.discord.bodies import Body, body_of, marked, shows
from adapters.discord.checking import problems_of
from adapters.discord.command_answers import CommandAnswers
from adapters.discord.components import JSON
from adapters.discord.events import PRIVATE
from adapters.discord.files import Files
from adapters.discord.forums import Forums
from adapters.discord.gateway import Gateway
from adapters.discord.listening import Listener
from adapters.discord.places import Places, in_place
from adapters.discord.refusals import (
    ARCHIVED,
    UNKNOWN_CHANNEL,
    DiscordRefused,
)
from adapters.discord.rendering import render
from adapters.discord.rest import DiscordRest
from adapters.discord.settings import DiscordSettings
from bot.adapter import AdapterHealth, Intake, Part
from bot.errors import DeliveryError, DeliveryImpossible, DeliveryUnclear, MessageGone
from bot.model import Answer, Attachment, ConversationId, Delivery

T = TypeVar("T")

log = logging.getLogger(__name__)

TYPING_SECONDS = 3.0
HEALTH_SECONDS = 5.0

GENERATIONS = 5


class DiscordAdapter:
    """One bot, in all servers that have it; sending needs no gateway.

    `every` names a place of the settings where each message is a question.
    """

    platform = "discord"

    def __init__(
        self,
        settings: DiscordSettings,
        *,
        every: str = "",
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.edit_interval = settings.edit_seconds
        self._settings = settings
        self._every = every
        self._rest = DiscordRest(settings)
        self._commands = CommandAnswers(self._rest, now=now, sleep=sleep)
        self._titles: dict[str, str] = {}
        self._forums = Forums(self._rest, self._heard_of)
        self._places = Places(self._rest, self._titles, self._forums)
        self._files = Files(self._rest, settings)
        self._removed: deque[str] = deque(maxlen=1_000)
        # An edit replaces all buttons, and a mark is one of them.
        self._marks: deque[tuple[str, str]] = deque(maxlen=1_000)
        self._listener: Listener | None = None
        self._gateway: Gateway | None = None

    async def open(self) -> None:
        """Log in for sending."""
        await self._rest.open()

    async def aclose(self) -> None:
        """Close the session."""
        await self._rest.aclose()

    async def listen(self, intake: Intake) -> None:
        """Take events in over the gateway until cancelled."""
        self._listener = Listener(
            self._settings, intake, titles=self._titles, removed=self._removed
        )
        self._gateway = Gateway(self._settings, self._listener)
        await self._gateway.run()

    def render(self, answer: Answer) -> list[Part]:
        """The answer in Discord's Markdown, in as many messages as it takes."""
        return render(answer)

    async def post(self, delivery: Delivery, index: int, part: Part) -> str:
        """Post a part: into the command's answer, or as a message with a nonce."""
        body = body_of(part)
        if index == 0:
            try:
                written = await self._commands.write(delivery, body)
            except MessageGone as error:
                raise DeliveryImpossible("the command's answer was deleted") from error
            if written is not None:
                return written
        place = await self._places.open(delivery)
        reply_to = await self._places.anchor(delivery, index)
        key = delivery.key(index)
        mark = ""
        if self._places.needs_mark(delivery, index, reply_to):
            mark = nonce(key)
            body = marked(body, mark)
        message = await self._send(key, place, body, reply_to=reply_to)
        id_ = str(message["id"])
        if mark:
            self._marks.append((id_, mark))
        if (
            not index
            and (tag := self._settings.answered_tag)
            and self.solvable(delivery.conversation)
        ):
            with suppress(DeliveryError):  # the answer is there, with or without it
                await self._forums.try_to_tag(delivery.conversation.thread, tag)
        if not shows(message, body):
            # The nonce gave back what an earlier attempt had posted.
            await self.edit(delivery, id_, part)
        return id_

    async def find(self, delivery: Delivery, index: int) -> str | None:
        """Look for the message that an unclear post may have made.

        The history does not say the nonce of a message. But a conversation is answered
        in order, so what a message answers and what it follows tell it apart: the first
        part is a reply to the question (or the first of our words in its own thread),
        a further one our next plain message (or a reply to the first part, where
        several questions are answered at once). Where even that is missing, the post
        has put a mark on the message. What is not in the history yet, the nonce
        catches: for some minutes a second post gives the first message back.
        """
        if index == 0 and self._commands.token(delivery):
            return None  # Writing a command's answer again changes nothing.
        return await self._places.lost(delivery, index, nonce(delivery.key(index)))

    async def edit(self, delivery: Delivery, message_id: str, part: Part) -> None:
        """Replace what a message is."""
        body = body_of(part)
        first = _is_first(delivery, message_id)
        if first and await self._commands.write(delivery, body) is not None:
            return
        for marked_id, mark in self._marks:
            body = marked(body, mark) if marked_id == message_id else body
        place, message = self._places.place(delivery), int(message_id)
        try:
            await self._in_open_thread(
                place, lambda: self._rest.edit(place, message, body)
            )
        except DiscordRefused as error:
            if error.code != UNKNOWN_CHANNEL:
                raise
            raise MessageGone("the thread of the message was deleted") from error

    async def remove(self, delivery: Delivery, message_id: str) -> None:
        """Delete a message of ours."""
        # Discord tells us of this too, and then it must not look like a person's wish.
        self._removed.append(message_id)
        try:
            await self._rest.delete(self._places.place(delivery), int(message_id))
        except MessageGone:
            log.debug("%s was gone already", message_id)
        except DiscordRefused as error:
            if error.code == UNKNOWN_CHANNEL:
                return
            first = _is_first(delivery, message_id)
            token = self._commands.token(delivery) if first else ""
            if not token:
                raise
            await self._rest.withdraw_command(token)

    async def working(self, delivery: Delivery, step: str) -> None:
        """Typing, where the answer will stand; a command shows that by itself."""
        if self._commands.token(delivery):
            return
        try:
            async with asyncio.timeout(TYPING_SECONDS):
                await self._rest.show_typing(await self._places.visible(delivery))
        except (DeliveryError, TimeoutError) as error:
            log.debug("no typing in %s: %s", delivery.conversation, error)

    async def fetch(
        self, conversation: ConversationId, attachment: Attachment, limit: int
    ) -> bytes:
        """The contents of a file that came with a message."""
        return await self._files.fetch(attachment, limit)

    def link(self, conversation: ConversationId, message_id: str) -> str:
        """The address of a message, which opens it."""
        guild = conversation.workspace
        where = "@me" if guild == PRIVATE else guild
        place = in_place(conversation)
        if message_id == conversation.thread and not self.solvable(conversation):
            place = int(conversation.channel)  # It stands above its thread.
        return f"https://discord.com/channels/{where}/{place}/{message_id}"

    def name(self, conversation: ConversationId) -> str:
        """The name of a channel, if the gateway told us of it."""
        found = self._heard_of(int(conversation.channel))
        return str(found.name) if isinstance(found, discord.abc.GuildChannel) else ""

    def solvable(self, conversation: ConversationId) -> bool:
        """Whether this is a post of a forum."""
        return bool(conversation.thread) and self._forums.known(conversation.channel)

    def _heard_of(self, channel: int) -> object:
        return None if self._gateway is None else self._gateway.channel(channel)

    async def solved(self, delivery: Delivery) -> None:
        """Put the tag for it on a post, and close it if the settings say so."""
        post, settings = delivery.conversation.thread, self._settings
        if post and await self._forums.is_one(delivery.conversation.channel):
            await self._forums.try_to_tag(
                post, settings.solved_tag, close=settings.close_solved
            )

    async def health(self) -> AdapterHealth:
        """Try the token; see that what the settings want is switched on."""
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                application = await self._rest.application()
        except TimeoutError:
            problem = f"Discord did not answer in {HEALTH_SECONDS:.0f} seconds"
            return AdapterHealth(ok=False, problems=(problem,))
        except DeliveryError as error:
            return AdapterHealth(ok=False, problems=(str(error),))
        problems = list(self._problems(application))
        servers = application.approximate_guild_count
        detail = f"{application.name}, in about {servers} servers"
        return AdapterHealth(not problems, detail, tuple(problems))

    def _problems(self, application: discord.AppInfo) -> Iterator[str]:
        yield from problems_of(self._settings, self._every, application)
        yield from filter(None, [self._forums.problem])
        if self._listener is not None and self._listener.interactions.problem:
            yield self._listener.interactions.problem
        if self._gateway is not None and not self._gateway.connected:
            yield "the gateway is not connected just now; it is tried again"

    async def _send(
        self, key: str, place: int, body: Body, *, reply_to: int | None
    ) -> JSON:
        """Post a message under the nonce of its key."""

        async def send(wanted: str) -> JSON:
            return await self._rest.send(place, body, nonce=wanted, reply_to=reply_to)

        for generation in range(GENERATIONS):
            wanted = nonce(key, generation)
            try:
                return await self._surely(place, partial(send, wanted))
            except MessageGone:
                # The message of this nonce was deleted since: a part that was taken
                # back for a while. Discord wants another nonce then.
                continue
        raise DeliveryImpossible("our message is deleted each time it is posted")

    async def _surely(self, place: int, send: Callable[[], Awaitable[T]]) -> T:
        """Post; a second time with the same nonce, which makes no second message."""
        try:
            return await self._in_open_thread(place, send)
        except DeliveryUnclear as error:
            log.info("posting again with the same nonce: %s", error)
        return await send()

    async def _in_open_thread(self, place: int, write: Callable[[], Awaitable[T]]) -> T:
        """Write; a thread that went into the archive meanwhile is taken out again."""
        try:
            return await write()
        except DiscordRefused as error:
            if error.code != ARCHIVED:
                raise
        await self._rest.reopen(place)
        return await write()


def _is_first(delivery: Delivery, message_id: str) -> bool:
    return any(part.id == message_id and not part.index for part in delivery.parts)


def nonce(key: str, generation: int = 0) -> str:
    """What makes a second post of a part recognisable; Discord takes 25 characters."""
    text = f"{key}\n{generation}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
