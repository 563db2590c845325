"""Slack over HTTP: an ASGI app that checks signatures and acknowledges in time.

`curbside run` serves it with uvicorn; any other ASGI server can serve it as well.
"""

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol, runtime_checkable
from urllib.parse import parse_qsl

from slack_sdk.signature import Clock, SignatureVerifier

from adapters.slack.receiving import Receiver

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
JSON = Mapping[str, Any]

ACK_SECONDS = 2.8
"""Slack waits three seconds, the way there and back included."""

BODY_LIMIT = 1_000_000
SIGNED_SECONDS = 300.0
"""An older request is refused, so a signature must be known for no longer."""

FORM = "application/x-www-form-urlencoded"


class Response:
    """What goes back: a status, a body, and headers."""

    def __init__(
        self, status: int, body: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.body = body.encode()
        self.headers = {"content-type": "text/plain; charset=utf-8", **(headers or {})}

    async def send(self, send: Send) -> None:
        """Send it over ASGI."""
        headers = [(k.encode(), v.encode()) for k, v in self.headers.items()]
        start = {"type": "http.response.start", "status": self.status}
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


@runtime_checkable
class Pages(Protocol):
    """Further pages, such as those of the installation."""

    async def page(
        self, path: str, query: str, headers: Mapping[str, str]
    ) -> Response | None:
        """The page at `path`, if there is one."""
        ...


class SlackHttp:
    """The ASGI app: /slack/events, /slack/interactions, /slack/commands, /health."""

    def __init__(
        self,
        receiver: Receiver,
        signing_secret: str,
        ready: Callable[[], Awaitable[str]],
        *,
        pages: Pages | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._receiver = receiver
        self._ready = ready
        self._pages = pages
        self._clock = clock
        self._verifier = SignatureVerifier(signing_secret, _Clock(clock))
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await (await self._answer(scope, receive)).send(send)

    async def aclose(self) -> None:
        """Let what was acknowledged be carried out."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=ACK_SECONDS)
        await self._receiver.aclose()

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        path, method = scope["path"], scope["method"]
        # Anybody may send anything: every byte is a character of Latin-1.
        headers = {
            k.decode("latin-1").lower(): v.decode("latin-1")
            for k, v in scope["headers"]
        }
        if method == "GET":
            query = scope["query_string"].decode("latin-1")
            return await self._look(path, query, headers)
        if path not in ("/slack/events", "/slack/interactions", "/slack/commands"):
            return Response(404, "no such path; Slack posts to /slack/events")
        if method != "POST":
            return Response(405, "only POST")
        body = await _body(receive)
        if body is None:
            return Response(413, "too large")
        return await self._take(body, headers)

    async def _look(
        self, path: str, query: str, headers: Mapping[str, str]
    ) -> Response:
        if path == "/health/live":
            return Response(200, "alive")
        if path == "/health/ready":
            problem = await self._ready()
            return Response(503 if problem else 200, problem or "ready")
        page = await self._pages.page(path, query, headers) if self._pages else None
        return page or Response(404, "no such page")

    async def _take(self, body: bytes, headers: Mapping[str, str]) -> Response:
        """A signed request, handed in; 503 makes Slack send it again."""
        if problem := self._unsigned(body, headers):
            log.warning("slack: a request is refused: %s", problem)
            return Response(401, problem)
        signature = headers["x-slack-signature"]
        if not self._first(signature):
            log.warning("slack: a request came a second time and is refused")
            return Response(409, "this very request was taken before")
        try:
            kind, payload = _read(body, headers.get("content-type", ""))
        except (UnicodeDecodeError, ValueError) as error:
            return Response(400, f"the body cannot be read: {error}")
        if payload.get("type") == "url_verification":
            challenge = str(payload.get("challenge", ""))
            return Response(200, challenge)
        if payload.get("ssl_check"):
            return Response(200)
        response = await self._handed_in(kind, payload)
        if response.status != 200:
            # The same second's repetition of it carries the same signature.
            self._seen.pop(signature, None)
        return response

    def _unsigned(self, body: bytes, headers: Mapping[str, str]) -> str:
        """What is wrong with the signature, "" if nothing."""
        stamp = headers.get("x-slack-request-timestamp", "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 20):
            return "not signed by Slack: X-Slack-Request-Timestamp is missing"
        off = self._clock() - int(stamp)
        if abs(off) > SIGNED_SECONDS:
            return (
                f"signed {off:.0f} seconds ago; if Slack sent it, set this machine's "
                "clock (NTP)"
            )
        try:
            text = body.decode()
        except UnicodeDecodeError:
            return "the body is no UTF-8"
        signature = headers.get("x-slack-signature", "")
        if not signature.isascii() or not self._verifier.is_valid_request(
            text, dict(headers)
        ):
            return (
                "the signature is wrong; set CURBSIDE_SLACK_SIGNING_SECRET to the "
                "Signing Secret under Basic Information"
            )
        return ""

    def _first(self, signature: str) -> bool:
        """Whether this very request is here for the first time."""
        now = self._clock()
        while self._seen and next(iter(self._seen.values())) < now - 2 * SIGNED_SECONDS:
            self._seen.popitem(last=False)
        if signature in self._seen:
            return False
        self._seen[signature] = now
        return True

    async def _handed_in(self, kind: str, payload: JSON) -> Response:
        """The ack, when it comes in time; work after it goes on by itself."""
        acked: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        async def ack(answer: JSON | None = None) -> None:
            if acked.done():
                return
            if answer:
                as_json = {"content-type": "application/json"}
                acked.set_result(Response(200, json.dumps(dict(answer)), as_json))
            else:
                acked.set_result(Response(200))

        work = asyncio.create_task(self._receiver.take(kind, payload, ack))
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)
        waited: set[asyncio.Future[Any]] = {work, acked}
        first = asyncio.FIRST_COMPLETED
        await asyncio.wait(waited, timeout=ACK_SECONDS, return_when=first)
        return acked.result() if acked.done() else Response(503, "not taken, again")


class _Clock(Clock):
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def now(self) -> float:
        return self._now()


async def _live(receive: Receive, send: Send) -> None:
    """A server that asks is told that there is nothing to prepare."""
    while True:
        message = await receive()
        kind = message["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def _body(receive: Receive) -> bytes | None:
    """The whole body, None when it is too large."""
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > BODY_LIMIT:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _read(body: bytes, content_type: str) -> tuple[str, JSON]:
    """Which kind of delivery it is, and what it says."""
    kind = "events_api"
    if content_type.partition(";")[0].strip() == FORM:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        if "payload" not in fields:
            return "slash_commands", fields
        kind, payload = "interactive", json.loads(fields["payload"])
    else:
        payload = json.loads(body)
    if not isinstance(payload, dict):
        raise ValueError("not a JSON object")
    return kind, payload
