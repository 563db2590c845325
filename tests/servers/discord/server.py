"""A local Discord on one loopback port."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from aiohttp import web

from .answers import AnswerRoutes
from .control import Control
from .faults import BASE, Call, Fault, Front, Limit
from .gateway import Gateway
from .interactions import Interactions
from .model import Clock, Intent, Payload
from .people import People
from .rest import RestRoutes
from .state import DiscordState
from .threads import ThreadRoutes

T = TypeVar("T")

TOKEN = "local-bot-token"


class DiscordServer(People):
    """Gateway, REST API and the people in it, all on one loopback port."""

    def __init__(self, *, token: str = TOKEN, message_content: bool = True) -> None:
        self.token = token
        self.clock = Clock()
        self._changed = asyncio.Event()
        self.gateway = Gateway(token, lambda: self.gateway_url)
        self.state = DiscordState(self.clock, self._emit)
        self.gateway.records = self.state
        self.gateway.granted = Intent.NONE
        if message_content:
            self.gateway.granted = Intent.MESSAGE_CONTENT
        self.front = Front(token, self.clock, self._changed.set)
        rest = RestRoutes(self.state, self.gateway, lambda: self.api_url)
        super().__init__(rest, Interactions(rest))
        self._threads, self._answers = ThreadRoutes(rest), AnswerRoutes(rest)
        self._runner: web.AppRunner | None = None
        self._root = ""

    def _emit(self, event: str, data: Payload, intent: Intent) -> None:
        self.gateway.dispatch(event, data, intent)
        self._changed.set()

    async def start(self, port: int = 0) -> None:
        # Bodies of a request may be as big as Discord takes them.
        app = web.Application(
            middlewares=[self.front.middleware()], client_max_size=25 * 2**20
        )
        app.router.add_get("/gw", self.gateway.handle)
        app.router.add_get("/gw/", self.gateway.handle)
        self.rest.add_to(app)
        self._threads.add_to(app)
        self._answers.add_to(app)
        self.interactions.commands.add_to(app)
        Control(self).add_to(app)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        host, port = self._runner.addresses[0][:2]
        self._root = f"{host}:{port}"

    async def stop(self) -> None:
        await self.gateway.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> "DiscordServer":
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    @property
    def api_url(self) -> str:
        return f"http://{self._root}{BASE}"

    @property
    def gateway_url(self) -> str:
        return f"ws://{self._root}/gw"

    @property
    def control_url(self) -> str:
        return f"http://{self._root}/control"

    @property
    def calls(self) -> list[Call]:
        return self.front.calls

    async def wait_for(
        self, predicate: Callable[[], T | None], timeout: float = 5.0
    ) -> T:
        """Wait until the predicate is true and give its value back."""
        async with asyncio.timeout(timeout):
            while not (value := predicate()):
                self._changed.clear()
                # What a client does on its own side is seen by looking again.
                try:
                    await asyncio.wait_for(self._changed.wait(), 0.02)
                except TimeoutError:
                    continue
            return value

    def sent(self, method: str, path: str) -> list[Call]:
        """The calls so far whose method and path (a pattern) match."""
        pattern = re.compile(path)
        return [
            call
            for call in self.calls
            if call.method == method and pattern.search(call.path)
        ]

    def fail(
        self,
        method: str,
        path: str,
        *,
        kind: str,
        times: int = 1,
        seconds: float = 0.05,
    ) -> None:
        """Spoil the next calls; see `servers.discord.faults.spoilt` for the kinds."""
        fault = Fault(method, re.compile(path), kind, times, seconds)
        self.front.faults.append(fault)

    def limit(self, method: str, path: str, calls: int, seconds: float) -> None:
        limit = Limit(method, re.compile(path), calls, seconds)
        self.front.limits.append(limit)

    def real_limits(self, *, threads: int = 5) -> None:
        """Limits as they are known of the real service; it publishes only the first.

        `threads` is how many may be begun in a channel in five seconds.
        """
        everything = Limit("*", re.compile(""), 50, 1.0, all_paths=True)
        self.front.limits.append(everything)
        place = "/channels/([0-9]+)"
        self.limit("POST", place + "/messages$", 5, 5.0)
        self.limit("PATCH", place + "/messages/", 5, 5.0)
        self.limit("DELETE", place + "/messages/", 5, 1.0)
        self.limit("POST", place + "/messages/[0-9]+/threads$", threads, 5.0)
        self.limit("POST", place + "/typing$", 5, 5.0)

    def drop_gateway(self, *, resumable: bool = True) -> None:
        self.gateway.drop(resumable=resumable)

    def cut_gateway(
        self, at: str, *, times: int = 1, before: bool = False, resumable: bool = True
    ) -> None:
        """Lose the connection at a frame (`READY`, `MESSAGE_CREATE`), or before it."""
        self.gateway.cut(at, times=times, before=before, resumable=resumable)

    def tell(self, event: str, data: Payload) -> None:
        """Send the bot any event, also one about a message that it never saw."""
        self._emit(event, data, Intent.NONE)

    def redelivery(self, share: float) -> None:
        self.gateway.redelivery = share

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)


@contextmanager
def patched(server: DiscordServer) -> Iterator[None]:
    """Point the installed discord.py at the local server."""
    import yarl

    from discord import gateway, http

    base, url = http.Route.BASE, gateway.DiscordWebSocket.DEFAULT_GATEWAY
    http.Route.BASE = server.api_url
    gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.gateway_url)
    try:
        yield
    finally:
        http.Route.BASE = base
        gateway.DiscordWebSocket.DEFAULT_GATEWAY = url
