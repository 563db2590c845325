"""The REST front of a local Discord: every call is noted, limited and may be spoilt."""

import asyncio
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.typedefs import Middleware

from .errors import ApiError
from .model import Clock, Payload

BASE = "/api/v10"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Call:
    """One REST call, as it came in."""

    method: str
    path: str
    time: float
    query: dict[str, str]
    body: Any = None
    files: list[Payload] = field(default_factory=list)
    authorized: bool = False
    status: int = 0
    """The status that was answered; 0 where the connection was dropped."""


CALL = web.RequestKey("call", Call)


@dataclass
class Fault:
    """What goes wrong with the next calls that match."""

    method: str
    path: re.Pattern[str]
    kind: str
    times: int
    seconds: float

    def hits(self, call: Call) -> bool:
        return (
            self.times > 0
            and self.method in (call.method, "*")
            and self.path.search(call.path) is not None
        )


@dataclass
class Limit:
    """A real rate limit: so many calls in so many seconds for each path.

    One for `all_paths` counts every call that an application makes.
    """

    method: str
    path: re.Pattern[str]
    calls: int
    seconds: float
    all_paths: bool = False
    seen: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def recent(self, call: Call, now: float) -> list[float] | None:
        """The times of the calls that count now; None when this one never counts."""
        match = self.path.search(call.path)
        if self.method not in (call.method, "*") or match is None:
            return None
        if self.all_paths and is_token_route(call.path):
            return None
        # What the pattern groups is what is counted apart, else the whole path.
        key = match.group(1) if match.re.groups else match.group()
        recent = self.seen["" if self.all_paths else key]
        # A window is over for all its calls at once.
        if recent and recent[0] <= now - self.seconds:
            recent.clear()
        return recent


