"""What was heard lately: what a delete or an answer of somebody else is about."""

from collections import OrderedDict
from typing import NamedTuple

import discord

from adapters.discord.events import conversation_of, is_post, title
from bot.model import ConversationId, Message

REMEMBERED = 10_000


class Heard(NamedTuple):
    """A message that was handed in."""

    conversation: ConversationId
    author: str
    direct: bool


class Memory:
    """The last messages that were handed in. `titles` takes names for threads."""

    def __init__(self, titles: dict[str, str]) -> None:
        self._heard: OrderedDict[str, Heard] = OrderedDict()
        self._titles = titles

    def note(self, message: Message) -> None:
        """Remember a message."""
        place = message.conversation
        self._heard[message.id] = Heard(place, message.author.id, message.direct)
        if place.thread == message.id:
            self._titles[message.id] = title(message.text)
        while len(self._heard) > REMEMBERED:
            self._heard.popitem(last=False)
        while len(self._titles) > REMEMBERED:
            del self._titles[next(iter(self._titles))]

    def get(self, message: str) -> Heard | None:
        """What is known of a message by its id."""
        return self._heard.get(message)

    def answered(
        self, message: discord.Message, *, threads: bool
    ) -> tuple[ConversationId, str] | None:
        """Whose question a person answers, by a reply or in its thread.

        The conversation and the id of the question; None when it answers nobody.
        """
        author = str(message.author.id)
        reference = message.reference
        if reference is not None and reference.message_id is not None:
            asked = str(reference.message_id)
            if (heard := self.get(asked)) is not None:
                return None if heard.author == author else (heard.conversation, asked)
            if isinstance(target := reference.resolved, discord.Message):
                place = conversation_of(target, threads=threads)
                return None if target.author.id == message.author.id else (place, asked)
        channel = message.channel
        if not isinstance(channel, discord.Thread) or is_post(message):
            return None
        # The thread of a message has its id.
        asked = str(channel.id)
        heard = self.get(asked)
        asker = str(channel.owner_id) if heard is None else heard.author
        if asker == author:
            return None
        return conversation_of(message, threads=threads), asked
