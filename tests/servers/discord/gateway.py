"""The gateway of a local Discord: sessions, dispatches, resume and faults."""

import asyncio
import contextlib
import json
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web
from servers.discord.model import PRIVILEGED, Intent, Payload
from servers.discord.payloads import Records, redacted

DISPATCH, HEARTBEAT, IDENTIFY, RESUME = 0, 1, 2, 6
RECONNECT, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 7, 9, 10, 11

NOT_AUTHENTICATED, AUTHENTICATION_FAILED, ALREADY_AUTHENTICATED = 4003, 4004, 4005
DISALLOWED_INTENTS = 4014


@dataclass
class Session:
    """One identified client: what it wants to hear and all that it was sent."""

    id: str
    intents: Intent
    log: list[Payload] = field(default_factory=list)
    connection: "Connection | None" = None


class Connection:
    """One socket, written to by one task so that frames keep their order."""

    def __init__(self, request: web.Request) -> None:
        # Discord hangs up right after its close frame; the client waits for that.
        self.socket = web.WebSocketResponse(timeout=0.05)
        self.session: Session | None = None
        self.gone = asyncio.Event()
        self.closed_by_us = False
        self._request = request
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

    def close(self, code: int) -> None:
        self._frames.put_nowait(code)

    def abort(self) -> None:
        """End the connection as a failing network does: no close frame."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _write(self) -> None:
        while True:
            frame = await self._frames.get()
            with contextlib.suppress(ConnectionError):
                if isinstance(frame, int):
                    self.closed_by_us = True
                    await self.socket.close(code=frame)
                else:
                    await self.socket.send_str(json.dumps(frame))


class Gateway:
    """Accepts sockets at /gw and sends every session the events it asked for."""

    def __init__(self, token: str, url: Callable[[], str]) -> None:
        self.accepting = True
        self.granted: Intent = PRIVILEGED
        # Longer than any test: the library's heart beats in a thread of its own, which
        # can outlive the loop of a test that ends while the client is connecting.
        self.heartbeat_ms = 600_000
        self.sessions: dict[str, Session] = {}
        self.identified: list[Payload] = []
        self.received: list[Payload] = []
        self.redelivery = 0.0
        self.records: Records | None = None
        self._token = token
        self._url = url
        self._connections: set[Connection] = set()
        # The same choice of repeated events in every run of a test.
        self._random = random.Random(0)

    @property
    def connected(self) -> bool:
        return any(session.connection for session in self.sessions.values())

    def dispatch(self, event: str, data: Payload, intent: Intent) -> None:
        for session in list(self.sessions.values()):
            if intent & session.intents == intent:
                self._tell(session, event, data)
                if self._random.random() < self.redelivery:
                    self._tell(session, event, data)

    def _tell(self, session: Session, event: str, data: Payload) -> None:
        if event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            data = self._readable(session, data)
        frame = {"op": DISPATCH, "t": event, "s": len(session.log) + 1, "d": data}
        session.log.append(frame)
        if session.connection is not None:
            session.connection.push(frame)

    def _readable(self, session: Session, data: Payload) -> Payload:
        assert self.records is not None
        if session.intents & Intent.MESSAGE_CONTENT:
            return data
        private = "guild_id" not in data
        return redacted(data, self.records.bot.id, private=private)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if not self.accepting:
            return web.Response(status=503, text="gateway is down")
        connection = Connection(request)
        await connection.open()
        self._connections.add(connection)
        connection.send(HELLO, {"heartbeat_interval": self.heartbeat_ms})
        try:
            async for message in connection.socket:
                if message.type is WSMsgType.TEXT:
                    self._receive(connection, json.loads(message.data))
        finally:
            self._connections.discard(connection)
            session = connection.session
            # A quick client has resumed on a new socket before this one ends.
            if session is not None and session.connection is connection:
                session.connection = None
            await connection.end()
        # A client that says goodbye with 1000 or 1001 gives up its session.
        goodbye = connection.socket.close_code in (1000, 1001)
        if goodbye and not connection.closed_by_us and session is not None:
            self.sessions.pop(session.id, None)
        return connection.socket

    def _receive(self, connection: Connection, frame: Payload) -> None:
        self.received.append(frame)
        op, data = frame["op"], frame["d"]
        if op == HEARTBEAT:
            connection.send(HEARTBEAT_ACK)
        elif op == IDENTIFY:
            self._identify(connection, data)
        elif op == RESUME:
            self._resume(connection, data)
        elif connection.session is None:
            connection.close(NOT_AUTHENTICATED)

    def _identify(self, connection: Connection, data: Payload) -> None:
        self.identified.append(data)
        if connection.session is not None:
            return connection.close(ALREADY_AUTHENTICATED)
        if data["token"] != self._token:
            return connection.close(AUTHENTICATION_FAILED)
        intents = Intent(data["intents"])
        if intents & PRIVILEGED & ~self.granted:
            return connection.close(DISALLOWED_INTENTS)
        session = Session(secrets.token_hex(8), intents, connection=connection)
        self.sessions[session.id] = session
        connection.session = session
        self._welcome(session, data)
        return None

    def _welcome(self, session: Session, identify: Payload) -> None:
        assert self.records is not None
        guilds = list(self.records.guilds.values())
        ready = {
            "v": 10,
            "user": self.records.user_payload(self.records.bot),
            "guilds": [{"id": str(g.id), "unavailable": True} for g in guilds],
            "session_id": session.id,
            "resume_gateway_url": self._url(),
            "shard": identify.get("shard", [0, 1]),
            "application": {"id": str(self.records.application_id), "flags": 0},
        }
        self._tell(session, "READY", ready)
        for guild in guilds:
            self._tell(session, "GUILD_CREATE", self.records.guild_payload(guild))

    def _resume(self, connection: Connection, data: Payload) -> None:
        if data["token"] != self._token:
            return connection.close(AUTHENTICATION_FAILED)
        session = self.sessions.get(data["session_id"])
        if session is None:
            return connection.send(INVALID_SESSION, data=False)
        connection.session = session
        for frame in session.log[int(data["seq"] or 0) :]:
            connection.push(frame)
        session.connection = connection
        self._tell(session, "RESUMED", {"_trace": []})
        return None

    def drop(self, *, resumable: bool = True) -> None:
        """Cut every connection without a word; RESUME works only if told so."""
        self._forget(not resumable)
        for connection in list(self._connections):
            if connection.session is not None:
                # Nothing more may reach a socket that is about to vanish.
                connection.session.connection = None
            connection.abort()

    def ask_to_reconnect(self) -> None:
        for connection in list(self._connections):
            connection.send(RECONNECT)

    def invalidate(self, *, resumable: bool = False) -> None:
        self._forget(not resumable)
        for connection in list(self._connections):
            connection.send(INVALID_SESSION, resumable)

    def close(self, code: int) -> None:
        for connection in list(self._connections):
            connection.close(code)

    def _forget(self, forget: bool) -> None:
        if forget:
            self.sessions.clear()

    async def stop(self) -> None:
        self.accepting = False
        self.drop(resumable=False)
        for connection in list(self._connections):
            await connection.gone.wait()
