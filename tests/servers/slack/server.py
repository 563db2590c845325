"""The HTTP side of the local Slack: Web API, socket, response URLs, control, faults."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TypeVar

from aiohttp import web

from .arguments import Arguments, read_arguments
from .faults import Fault, Faults
from .people import People
from .web_api import SCOPES
from .workspace import JSON, Message, SlackError, rich_text

T = TypeVar("T")

BOT_TOKEN = "xoxb-local-bot"
APP_TOKEN = "xapp-local-app"
ALL_SCOPES = (
    *sorted({scope for needed in SCOPES.values() for scope in needed.split(",")}),
    *("app_mentions:read", "commands", "reactions:read"),
)
CONTROLS = frozenset(
    {
        *("add_user", "add_channel", "open_im", "invite_bot", "remove_bot", "archive"),
        *(
            "say",
            "join",
            "edit",
            "unfurl",
            "delete",
            "react",
            "unreact",
            "slash",
            "click",
        ),
        *("messages", "bot_messages", "calls_per_minute"),
        *("fail", "clear_faults", "redelivery"),
        *("drop_socket", "refresh_socket", "refuse_sockets"),
    }
)


@dataclass(frozen=True)
class Call:
    """One Web API call as it came in. `outcome` is ok, a Slack error, or a fault."""

    method: str
    arguments: JSON
    time: float
    outcome: str


class SlackServer(People):
    """A whole workspace on 127.0.0.1; see the package's docstring for how to use it.

    `retry_delays` are Slack's "at once, a minute, five minutes", short for tests.
    """

    def __init__(
        self,
        port: int = 0,
        ack_timeout: float = 3.0,
        retry_delays: tuple[float, ...] = (0.05, 0.2, 0.5),
    ) -> None:
        super().__init__(ack_timeout, retry_delays)
        self.port = port
        self.scopes = set(ALL_SCOPES)
        self.calls: list[Call] = []
        self.one_post_per_second = False
        self.new_response_url = lambda id_: f"{self.url}/response/{id_}"
        self._faults = Faults()
        self._last_post: dict[str, float] = {}
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    @property
    def bot_id(self) -> str:
        """The user id of the app's bot."""
        return self.workspace.bot.id

    async def start(self) -> None:
        """Serve; a second start after `stop` keeps the port and the workspace."""
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._call)
        app.router.add_get("/ws", self.sockets.serve)
        app.router.add_post("/response/{id}", self._respond)
        app.router.add_post("/control/{name}", self._control)
        app.router.add_get("/control/{name}", self._look)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self.sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def wait_for(
        self,
        predicate: Callable[[], T],
        timeout: float = 5.0,
    ) -> T:
        """The first truthy value of `predicate`; TimeoutError when none comes."""
        end = time.monotonic() + timeout
        while not (value := predicate()):
            if time.monotonic() > end:
                raise TimeoutError(f"nothing in {timeout} s; last value: {value!r}")
            await asyncio.sleep(0.01)
        return value

    async def settled(self, timeout: float = 5.0) -> None:
        """Wait until every event was acknowledged or given up."""
        await self.wait_for(lambda: not self.sockets.busy, timeout)

    def fail(
        self,
        method: str,
        times: int = 1,
        kind: str = "http500",
        retry_after: int = 1,
        seconds: float = 5.0,
    ) -> None:
        """Let the next calls of a Web API method (`*`: of any) go wrong."""
        self._faults.add(method, times, Fault(kind, retry_after, seconds))

    def clear_faults(self) -> None:
        self._faults.clear()

    def redelivery(self, share: float) -> None:
        """Send this share of the events twice, though they were acked."""
        self.sockets.repeat(share)

    def drop_socket(self) -> None:
        """Cut the open Socket Mode connections without a word."""
        self.sockets.drop()

    def refresh_socket(self) -> None:
        """Ask the clients to reconnect (`refresh_requested`)."""
        self.sockets.background(self.sockets.refresh())

    def refuse_sockets(self, seconds: float) -> None:
        """Refuse new connections for a while; each refused URL is used up."""
        self.sockets.refuse(seconds)

    def calls_per_minute(self, method: str) -> int:
        """The most calls of a method that fell into any sixty seconds."""
        window: deque[float] = deque()
        most = 0
        for call in self.calls:
            if call.method == method:
                window.append(call.time)
                while window[0] <= call.time - 60:
                    window.popleft()
                most = max(most, len(window))
        return most

    async def _call(self, request: web.Request) -> web.StreamResponse:
        """One Web API call, with the fault that may be scripted for it."""
        method = request.match_info["method"]
        arguments = await read_arguments(request)
        fault = self._faults.take(method) or self._too_fast(method, arguments)
        called = time.time()
        answer: JSON = {}
        if fault is None or fault.takes_effect:
            answer = self._answer(method, request, arguments)
        outcome = fault.kind if fault else answer.get("error", "ok")
        # A token in a recorded argument would end up in the output of failed tests.
        shown = {k: v for k, v in arguments.values.items() if k != "token"}
        self.calls.append(Call(method, shown, called, outcome))
        if fault is not None and fault.kind != "slow":
            return _spoil(request, fault)
        if fault is not None:
            await asyncio.sleep(fault.seconds)
        headers = {"x-oauth-scopes": ",".join(sorted(self.scopes))}
        return web.json_response(answer, headers=headers)

    def _too_fast(self, method: str, arguments: Arguments) -> Fault | None:
        if not self.one_post_per_second or method != "chat.postMessage":
            return None
        channel, now = arguments.text("channel"), time.monotonic()
        if now - self._last_post.get(channel, -1.0) < 1:
            return Fault("ratelimited")
        self._last_post[channel] = now
        return None

    def _answer(self, method: str, request: web.Request, arguments: Arguments) -> JSON:
        try:
            self._authorise(method, request, arguments)
            if method == "apps.connections.open":
                ticket = self.sockets.ticket()
                url = f"ws://127.0.0.1:{self.port}/ws?ticket={ticket}"
                return {"ok": True, "url": url}
            return {"ok": True} | self.web_api.find(method)(arguments)
        except SlackError as error:
            return {"ok": False, "error": error.code} | error.extra

    def _authorise(
        self, method: str, request: web.Request, arguments: Arguments
    ) -> None:
        header = request.headers.get("Authorization", "")
        token = header.removeprefix("Bearer ") or arguments.text("token")
        if not token:
            raise SlackError("not_authed")
        if token not in (BOT_TOKEN, APP_TOKEN):
            raise SlackError("invalid_auth")
        wanted = APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN
        if token != wanted:
            raise SlackError("not_allowed_token_type")
        needed = SCOPES.get(method, "")
        if needed and not self.scopes.intersection(needed.split(",")):
            provided = ",".join(sorted(self.scopes))
            raise SlackError("missing_scope", needed=needed, provided=provided)

    async def _respond(self, request: web.Request) -> web.Response:
        """A response_url: five answers, then it is used up."""
        seen = self.response_urls.get(request.match_info["id"], {"left": 0})
        if not seen["left"]:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        seen["left"] -= 1
        body = json.loads(await request.text())
        if body.get("response_type") == "in_channel":
            self._post_response(seen, body)
        else:
            kept = {key: seen[key] for key in ("channel", "user", "thread_ts")}
            self.ephemerals.append(kept | {"text": body.get("text", "")})
        return web.Response(text="ok")

    def _post_response(self, seen: JSON, body: JSON) -> None:
        bot, text = self.workspace.bot, body.get("text", "")
        message = Message(
            ts=self.workspace.new_ts(),
            channel=seen["channel"],
            user=bot.id,
            bot_id=bot.bot_id,
            app_id=self.workspace.app_id,
            text=text,
            thread_ts=seen["thread_ts"],
            blocks=body.get("blocks") or rich_text(text),
        )
        self.emit(self.payloads.message_event(self.workspace.post(message)))

    async def _control(self, request: web.Request) -> web.Response:
        """POST /control/say {"user": "ada", ...}: the Python method of that name."""
        name = request.match_info["name"]
        if name not in CONTROLS:
            known = ", ".join(sorted(CONTROLS))
            return web.json_response({"error": f"one of {known}"}, status=404)
        body = await request.text()
        arguments = json.loads(body) if body else {}
        positional = arguments.pop("args", [])
        try:
            result = getattr(self, name)(*positional, **arguments)
        except (SlackError, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"result": result})

    async def _look(self, request: web.Request) -> web.Response:
        """GET /control/calls and the like: what has happened so far."""
        views: dict[str, Callable[[], object]] = {
            "calls": lambda: [asdict(call) for call in self.calls],
            "delivered": lambda: [asdict(sent) for sent in self.sockets.delivered],
            "lost": lambda: self.sockets.lost,
            "ephemerals": lambda: self.ephemerals,
            "statuses": lambda: self.web_api.statuses,
            "connections": lambda: len(self.sockets.connections),
            "faults": self._faults.waiting,
        }
        view = views.get(request.match_info["name"])
        if view is None:
            known = ", ".join(views)
            return web.json_response({"error": f"one of {known}"}, status=404)
        return web.json_response({"result": view()})


def _spoil(request: web.Request, fault: Fault) -> web.StreamResponse:
    """The reply (or the lack of one) that a fault makes."""
    if fault.kind.startswith("drop"):
        assert request.transport is not None
        request.transport.close()
        return web.Response()
    if fault.kind == "ratelimited":
        limited: JSON = {"ok": False, "error": "ratelimited"}
        headers = {"Retry-After": str(fault.retry_after)}
        return web.json_response(limited, status=429, headers=headers)
    if fault.kind.startswith("http500"):
        return web.Response(status=500, text="Server Error")
    if fault.kind == "html":
        page = "<html><body>Bad gateway</body></html>"
        return web.Response(text=page, content_type="text/html")
    return web.json_response({"ok": False, "error": fault.error})
