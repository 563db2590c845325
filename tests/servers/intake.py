"""An intake in memory: what an adapter handed in, and what it is told."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from bot.adapter import Acceptance, Listening
from bot.errors import StateUnavailable
from bot.model import ConversationId, Event, Form, Message, Panel, Pressed, Said
from bot.state.base import Record

OneKind = TypeVar("OneKind", bound=Event)


class RecordBox:
    """Records in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Record] = {}

    async def put(self, record: Record, *, only_new: bool = False) -> bool:
        key = (record.kind, record.id)
        if only_new and key in self.kept:
            return False
        self.kept[key] = record
        return True

    async def get(self, kind: str, id: str) -> Record | None:
        return self.kept.get((kind, id))

    async def newest(
        self,
        kind: str,
        *,
        limit: int = 50,
        workspace: str = "",
        before: datetime | None = None,
    ) -> list[Record]:
        found = [
            record
            for record in self.kept.values()
            if record.kind == kind
            and workspace in ("", record.workspace)
            and (before is None or record.at < before)
        ]
        return sorted(found, key=lambda record: record.at, reverse=True)[:limit]

    async def remove(self, kind: str, id: str) -> bool:
        return self.kept.pop((kind, id), None) is not None

    async def purge(self, kind: str, before: datetime) -> int:
        old = [k for k, r in self.kept.items() if r.kind == kind and r.at < before]
        for key in old:
            del self.kept[key]
        return len(old)

    async def forget(self, platform: str, author_id: str) -> int:
        person = f"{platform}:{author_id}"
        theirs = [key for key, record in self.kept.items() if record.person == person]
        for key in theirs:
            del self.kept[key]
        return len(theirs)


class Box:
    """Keeps events by key. `broken` is how often it fails to store one.

    `ours` are the conversations we take part in; `replies` are the commands it knows,
    which take `slowness` seconds each, as presses do. `every` are the channels where
    each message is a question; `press_reply` says what a press leads to.
    """

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.handed_in = 0
        self.broken = 0
        self.ours: set[ConversationId] = set()
        self.replies: dict[str, str] = {}
        self.commands: list[Message] = []
        self.slowness = 0.0
        self.every: set[str] = set()
        self.off: set[str] = set()
        self.presses: list[Pressed] = []
        self.panels: list[Message] = []
        self.press_reply: Callable[[Pressed], Form | str] = lambda pressed: ""
        self.page = Panel("Curbside", ())
        self.prompts: list[str] = []
        self.records = RecordBox()
        self.forgotten: list[str] = []

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

    async def forget_workspace(self, platform: str, workspace: str) -> None:
        self.forgotten.append(f"{platform}:{workspace}")

    def profiles(self) -> Sequence[str]:
        return []

    async def listening(self, conversation: ConversationId) -> Listening:
        if conversation.channel in self.off:
            return Listening.OFF
        every = conversation.channel in self.every
        return Listening.EVERY if every else Listening.MENTION

    async def press(self, pressed: Pressed) -> Form | str:
        self.presses.append(pressed)
        await asyncio.sleep(self.slowness)
        if self.broken:
            self.broken -= 1
            raise StateUnavailable("the state is away")
        return self.press_reply(pressed)

    async def panel(self, message: Message) -> Panel:
        self.panels.append(message)
        return self.page

    def suggestions(
        self, conversation: ConversationId, *, guests: bool = False
    ) -> Sequence[str]:
        if guests:
            return [f"{prompt} (public)" for prompt in self.prompts]
        return [f"{prompt} ({conversation.channel})" for prompt in self.prompts]

    def of(self, kind: type[OneKind]) -> list[OneKind]:
        return [event for event in self.events.values() if isinstance(event, kind)]

    def texts(self) -> list[str]:
        return [event.message.text for event in self.of(Said)]
