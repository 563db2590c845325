"""Where an answer stands on Discord: its channel or thread, and its messages there."""

from datetime import UTC, datetime, timedelta

import discord

from adapters.discord.bodies import mark_of
from adapters.discord.events import ASKED, plain, title
from adapters.discord.forums import Forums
from adapters.discord.refusals import UNKNOWN_CHANNEL, DiscordRefused
from adapters.discord.rest import DiscordRest
from bot.errors import DeliveryImpossible, MessageGone
from bot.model import ConversationId, Delivery

SEARCHED = 200
"""Messages after a question among which a lost answer is looked for."""

REMEMBERED = 5_000

SKEW = timedelta(minutes=1)
"""By so much our clock may be ahead of Discord's."""


class Places:
    """Finds and opens the places of answers. `titles` are names for new threads."""

    def __init__(
        self, rest: DiscordRest, titles: dict[str, str], forums: Forums
    ) -> None:
        self._rest = rest
        self._forums = forums
        self._titles = titles
        self._opened: set[str] = set()

    def place(self, delivery: Delivery) -> int:
        """The channel or thread that the answer belongs in."""
        return in_place(delivery.conversation)

    async def visible(self, delivery: Delivery) -> int:
        """The place, or the channel above it while there is no thread yet."""
        if self._begins_thread(delivery) and not await self._is_post(delivery):
            return int(delivery.conversation.channel)
        return self.place(delivery)

    async def open(self, delivery: Delivery) -> int:
        """The place; a question that is to have a thread gets it now."""
        place = self.place(delivery)
        if not self._begins_thread(delivery) or await self._is_post(delivery):
            return place
        channel, thread = int(delivery.conversation.channel), str(place)
        try:
            name = self._titles.get(thread)
            if name is None:
                asked = await self._rest.message(channel, place)
                name = title(plain(asked.content, asked, await self._rest.me()))
            await self._rest.start_thread(channel, place, name)
        except MessageGone as error:
            raise DeliveryImpossible("the question was deleted") from error
        if len(self._opened) >= REMEMBERED:
            self._opened.clear()
        self._opened.add(thread)
        return place

    async def anchor(self, delivery: Delivery, index: int) -> int | None:
        """The message that a part of an answer replies to."""
        if index:
            return _first_of_many(delivery)
        if _in_own_thread(delivery):
            return None  # The question stands above its thread.
        if not delivery.question_id:
            return None
        if not delivery.reply_token:
            return int(delivery.question_id)
        # A command has no message; what stands there is "thinking", said by us.
        for message in await self._since(delivery, int(delivery.question_id)):
            used = message.interaction_metadata
            if used is not None and str(used.id) == delivery.question_id:
                return message.id
        return None

    def needs_mark(self, delivery: Delivery, index: int, anchor: int | None) -> bool:
        """Whether nothing else would tell whose part a message is.

        So it is with what answers no message: announcements, and the answer to a
        command that got no first sign; others may be posted beside it.
        """
        alone = bool(delivery.reply_token) or not delivery.question_id
        return not index and alone and anchor is None

    async def lost(self, delivery: Delivery, index: int, mark: str) -> str | None:
        """The message of a part whose post had no clear result, from the history."""
        known = {part.id for part in delivery.parts if part.id}
        before = [int(part.id) for part in delivery.parts if part.id]
        start = max(before) if index and before else _begin(delivery)
        anchor = await self.anchor(delivery, index)
        me = await self._rest.me()
        for message in await self._since(delivery, start):
            if message.author.id != me or str(message.id) in known:
                continue
            if self.needs_mark(delivery, index, anchor):
                found = mark_of(message) == mark
            else:
                found = _carries(message, delivery, index, anchor)
            if found:
                return str(message.id)
        return None

    async def _is_post(self, delivery: Delivery) -> bool:
        """Whether the answer stands in a post of a forum, which is a thread already."""
        place = delivery.conversation
        return bool(place.thread) and await self._forums.is_one(place.channel)

    def _begins_thread(self, delivery: Delivery) -> bool:
        thread = delivery.conversation.thread
        return _in_own_thread(delivery) and thread not in self._opened

    async def _since(self, delivery: Delivery, start: int) -> list[discord.Message]:
        place = self.place(delivery)
        try:
            return await self._rest.history(place, after=start, limit=SEARCHED)
        except DiscordRefused as error:
            if error.code == UNKNOWN_CHANNEL:
                return []  # The thread was not made, so nothing is in it.
            raise


def in_place(conversation: ConversationId) -> int:
    """The channel or thread that a conversation is held in."""
    thread = conversation.thread
    in_channel = not thread or thread.startswith(ASKED)
    return int(conversation.channel if in_channel else thread)


def _begin(delivery: Delivery) -> int:
    """The id after which the messages of a delivery are."""
    if delivery.question_id:
        return int(delivery.question_id)
    begun = delivery.begun_at or datetime.now(UTC) - SKEW
    return discord.utils.time_snowflake(begun - SKEW)


def _in_own_thread(delivery: Delivery) -> bool:
    """Whether the question is the message that the thread was made from."""
    thread = delivery.conversation.thread
    return bool(thread) and thread == delivery.question_id


def _first_of_many(delivery: Delivery) -> int | None:
    """The first part of an answer where others are answered at the same time.

    In a place with one conversation a further part is known by what it follows; between
    the questions by command in a channel it has to be tied to its first part.
    """
    first = next((p.id for p in delivery.parts if not p.index), "")
    by_command = delivery.conversation.thread.startswith(ASKED)
    among_others = by_command or not delivery.question_id
    return int(first) if among_others and first else None


def _carries(
    message: discord.Message, delivery: Delivery, index: int, anchor: int | None
) -> bool:
    """Whether one of our messages is the part that was posted."""
    if anchor is None:
        alone = bool(index) or _in_own_thread(delivery)
        return alone and message.type is discord.MessageType.default
    if not index and delivery.reply_token and message.id == anchor:
        return not message.flags.loading
    reference = message.reference.message_id if message.reference else None
    return reference == anchor
