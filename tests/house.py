"""A running bot over a real state, with a platform in memory, to talk to."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.app import App
from bot.model import (
    Author,
    Button,
    ConversationId,
    Form,
    Message,
    Pressed,
    Said,
)
from bot.testing import RecordingAdapter, ScriptedBackend

ANN = Author("ann", "Ann")
BOSS = Author("boss", "The Boss", is_admin=True)
PLACE = ConversationId("memory", "w", "c", "t")


@dataclass
class House:
    """A running bot, and the means to talk to it."""

    app: App
    platform: RecordingAdapter
    backends: Mapping[str, ScriptedBackend]
    stopping: asyncio.Event
    running: asyncio.Task[None]
    counter: list[int] = field(default_factory=lambda: [0])

    async def end(self) -> None:
        """End as on SIGTERM."""
        self.stopping.set()
        await self.running

    def message(
        self, text: str, author: Author = ANN, place: ConversationId = PLACE
    ) -> Message:
        self.counter[0] += 1
        return Message(str(self.counter[0]), place, author, text, datetime.now(UTC))

    async def say(
        self, text: str, author: Author = ANN, place: ConversationId = PLACE
    ) -> Message:
        message = self.message(text, author, place)
        await self.app.reception.accept(Said(message))
        return message

    async def ask(
        self, text: str, author: Author = ANN, place: ConversationId = PLACE
    ) -> str:
        """Say something and wait for its answer."""
        before = len(self.platform.messages)
        await self.say(text, author, place)
        await self.quiet()
        assert len(self.platform.messages) == before + 1, self.platform.texts()
        return self.platform.texts()[-1]

    async def press(
        self,
        button: Button,
        author: Author = ANN,
        place: ConversationId = PLACE,
        fields: Mapping[str, str] | None = None,
    ) -> Form | str:
        """Press a button, or send its form; what comes back at once."""
        self.counter[0] += 1
        pressed = Pressed(
            place,
            author,
            button.action,
            f"p{self.counter[0]}",
            value=button.value,
            fields=fields,
        )
        return await self.app.reception.press(pressed)

    async def quiet(self) -> None:
        """Wait until nothing waits any more."""

        async def done() -> bool:
            return (await self.app.state.inbox.stats()).waiting == 0

        await until(done)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 8) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)


Start = Callable[..., Awaitable[House]]
