"""The HTTP side of the local Slack: Web API, socket, files, OAuth, response URLs."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web

from .arguments import Arguments, read_arguments
from .control import Control
from .faults import Fault, Faults
from .http_delivery import HttpDelivery
from .interacting import Interacting
from .limits import Limits
from .oauth import OAuth
from .responses import Responses
from .sockets import Sockets
from .web_api import SCOPES
from .workspace import JSON, SlackError

T = TypeVar("T")

BOT_TOKEN = "xoxb-local-bot"
APP_TOKEN = "xapp-local-app"
SIGNING_SECRET = "local-signing-secret"
ALL_SCOPES = (
    *sorted({scope for needed in SCOPES.values() for scope in needed.split(",")}),
    *("app_mentions:read", "commands"),
)


@dataclass(frozen=True)
class Call:
    """One Web API call as it came in. `outcome` is ok, a Slack error, or a fault."""

    method: str
    arguments: JSON
    time: float
    outcome: str
    team: str = ""


class SlackServer(Interacting):
    """A Slack on 127.0.0.1; see the package's docstring for how to use it.

    It is its own first workspace; `add_team` makes others, which install the app.
    `retry_delays` are Slack's "at once, a minute, five minutes", short for tests.
    """

    def __init__(
        self,
        port: int = 0,
        ack_timeout: float = 3.0,
        retry_delays: tuple[float, ...] = (0.05, 0.2, 0.5),
    ) -> None:
        super().__init__(Sockets(ack_timeout, retry_delays))
        self.port = port
        self.scopes = set(ALL_SCOPES)
        self.calls: list[Call] = []
        self.limits = Limits()
        self.teams: dict[str, Interacting] = {}
        self.tokens: dict[str, Interacting] = {}
        self.oauth = OAuth(self._team, self._issue_token)
        self.faults = Faults()
        self._issued = 0
        self._runner: web.AppRunner | None = None
        self._adopt(self)
        self.tokens[BOT_TOKEN] = self

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

    def add_team(self, enterprise: str = "") -> Interacting:
        """Another workspace, in which the app is not installed yet."""
        team = Interacting(self.sockets, len(self.teams) + 1)
        team.workspace.enterprise_id = enterprise or None
        self._adopt(team)
        return team

    def uninstall(self, team_id: str) -> None:
        """A person removes the app from a workspace: its tokens are worth nothing."""
        team = self._team(team_id)
        for token in [token for token, of in self.tokens.items() if of is team]:
            del self.tokens[token]
        bot = team.workspace.bot.id
        team.emit({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [bot]}})
        team.emit({"type": "app_uninstalled"})

    def deliver_over_http(
        self,
        events_url: str,
        interactions_url: str = "",
        commands_url: str = "",
        signing_secret: str = SIGNING_SECRET,
    ) -> None:
        """From now on events are posted to the app; "" as events_url ends it."""
        if self.sockets.http is not None:
            self.sockets.background(self.sockets.http.aclose())
        self.sockets.http = None
        if events_url:
            self.sockets.http = HttpDelivery(
                events_url,
                interactions_url or events_url,
                commands_url or interactions_url or events_url,
                signing_secret,
                self.sockets.ack_timeout,
            )

    async def start(self) -> None:
        """Serve; a second start after `stop` keeps the port and the workspace."""
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/api/{method}", self._call)
        app.router.add_get("/ws", self.sockets.serve)
        app.router.add_post("/response/{id}", Responses(self.teams).take)
        app.router.add_get("/files-pri/{file}/{tail:.*}", self._download)
        app.router.add_get("/oauth/v2/authorize", self.oauth.authorize)
        Control(self).add_routes(app)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        for team in self.teams.values():
            team.web_api.files.url = self.url

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
        self.faults.add(method, times, Fault(kind, retry_after, seconds))

    def clear_faults(self) -> None:
        self.faults.clear()

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

    def _adopt(self, team: Interacting) -> None:
        self.teams[team.workspace.team_id] = team
        team.new_response_url = lambda id_: f"{self.url}/response/{id_}"
        team.web_api.files.url = self.url

    def _team(self, team_id: str) -> Interacting:
        if team_id not in self.teams:
            raise SlackError("team_not_found")
        return self.teams[team_id]

    def _issue_token(self, team: Interacting) -> str:
        self._issued += 1
        token = f"xoxb-{team.workspace.team_id}-{self._issued}"
        self.tokens[token] = team
        return token

    async def _call(self, request: web.Request) -> web.StreamResponse:
        """One Web API call, with the fault that may be scripted for it."""
        method = request.match_info["method"]
        arguments = await read_arguments(request)
        team = self.tokens.get(_token(request, arguments))
        team_id = team.workspace.team_id if team else ""
        fault = self.faults.take(method, arguments)
        fault = fault or self.limits.check(team_id, method, arguments)
        called = time.time()
        answer: JSON = {}
        if fault is None or fault.takes_effect:
            answer = self._answer(method, request, arguments)
        outcome = fault.kind if fault else answer.get("error", "ok")
        # A token in a recorded argument would end up in the output of failed tests.
        shown = {k: v for k, v in arguments.values.items() if k != "token"}
        self.calls.append(Call(method, shown, called, outcome, team_id))
        if fault is not None and fault.kind != "slow":
            return fault.spoil(request)
        if fault is not None:
            await asyncio.sleep(fault.seconds)
        headers = {"x-oauth-scopes": ",".join(sorted(self.scopes))}
        return web.json_response(answer, headers=headers)

    def _answer(self, method: str, request: web.Request, arguments: Arguments) -> JSON:
        try:
            if method == "oauth.v2.access":
                header = request.headers.get("Authorization", "")
                return {"ok": True} | self.oauth.access(header, arguments)
            team = self._authorise(method, request, arguments)
            if method == "apps.connections.open":
                ticket = self.sockets.ticket()
                url = f"ws://127.0.0.1:{self.port}/ws?ticket={ticket}"
                return {"ok": True, "url": url}
            if method == "auth.revoke":
                del self.tokens[_token(request, arguments)]
                return {"ok": True, "revoked": True}
            return {"ok": True} | team.web_api.find(method)(arguments)
        except SlackError as error:
            return {"ok": False, "error": error.code} | error.extra

    def _authorise(
        self, method: str, request: web.Request, arguments: Arguments
    ) -> Interacting:
        token = _token(request, arguments)
        if not token:
            raise SlackError("not_authed")
        if token not in (APP_TOKEN, *self.tokens):
            raise SlackError("invalid_auth")
        wants_app = method == "apps.connections.open"
        if wants_app != (token == APP_TOKEN):
            raise SlackError("not_allowed_token_type")
        needed = SCOPES.get(method, "")
        if needed and not self.scopes.intersection(needed.split(",")):
            provided = ",".join(sorted(self.scopes))
            raise SlackError("missing_scope", needed=needed, provided=provided)
        return self.tokens.get(token, self)

    async def _download(self, request: web.Request) -> web.Response:
        """A file's bytes; a wrong token gets the page for signing in."""
        team_id, _, file_id = request.match_info["file"].partition("-")
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        team = self.teams.get(team_id, self)
        allowed = self.tokens.get(token) is team and "files:read" in self.scopes
        return team.web_api.files.serve(file_id, allowed)


def _token(request: web.Request, arguments: Arguments) -> str:
    header = request.headers.get("Authorization", "")
    return header.removeprefix("Bearer ") or arguments.text("token")
