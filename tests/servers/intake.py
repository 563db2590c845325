"""An intake in memory: what an adapter handed in, and what it is told."""

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from bot.adapter import Acceptance
from bot.errors import StateUnavailable
from bot.model import ConversationId, Event, Message, Said

OneKind = TypeVar("OneKind", bound=Event)


class Box:
    """Keeps events by key. `broken` is how often it fails to store one.

    `ours` are the conversations we take part in; `replies` are the commands it knows,
    which take `slowness` seconds each.
    """

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.handed_in = 0
        self.broken = 0
        self.ours: set[ConversationId] = set()
        self.replies: dict[str, str] = {}
        self.commands: list[Message] = []
        self.slowness = 0.0

    async def accept(self, event: Event) -> Acceptance:
        self.handed_in += 1
        if self.broken:
            self.broken -= 1
            raise StateUnavailable("the state is away")
        if event.key in self.events:
            return Acceptance.DUPLICATE
        self.events[event.key] = event
        return Acceptance.STORED

    async def takes_part(self, conversation: ConversationId) -> bool:
        return conversation in self.ours

    async def command(self, message: Message) -> str | None:
        self.commands.append(message)
        await asyncio.sleep(self.slowness)
        return self.replies.get(message.text)

    def profiles(self) -> Sequence[str]:
        return []

    def of(self, kind: type[OneKind]) -> list[OneKind]:
        return [event for event in self.events.values() if isinstance(event, kind)]

    def texts(self) -> list[str]:
        return [event.message.text for event in self.of(Said)]
