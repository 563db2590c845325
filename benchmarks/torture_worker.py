"""A worker process of the torture run: the real bot on the platform that misbehaves."""

import asyncio
import json
import logging
import os
import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.base import Chunk, End, Health, Text, Turn
from benchmarks import measure
from benchmarks.torture_platform import END, PLATFORM
from bot.adapter import AdapterHealth, Intake, Part
from bot.errors import AttachmentUnreadable, DeliveryUnclear, StateUnavailable
from bot.model import Answer, Attachment, ConversationId, Delivery
from bot.state.base import State
from bot.state.redis import RedisState
from bot.state.sqlite import SqliteState
from bot.wire import load_event

RECONNECT_SECONDS = 0.1
KEPT_CONNECTIONS = 16
PART_CHARACTERS = 36
"""So few that an answer to several questions needs two messages."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker process is told."""

    folder: Path
    socket: Path
    redis_url: str
    lease: float
    ledger: bool


class Echo:
    """Answers with the names of the questions that it was asked, piece by piece."""

    async def answer(self, turn: Turn) -> AsyncIterator[Chunk]:
        names = re.findall(r"Q\d+", turn.question)
        pause = random.Random(turn.stable_key)
        for piece in ("This answers ", " ".join(names), " as well as one can", END):
            await asyncio.sleep(pause.uniform(0.01, 0.1))
            yield Text(piece)
        yield End()

    async def health(self) -> Health:
        return Health(ok=True)

    async def aclose(self) -> None:
        """Nothing to close."""


class TortureAdapter:
    """The adapter of that platform. Without a ledger it finds nothing."""

    platform = PLATFORM
    edit_interval = 0.05

    def __init__(self, socket: Path, *, ledger: bool) -> None:
        self._socket = socket
        self._ledger = ledger
        self._accepting: set[asyncio.Task[None]] = set()
        self._kept: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def open(self) -> None:
        for _ in range(KEPT_CONNECTIONS):
            await self._connect()

    async def listen(self, intake: Intake) -> None:
        while True:
            try:
                await self._listen_once(intake)
            except OSError:
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_once(self, intake: Intake) -> None:
        reader, writer = await asyncio.open_unix_connection(self._socket)
        try:
            writer.write(b'{"call": "listen"}\n')
            while line := await reader.readline():
                task = asyncio.create_task(self._accept(intake, line, writer))
                self._accepting.add(task)
                task.add_done_callback(self._accepting.discard)
        finally:
            writer.close()
        raise ConnectionResetError

    async def _accept(
        self, intake: Intake, line: bytes, writer: asyncio.StreamWriter
    ) -> None:
        request = json.loads(line)
        try:
            await intake.accept(load_event(request["event"]))
        except StateUnavailable:
            return  # not acknowledged: it will be sent again
        writer.write(json.dumps({"number": request["number"]}).encode() + b"\n")

    def render(self, answer: Answer) -> list[Part]:
        text = answer.text + answer.notice
        starts = range(0, max(1, len(text)), PART_CHARACTERS)
        return [Part(text[start : start + PART_CHARACTERS]) for start in starts]

    async def post(self, delivery: Delivery, index: int, part: Part) -> str:
        key, place = delivery.key(index), str(delivery.conversation)
        return str(
            await self._call("post", conversation=place, key=key, text=part.text)
        )

    async def find(self, delivery: Delivery, index: int) -> str | None:
        if not self._ledger:
            return None
        found: str | None = await self._call("find", key=delivery.key(index))
        return found

    async def edit(self, delivery: Delivery, message_id: str, part: Part) -> None:
        await self._call("edit", id=message_id, text=part.text)

    async def remove(self, delivery: Delivery, message_id: str) -> None:
        await self._call("remove", id=message_id)

    async def _call(self, call: str, **arguments: str) -> Any:
        request = {"call": call, "sender": os.getpid(), **arguments}
        try:
            if not self._kept:
                await self._connect()
            # A kept connection, so that nothing is awaited before the request is sent.
            reader, writer = self._kept.pop()
            try:
                writer.write(json.dumps(request).encode() + b"\n")
                line = await reader.readline()
            except BaseException:
                writer.close()
                raise
            if line:
                self._kept.append((reader, writer))
                return json.loads(line)["reply"]
            writer.close()
            await self._connect()
        except OSError as error:
            raise DeliveryUnclear(f"{call}: {error}") from error
        raise DeliveryUnclear(f"{call}: the connection ended before the reply")

    async def _connect(self) -> None:
        self._kept.append(await asyncio.open_unix_connection(self._socket))

    async def working(self, delivery: Delivery, step: str) -> None:
        """Nobody looks."""

    async def fetch(
        self, conversation: ConversationId, attachment: Attachment, limit: int
    ) -> bytes:
        raise AttachmentUnreadable("there are no files here")

    async def health(self) -> AdapterHealth:
        return AdapterHealth(ok=True)

    async def aclose(self) -> None:
        """Nothing to close."""


def create_state(setup: Setup) -> State:
    """The state that all workers share."""
    if setup.redis_url:
        return RedisState(setup.redis_url)
    return SqliteState(setup.folder / "state.db")


def main(setup: Setup) -> None:
    """Run until killed."""
    logging.basicConfig(
        filename=setup.folder / "workers.log",
        format=f"%(asctime)s {os.getpid()} %(levelname)s %(name)s: %(message)s",
        level=logging.INFO,
    )
    asyncio.run(_run(setup))


async def _run(setup: Setup) -> None:
    state = create_state(setup)
    while True:
        try:
            await state.open()
            break
        except StateUnavailable:
            await asyncio.sleep(RECONNECT_SECONDS)
    adapter = TortureAdapter(setup.socket, ledger=setup.ledger)
    await adapter.open()
    settings = {
        "lease_seconds": setup.lease,
        "retry_seconds": 0.5,
        "waiting_limit": 1_000_000,
    }
    folder = setup.folder / "knowledge"
    async with measure.working(state, Echo(), adapter, folder, listen=True, **settings):
        await asyncio.Event().wait()
