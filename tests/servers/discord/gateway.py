"""The gateway of a local Discord: sessions, shards, dispatches, resume and faults."""

import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from .connection import (
    DISPATCH,
    HEARTBEAT,
    HEARTBEAT_ACK,
    HELLO,
    IDENTIFY,
    INVALID_SESSION,
    RECONNECT,
    RESUME,
    Connection,
    Cut,
    Session,
)
from .model import PRIVILEGED, Intent, Payload
from .payloads import Payloads, redacted

NOT_AUTHENTICATED, AUTHENTICATION_FAILED, ALREADY_AUTHENTICATED = 4003, 4004, 4005
TOO_FAST, INVALID_SHARD, SHARDING_REQUIRED, DISALLOWED_INTENTS = 4008, 4010, 4011, 4014

DAY = 86_400.0

GUILDS = ("GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE")


@dataclass
class Starts:
    """How many sessions may be started in a day, and how quickly."""

    total: int = 1000
    concurrency: int = 1
    pause = 0.0
    """Seconds between two starts of the same bucket; five on the real service."""
    times: list[float] = field(default_factory=list)
    _last: dict[int, float] = field(default_factory=dict)

    def payload(self, now: float) -> Payload:
        recent = [moment for moment in self.times if moment > now - DAY]
        first = recent[0] if recent else now
        return {
            "total": self.total,
            "remaining": max(0, self.total - len(recent)),
            "reset_after": int((first + DAY - now) * 1000),
            "max_concurrency": self.concurrency,
        }

    def used_up(self, now: float) -> bool:
        return bool(self.payload(now)["remaining"] == 0)

    def too_soon(self, shard: int, now: float) -> bool:
        """Note a start; whether it comes too quickly after another."""
        bucket = shard % self.concurrency
        soon = now - self._last.get(bucket, 0.0) < self.pause
        self._last[bucket] = now
        self.times.append(now)
        return soon


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
        self.starts = Starts()
        self.shards_wanted = 1
        """How many shards Discord advises, and demands."""
        self.cuts: list[Cut] = []
        self.records: Payloads | None = None
        self._token = token
        self._url = url
        self._connections: set[Connection] = set()
        # The same choice of repeated events in every run of a test.
        self._random = random.Random(0)

    @property
    def connected(self) -> bool:
        return any(session.connection for session in self.sessions.values())

    def dispatch(self, event: str, data: Payload, intent: Intent) -> None:
        guild = data.get("id") if event in GUILDS else data.get("guild_id")
        guild_id = int(guild) if str(guild or "").isdigit() else None
        for session in list(self.sessions.values()):
            if intent & session.intents == intent and session.hears_of(guild_id):
                self._tell(session, event, data)
                if self._random.random() < self.redelivery:
                    self._tell(session, event, data)

    def _tell(self, session: Session, event: str, data: Payload) -> None:
        if event in ("MESSAGE_CREATE", "MESSAGE_UPDATE") and "author" in data:
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
        connection = Connection(request, self._cut_at)
        await connection.open()
        self._connections.add(connection)
        connection.send(HELLO, {"heartbeat_interval": self.heartbeat_ms})
        try:
            async for message in connection.socket:
                if message.type is WSMsgType.TEXT:
                    self._receive(connection, message.json())
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
        if connection.too_much(time.monotonic()):
            return connection.close(TOO_FAST)
        op, data = frame["op"], frame["d"]
        if op == HEARTBEAT:
            connection.send(HEARTBEAT_ACK)
        elif op == IDENTIFY:
            self._identify(connection, data)
        elif op == RESUME:
            self._resume(connection, data)
        elif connection.session is None:
            connection.close(NOT_AUTHENTICATED)
        return None

    def _identify(self, connection: Connection, data: Payload) -> None:
        self.identified.append(data)
        intents = Intent(data["intents"])
        id, count = data.get("shard") or (0, 1)
        if (problem := self._refusal(connection, data, intents, id, count)) is not None:
            return connection.close(problem)
        now = time.time()
        if self.starts.used_up(now):
            # The token is made useless, and all sessions of the bot are ended.
            self._token = secrets.token_hex(8)
            return self.close(AUTHENTICATION_FAILED)
        if self.starts.too_soon(id, now):
            return connection.send(INVALID_SESSION, data=False)
        session = Session(secrets.token_hex(8), intents, (id, count))
        session.connection = connection
        self.sessions[session.id] = session
        connection.session = session
        self._welcome(session)
        return None

    def _refusal(
        self,
        connection: Connection,
        data: Payload,
        intents: Intent,
        id: int,
        count: int,
    ) -> int | None:
        if connection.session is not None:
            return ALREADY_AUTHENTICATED
        if data["token"] != self._token:
            return AUTHENTICATION_FAILED
        if intents & PRIVILEGED & ~self.granted:
            return DISALLOWED_INTENTS
        if not 0 <= id < count:
            return INVALID_SHARD
        return SHARDING_REQUIRED if count < self.shards_wanted else None

    def _welcome(self, session: Session) -> None:
        assert self.records is not None
        guilds = [g for g in self.records.guilds.values() if session.hears_of(g.id)]
        ready = {
            "v": 10,
            "user": self.records.user_payload(self.records.bot),
            "guilds": [{"id": str(g.id), "unavailable": True} for g in guilds],
            # A bot is not told of its direct messages.
            "private_channels": [],
            "session_id": session.id,
            "resume_gateway_url": self._url(),
            "shard": list(session.shard),
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

    def cut(
        self, at: str, *, times: int = 1, before: bool = False, resumable: bool = True
    ) -> None:
        """Lose the connection when the frame of that name is sent, or just before."""
        self.cuts.append(Cut(at, times, before, resumable))

    def _cut_at(self, name: str, before: bool) -> bool:
        for cut in self.cuts:
            if cut.times and cut.at == name and cut.before is before:
                cut.times -= 1
                self._forget(not cut.resumable)
                return True
        return False

    def drop(self, *, resumable: bool = True) -> None:
        """Cut every connection without a word; RESUME works only if told so."""
        self._forget(not resumable)
        for connection in list(self._connections):
            connection.abort()

    def push(self, event: str, data: Any) -> None:
        """Send every session whatever is given as an event, readable or not."""
        for session in self.sessions.values():
            frame = {"op": DISPATCH, "t": event, "s": len(session.log) + 1, "d": data}
            session.log.append(frame)
            if session.connection is not None:
                session.connection.push(frame)

    async def raw(self, text: str) -> None:
        """Send any text to every client, whether it is a frame or not."""
        for connection in list(self._connections):
            await connection.socket.send_str(text)

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
