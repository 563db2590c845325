"""Deliveries to the app: sockets or HTTP, acks, redelivery."""

import asyncio
import json
import time
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from .http_delivery import HttpDelivery
from .workspace import JSON

MAX_CONNECTIONS = 10


@dataclass
class Delivered:
    """One envelope as it went out, and whether it was acked.

    `connection` is 0 for what went over HTTP.
    """

    type: str
    payload: JSON
    attempt: int
    connection: int
    time: float = field(default_factory=time.time)
    acked: bool = False
    answer: Any = None


@dataclass(eq=False)
class Connection:
    """One open Socket Mode connection."""

    number: int
    socket: web.WebSocketResponse
    transport: asyncio.Transport
    draining: bool = False


class Sockets:
    """Hands each envelope to one open connection and waits for its ack."""

    def __init__(self, ack_timeout: float, retry_delays: tuple[float, ...]) -> None:
        self.ack_timeout = ack_timeout
        self.retry_delays = retry_delays
        self.delivered: list[Delivered] = []
        self.lost: list[JSON] = []
        self.connections: list[Connection] = []
        self.http: HttpDelivery | None = None
        self.opened = 0
        self._tickets: set[str] = set()
        self._refuse_until = 0.0
        self._repeat_share = 0.0
        self._repeat_due = 0.0
        self._acks: dict[str, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def busy(self) -> bool:
        """Whether anything is still to be delivered, acknowledged or given up."""
        return bool(self._tasks)

    def ticket(self) -> str:
        """What makes the URL of apps.connections.open good for one connection."""
        ticket = uuid.uuid4().hex
        self._tickets.add(ticket)
        return ticket

    def refuse(self, seconds: float) -> None:
        self._refuse_until = time.monotonic() + seconds

    def repeat(self, share: float) -> None:
        self._repeat_share = share

    def background(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, from its hello to its end."""
        ticket = request.query.get("ticket", "")
        known = ticket in self._tickets
        # A URL is good for one attempt, a refused one included: that is what makes
        # a client that sticks to its old URL stay out for ever.
        self._tickets.discard(ticket)
        if time.monotonic() < self._refuse_until:
            return web.Response(status=503)
        if not known:
            return web.Response(status=403)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        self.opened += 1
        connection = Connection(self.opened, socket, request.transport)
        if len(self.connections) >= MAX_CONNECTIONS:
            await socket.send_json(_disconnect("too_many_websockets"))
            await socket.close()
            return socket
        self.connections.append(connection)
        try:
            await socket.send_json(_hello(len(self.connections)))
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(json.loads(message.data))
        finally:
            self.connections.remove(connection)
        return socket

    def _acknowledge(self, frame: JSON) -> None:
        waiting = self._acks.get(frame.get("envelope_id", ""))
        if waiting is not None and not waiting.done():
            waiting.set_result(frame.get("payload"))

    async def deliver(self, type_: str, payload: JSON) -> Any:
        """Send until somebody acks; the payload of the ack, None when nobody did.

        Only events are sent again: for a command or a click, Slack tells the person.
        """
        answer, failure = None, ""
        for attempt, delay in enumerate((0.0, *self.retry_delays)):
            await asyncio.sleep(delay)
            failure, answer = await self._send(type_, payload, attempt, failure)
            if failure in ("", "no_retry"):
                break
        if failure:
            self.lost.append(payload)
        elif self._repeat_is_due():
            await self._send(type_, payload, 1, "timeout")
        return answer

    async def deliver_once(self, type_: str, payload: JSON) -> tuple[bool, Any]:
        """Send what a person did; whether it was acked, and what was answered."""
        failure, answer = await self._send(type_, payload, 0, "")
        if failure:
            self.lost.append(payload)
        return not failure, answer

    def _repeat_is_due(self) -> bool:
        """Spreads the share evenly: 0.25 repeats each fourth event."""
        self._repeat_due += self._repeat_share
        if self._repeat_due < 1:
            return False
        self._repeat_due -= 1
        return True

    async def _send(
        self, type_: str, payload: JSON, attempt: int, reason: str
    ) -> tuple[str, Any]:
        """Why it failed ("" if it did not), and what was answered."""
        if self.http is not None:
            record = Delivered(type_, payload, attempt, 0)
            self.delivered.append(record)
            failure, record.answer = await self.http.send(
                type_, payload, attempt, reason
            )
            record.acked = not failure
            return failure, record.answer
        connection = self._next_connection()
        if connection is None:
            return "connection_failed", None
        record = Delivered(type_, payload, attempt, connection.number)
        self.delivered.append(record)
        envelope = {
            "type": type_,
            "envelope_id": str(uuid.uuid4()),
            "payload": payload,
            "accepts_response_payload": type_ != "events_api",
        }
        if type_ == "events_api":
            reason = "timeout" if attempt else ""
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        try:
            record.answer = await self._exchange(connection, envelope)
        except (TimeoutError, ConnectionError):
            return "timeout", None
        record.acked = True
        return "", record.answer

    async def _exchange(self, connection: Connection, envelope: JSON) -> Any:
        id_ = envelope["envelope_id"]
        self._acks[id_] = asyncio.get_running_loop().create_future()
        try:
            await connection.socket.send_json(envelope)
            return await asyncio.wait_for(self._acks[id_], self.ack_timeout)
        finally:
            del self._acks[id_]

    def _next_connection(self) -> Connection | None:
        """Each connection in turn, as Slack spreads its events."""
        ready = [known for known in self.connections if not known.draining]
        if not ready:
            return None
        self.connections.remove(ready[0])
        self.connections.append(ready[0])
        return ready[0]

    async def refresh(self) -> None:
        """Ask every client to come back on a new connection, as Slack does daily."""
        for connection in list(self.connections):
            connection.draining = True
            await connection.socket.send_json(_disconnect("refresh_requested"))

    def drop(self) -> None:
        """Cut every connection without a word."""
        for connection in self.connections:
            connection.transport.abort()

    async def close(self) -> None:
        self.drop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.http is not None:
            await self.http.aclose()


def _hello(connections: int) -> JSON:
    return {
        "type": "hello",
        "num_connections": connections,
        "connection_info": {"app_id": "A00000001"},
        "debug_info": {"host": "local", "approximate_connection_time": 18060},
    }


def _disconnect(reason: str) -> JSON:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "local"}}
