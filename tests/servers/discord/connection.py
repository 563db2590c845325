"""One gateway connection of a local Discord, and the session that outlives it."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .model import Intent, Payload

DISPATCH, HEARTBEAT, IDENTIFY, RESUME = 0, 1, 2, 6
RECONNECT, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 7, 9, 10, 11

NAMES = {
    RECONNECT: "RECONNECT",
    INVALID_SESSION: "INVALID_SESSION",
    HELLO: "HELLO",
    HEARTBEAT_ACK: "HEARTBEAT_ACK",
}

MOST_SENT, SENT_SECONDS = 120, 60.0


@dataclass
class Session:
    """One identified client: what it wants to hear and all that it was sent."""

    id: str
    intents: Intent
    shard: tuple[int, int] = (0, 1)
    log: list[Payload] = field(default_factory=list)
    connection: "Connection | None" = None

    def hears_of(self, guild_id: int | None) -> bool:
        """Whether events of a guild go to this shard; those of no guild go to 0."""
        id, count = self.shard
        return (0 if guild_id is None else (guild_id >> 22) % count) == id


@dataclass
class Cut:
    """The connection is to be lost at a certain frame."""

    at: str
    times: int
    before: bool
    resumable: bool


class Connection:
    """One socket, written to by one task so that frames keep their order.

    `cut` says of the name of each frame whether the connection is lost there.
    """

    def __init__(self, request: web.Request, cut: Callable[[str, bool], bool]) -> None:
        # Discord hangs up right after its close frame; the client waits for that.
        self.socket = web.WebSocketResponse(timeout=0.05)
        self.session: Session | None = None
        self.gone = asyncio.Event()
        self.closed_by_us = False
        self.lost = False
        self._cut = cut
        self._request = request
        self._received: deque[float] = deque(maxlen=MOST_SENT)
        self._frames: asyncio.Queue[Payload | int] = asyncio.Queue()
        self._writer: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self.socket.prepare(self._request)
        self._writer = asyncio.create_task(self._write())

    async def end(self) -> None:
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        self.gone.set()

    def send(self, op: int, data: Any = None) -> None:
        self._frames.put_nowait({"op": op, "d": data, "s": None, "t": None})

    def push(self, frame: Payload) -> None:
        self._frames.put_nowait(frame)

    async def drained(self) -> None:
        """Wait until all frames are handed to the network."""
        while not self._frames.empty():
            await asyncio.sleep(0)

    def close(self, code: int) -> None:
        self._frames.put_nowait(code)

    def abort(self) -> None:
        """End the connection as a failing network does: no close frame."""
        self.lost = True
        if self.session is not None and self.session.connection is self:
            # Nothing more may reach a socket that is about to vanish.
            self.session.connection = None
        if self._request.transport is not None:
            self._request.transport.abort()

    def too_much(self, now: float) -> bool:
        """Count a frame of the client; it may send so many in a minute."""
        full = len(self._received) == MOST_SENT
        first = self._received[0] if full else 0.0
        self._received.append(now)
        return full and now - first < SENT_SECONDS

    async def _write(self) -> None:
        while not self.lost:
            frame = await self._frames.get()
            with contextlib.suppress(ConnectionError):
                if isinstance(frame, int):
                    self.closed_by_us = True
                    await self.socket.close(code=frame)
                    continue
                name = frame["t"] or NAMES[frame["op"]]
                if self._cut(name, True):
                    return self.abort()
                await self.socket.send_str(json.dumps(frame))
                if self._cut(name, False):
                    await asyncio.sleep(0.01)  # so that the frame still gets out
                    return self.abort()
        return None