class Front:
    """A middleware that stands before all routes under /api/v10."""

    def __init__(self, token: str, clock: Clock, changed: Callable[[], None]) -> None:
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.limits: list[Limit] = []
        self.latency = 0.0
        self.loses_writes = False
        """Whether the answer to each write is lost the first time; the write counts."""
        self._lost: set[str] = set()
        self._token = token
        self._clock = clock
        self._changed = changed

    def middleware(self) -> Middleware:
        @web.middleware
        async def note_and_answer(
            request: web.Request, handler: Handler
        ) -> web.StreamResponse:
            return await self._handle(request, handler)

        return note_and_answer

    async def _handle(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        if not request.path.startswith(BASE):
            return await handler(request)
        call = await self._note(request)
        request[CALL] = call
        await asyncio.sleep(self.latency)
        fault = next((f for f in self.faults if f.hits(call)), None)
        if fault is not None:
            fault.times -= 1
        response = await self._respond(request, handler, call, fault)
        if response is None:
            # The client sees its connection close without an answer.
            if request.transport is not None:
                request.transport.close()
            response = web.Response()
        else:
            call.status = response.status
        self._changed()
        return response

    async def _note(self, request: web.Request) -> Call:
        path = request.path.removeprefix(BASE)
        call = Call(request.method, path, self._clock.now(), dict(request.query))
        call.authorized = request.headers.get("Authorization") == f"Bot {self._token}"
        self.calls.append(call)
        if request.content_type.startswith("multipart/"):
            await read_multipart(request, call)
        elif raw := await request.read():
            call.body = json.loads(raw)
        return call

    async def _respond(
        self, request: web.Request, handler: Handler, call: Call, fault: Fault | None
    ) -> web.Response | None:
        if fault is None:
            response = await self._within_limits(request, handler, call)
            return None if self._loses(call) else response
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return await self._ordinary(request, handler, call)
        if fault.kind.endswith("_after"):
            # The write takes effect; only its answer is lost.
            await self._ordinary(request, handler, call)
        return spoilt(fault)

    def _loses(self, call: Call) -> bool:
        if not self.loses_writes or call.method == "GET" or "typing" in call.path:
            return False
        body = call.body if isinstance(call.body, dict) else {}
        # A write that is tried again is known by its nonce, or by its whole body.
        known = body.get("nonce") or json.dumps(call.body, sort_keys=True)
        first = f"{call.method} {call.path} {known}"
        if first in self._lost:
            return False
        self._lost.add(first)
        return True

    async def _within_limits(
        self, request: web.Request, handler: Handler, call: Call
    ) -> web.Response:
        now = self._clock.now()
        counted = [(limit, limit.recent(call, now)) for limit in self.limits]
        hit = [(limit, recent) for limit, recent in counted if recent is not None]
        for limit, recent in hit:
            if len(recent) >= limit.calls:
                return too_many(recent[0] + limit.seconds - now, limit.all_paths)
        for _, recent in hit:
            recent.append(now)
        response = await self._ordinary(request, handler, call)
        for limit, recent in hit:
            if not limit.all_paths:
                announce(limit, recent, now, response)
        return response

    async def _ordinary(
        self, request: web.Request, handler: Handler, call: Call
    ) -> web.Response:
        try:
            if not (call.authorized or is_token_route(call.path)):
                raise ApiError(0)
            handled = await handler(request)
            assert isinstance(handled, web.Response)
            response = handled
        except ApiError as error:
            response = answer(error.body(), error.status)
        except web.HTTPException as error:
            status = f"{error.status}: {error.reason}"
            return answer({"message": status, "code": 0}, error.status)
        # Calls of one kind share a bucket, and clients learn its name by the way.
        kind = re.sub("[0-9]+", "id", f"{call.method} {call.path}")
        response.headers["X-RateLimit-Bucket"] = f"{zlib.crc32(kind.encode()):08x}"
        return response


async def read_multipart(request: web.Request, call: Call) -> None:
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        content = bytes(await part.read())
        if part.name == "payload_json":
            call.body = json.loads(content)
        else:
            call.files.append({"filename": part.filename, "content": content})


def is_token_route(path: str) -> bool:
    """Interactions and their webhooks are opened by the token in their path."""
    return path.startswith(("/interactions/", "/webhooks/"))


def answer(body: Any, status: int = 200) -> web.Response:
    """An answer with the exact headers that the client library looks at."""
    headers = {
        "Content-Type": "application/json",
        "Via": "1.1 google",
        "X-RateLimit-Limit": "50",
        "X-RateLimit-Remaining": "49",
        "X-RateLimit-Reset-After": "0.05",
        "X-RateLimit-Reset": "0",
    }
    if status == 204:
        del headers["Content-Type"]
        return web.Response(status=204, headers=headers)
    return web.Response(body=json.dumps(body).encode(), status=status, headers=headers)


def announce(
    limit: Limit, recent: list[float], now: float, response: web.Response
) -> None:
    """Tell the client how many calls are left, and when there are more again."""
    pause = recent[0] + limit.seconds - now
    response.headers["X-RateLimit-Limit"] = str(limit.calls)
    response.headers["X-RateLimit-Remaining"] = str(limit.calls - len(recent))
    response.headers["X-RateLimit-Reset-After"] = f"{pause:.3f}"


def too_many(seconds: float, all_paths: bool = False) -> web.Response:
    body = {
        "message": "You are being rate limited.",
        "retry_after": seconds,
        "global": all_paths,
    }
    response = answer(body, 429)
    response.headers["Retry-After"] = f"{seconds:.3f}"
    response.headers["X-RateLimit-Scope"] = "global" if all_paths else "user"
    if all_paths:
        response.headers["X-RateLimit-Global"] = "true"
    return response


def spoilt(fault: Fault) -> web.Response | None:
    kind = fault.kind.removesuffix("_after").removesuffix("_before")
    if kind == "drop":
        return None
    if kind in ("ratelimited", "ratelimited_bare"):
        response = too_many(fault.seconds)
        if kind == "ratelimited_bare":
            # Without this header the library takes it for a ban by Cloudflare.
            del response.headers["Via"]
        return response
    if kind.startswith("http"):
        status = int(kind.removeprefix("http"))
        return web.Response(status=status, text="<html>upstream error</html>")
    if kind.startswith("error:"):
        error = ApiError(int(kind.removeprefix("error:")))
        return answer(error.body(), error.status)
    raise ValueError(f"no fault is called {fault.kind!r}")
