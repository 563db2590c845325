"""Stand-ins at our own contracts, for tests of ours and of plug-ins.

`ScriptedBackend` answers what it is told; `RecordingAdapter` is a platform in memory
that can lose replies, refuse writes and be looked at.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace

from backends.base import Chunk, End, Health, Text, Turn
from bot.adapter import AdapterHealth, Intake, Part
from bot.errors import AttachmentUnreadable, MessageGone
from bot.model import Action, Answer, Attachment, Button, ConversationId, Delivery

Script = Callable[[Turn], Sequence[Chunk | Exception | float]]
"""What to answer to a turn: chunks, pauses in seconds, and errors to raise."""


@dataclass
class ScriptedBackend:
    """Answers by a script; remembers the turns it was asked and how it was left."""

    script: Script
    turns: list[Turn] = field(default_factory=list)
    cancelled: int = 0
    takes_images: bool = False

    async def answer(self, turn: Turn) -> AsyncIterator[Chunk]:
        """Play the script for this turn."""
        self.turns.append(turn)
        ended = False
        try:
            for item in self.script(turn):
                if isinstance(item, Exception):
                    raise item
                if isinstance(item, float | int):
                    await asyncio.sleep(item)
                else:
                    ended = isinstance(item, End)
                    yield item
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += not ended
            raise

    async def health(self) -> Health:
        """Always well."""
        return Health(ok=True, model="scripted")

    async def aclose(self) -> None:
        """Nothing to give back."""


def says(text: str) -> Script:
    """A script that answers every turn with `text`."""
    return lambda turn: [Text(text), End()]


@dataclass
class Shown:
    """A message on the platform in memory."""

    id: str
    place: str
    key: str
    text: str
    texts: list[str]
    buttons: tuple[Button, ...] = ()
    mention: str = ""

    def show(self, part: Part) -> None:
        """Be what a part looks like."""
        self.text = part.text
        self.texts.append(part.text)
        self.buttons = part.extra.get("buttons", ())
        self.mention = part.extra.get("mention", "")

    def button(self, action: Action) -> Button:
        """The button of an action."""
        return next(each for each in self.buttons if each.action is action)


@dataclass
class RecordingAdapter:
    """A platform in memory. `fault` may raise before (or say "after") a write."""

    platform: str = "memory"
    edit_interval: float = 0.01
    limit: int = 2_000
    messages: list[Shown] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[[str, str], Exception | None] = lambda call, key: None
    after: Callable[[str, str], Exception | None] = lambda call, key: None
    files: dict[str, bytes] = field(default_factory=dict)
    """What `fetch` finds, by the attachment's url."""

    async def open(self) -> None:
        """Nothing to prepare."""

    async def listen(self, intake: Intake) -> None:
        """Events are handed to the intake by the test."""
        await asyncio.Event().wait()

    def render(self, answer: Answer) -> list[Part]:
        """Text and notice in pieces of `limit` characters, buttons under the last."""
        sources = [f"[{source.number}] {source.title}" for source in answer.sources]
        text = "\n".join(filter(None, [answer.text, answer.notice, *sources]))
        starts = range(0, max(len(text), 1), self.limit)
        parts = [Part(text[start : start + self.limit]) for start in starts]
        if answer.buttons or answer.mention:
            extra = {"buttons": answer.buttons, "mention": answer.mention}
            parts[-1] = replace(parts[-1], extra=extra)
        return parts

    async def post(self, delivery: Delivery, index: int, part: Part) -> str:
        """Add a message, unless a fault is due."""
        key = delivery.key(index)
        self._fault(self.before, "post", key)
        shown = Shown(
            id=f"m{len(self.messages)}",
            place=str(delivery.conversation),
            key=key,
            text="",
            texts=[],
        )
        shown.show(part)
        self.messages.append(shown)
        self._fault(self.after, "post", key)
        return shown.id

    async def find(self, delivery: Delivery, index: int) -> str | None:
        """Look a message up by its key."""
        key = delivery.key(index)
        self._fault(self.before, "find", key)
        return next((shown.id for shown in self.messages if shown.key == key), None)

    async def edit(self, delivery: Delivery, message_id: str, part: Part) -> None:
        """Change a message, unless a fault is due."""
        self._fault(self.before, "edit", message_id)
        shown = self._shown(message_id)
        shown.show(part)
        self._fault(self.after, "edit", message_id)

    async def remove(self, delivery: Delivery, message_id: str) -> None:
        """Take a message away."""
        self._fault(self.before, "remove", message_id)
        self.messages = [shown for shown in self.messages if shown.id != message_id]

    async def working(self, delivery: Delivery, step: str) -> None:
        """Note the sign of life."""
        self.calls.append(("working", step))

    async def fetch(
        self, conversation: ConversationId, attachment: Attachment, limit: int
    ) -> bytes:
        """The file of that url, unless it is not there or too large."""
        data = self.files.get(attachment.url)
        if data is None or len(data) > limit:
            raise AttachmentUnreadable(f"{attachment.name} cannot be read")
        return data

    async def health(self) -> AdapterHealth:
        """Always well."""
        return AdapterHealth(ok=True, detail="in memory")

    async def aclose(self) -> None:
        """Nothing to close."""

    def texts(self) -> list[str]:
        """What can be read on the platform now."""
        return [shown.text for shown in self.messages]

    def _shown(self, message_id: str) -> Shown:
        for shown in self.messages:
            if shown.id == message_id:
                return shown
        raise MessageGone(f"no message {message_id!r}")

    def _fault(
        self, fault: Callable[[str, str], Exception | None], call: str, key: str
    ) -> None:
        self.calls.append((call, key))
        error = fault(call, key)
        if error is not None:
            raise error
