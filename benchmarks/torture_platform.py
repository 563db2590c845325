"""The platform of the torture run: people who ask, and a message store that misbehaves.

It knows no way to recognise a second post, loses replies, and tells of an event again.
"""

import asyncio
import itertools
import json
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.model import Author, ConversationId, Message, Said
from bot.wire import dump_event

PLATFORM = "torture"
END = "∎"
"""The last sign of every whole answer."""

CALL_SECONDS = (0.005, 0.030)
LOST_REPLIES = 0.05
LOST_REQUESTS = 0.01
REDELIVERED = 0.3
REDELIVERED_AFTER = (0.0, 0.05, 1.0, 5.0)
ACKNOWLEDGED_WITHIN = 1.0


@dataclass
class Posted:
    """A message of the bot's: a part of an answer, and who wrote what into it when."""

    id: str
    conversation: str
    key: str
    text: str
    history: list[str] = field(default_factory=list)

    @property
    def answer(self) -> str:
        return self.key.rpartition("-")[0]

    @property
    def index(self) -> int:
        return int(self.key.rpartition("-")[2])


@dataclass
class Asked:
    """A question, and when it was sent for the first time."""

    number: int
    conversation: str
    at: float

    @property
    def name(self) -> str:
        return f"Q{self.number}"


@dataclass
class Platform:
    """Answers calls on a Unix socket; hands events to whoever listens there."""

    path: Path
    random: random.Random
    asked: list[Asked] = field(default_factory=list)
    messages: dict[str, Posted] = field(default_factory=dict)
    whole_at: dict[str, float] = field(default_factory=dict)
    """When an answer could first be read as a whole, by answer id."""
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _parts: defaultdict[str, list[Posted]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """The messages of an answer: a call must not take longer the longer a run is."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _listeners: set[asyncio.StreamWriter] = field(default_factory=set)
    _open: dict[int, asyncio.Event] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._connected, self.path)

    async def stop(self) -> None:
        await asyncio.sleep(0.1)  # until the workers' ends of the connections are seen
        for task in self._tasks:
            task.cancel()
        for writer in self._listeners:
            writer.close()
        if self._server is not None:
            self._server.close()

    # People ---------------------------------------------------------------------------

    async def ask(self, conversation: int) -> None:
        """Ask in a conversation; returns when the bot has acknowledged it."""
        place = ConversationId(PLATFORM, "w", "c", f"t{conversation}")
        number = next(self._numbers)
        author = Author(self.random.choice(("U1", "U2")))
        now = datetime.now(UTC)
        said = Said(Message(f"m{number}", place, author, f"What of Q{number}?", now))
        self.asked.append(Asked(number, str(place), time.monotonic()))
        event = dump_event(said)
        again = self.random.random() < REDELIVERED
        after = self.random.choice(REDELIVERED_AFTER)
        if again:
            self.counts["redelivered"] += 1
            self._later(self._deliver_after(after, event))
        await self._deliver(event)

    async def _deliver_after(self, seconds: float, event: str) -> None:
        await asyncio.sleep(seconds)
        await self._deliver(event)

    async def _deliver(self, event: str) -> None:
        """Send an event to one of those who listen, until one acknowledges it."""
        while True:
            number, done = next(self._numbers), asyncio.Event()
            self._open[number] = done
            line = json.dumps({"number": number, "event": event}) + "\n"
            if self._listeners:
                writer = self.random.choice(sorted(self._listeners, key=id))
                with suppress(OSError):
                    writer.write(line.encode())
            with suppress(TimeoutError):
                async with asyncio.timeout(ACKNOWLEDGED_WITHIN):
                    await done.wait()
            del self._open[number]
            if done.is_set():
                return
            self.counts["sent again, unacknowledged"] += 1

    # The wire -------------------------------------------------------------------------

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError, ValueError):
            while line := await reader.readline():
                request = json.loads(line)
                if request["call"] == "listen":
                    await self._feed(reader, writer)
                # What has arrived takes effect, whatever becomes of its sender.
                elif not await self._answer(request, writer):
                    break
        writer.close()

    async def _feed(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._listeners.add(writer)
        try:
            while line := await reader.readline():
                done = self._open.get(json.loads(line)["number"])
                if done is not None:
                    done.set()
        finally:
            self._listeners.discard(writer)

    async def _answer(
        self, request: dict[str, Any], writer: asyncio.StreamWriter
    ) -> bool:
        """Do what is asked, after a while; False when the reply got lost on the way."""
        await asyncio.sleep(self.random.uniform(*CALL_SECONDS) / 2)
        if self.random.random() < LOST_REQUESTS:
            self.counts["lost requests"] += 1
            return False
        sender = request.pop("sender")
        reply = getattr(self, f"_{request.pop('call')}")(**request)
        if "text" in request:
            self._note(self.messages[reply], sender)
        await asyncio.sleep(self.random.uniform(*CALL_SECONDS) / 2)
        if self.random.random() < LOST_REPLIES:
            self.counts["lost replies"] += 1
            return False
        writer.write(json.dumps({"reply": reply}).encode() + b"\n")
        await writer.drain()
        return True

    def _post(self, conversation: str, key: str, text: str) -> str:
        posted = Posted(f"p{next(self._numbers)}", conversation, key, text)
        self.messages[posted.id] = posted
        self._parts[posted.answer].append(posted)
        return posted.id

    def _find(self, key: str) -> str | None:
        parts = self._parts[key.rpartition("-")[0]]
        return next((posted.id for posted in parts if posted.key == key), None)

    def _edit(self, id: str, text: str) -> str:
        self.messages[id].text = text
        return id

    def _remove(self, id: str) -> bool:
        posted = self.messages.pop(id, None)
        if posted is not None:
            self._parts[posted.answer].remove(posted)
        return posted is not None

    def _note(self, posted: Posted, sender: int) -> None:
        """Write down who wrote, and whether that made the answer whole."""
        now = datetime.now()
        posted.history.append(f"{now:%H:%M:%S.%f} by {sender}: {posted.text}")
        if read(self._parts[posted.answer]).endswith(END):
            self.whole_at.setdefault(posted.answer, time.monotonic())

    def _later(self, chore: Any) -> None:
        task = asyncio.ensure_future(chore)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def read(parts: Iterable[Posted]) -> str:
    """What the messages of an answer say together."""
    return "".join(part.text for part in sorted(parts, key=lambda part: part.index))
