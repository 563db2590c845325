"""Steering the local Slack from outside: POST /control/say, GET /control/calls.

`?team=T00000002` acts in another workspace than the first.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from aiohttp import web

from .interacting import Interacting
from .workspace import JSON, SlackError

if TYPE_CHECKING:
    from .server import SlackServer

IN_A_TEAM = frozenset(
    {
        *("add_user", "add_group", "add_channel", "open_im", "upload"),
        *("invite_bot", "remove_bot", "archive", "say", "join", "edit", "unfurl"),
        *("delete", "react", "unreact", "messages", "bot_messages", "emit"),
        *("slash", "click", "click_in_view", "submit", "close_view", "shortcut"),
        *("open_home", "look_at", "stop_agent", "rename_session", "modal", "home"),
    }
)
ON_THE_SERVER = frozenset(
    {
        *("fail", "clear_faults", "redelivery", "calls_per_minute", "uninstall"),
        *("drop_socket", "refresh_socket", "refuse_sockets", "deliver_over_http"),
    }
)


class Control:
    """Each of these names is a Python method of the server or of one workspace."""

    def __init__(self, server: "SlackServer") -> None:
        self._server = server

    def add_routes(self, app: web.Application) -> None:
        app.router.add_post("/control/{name}", self._act)
        app.router.add_get("/control/{name}", self._look)

    async def _act(self, request: web.Request) -> web.Response:
        """POST /control/say {"user": "ada", ...}: the Python method of that name."""
        name = request.match_info["name"]
        if name not in IN_A_TEAM | ON_THE_SERVER:
            known = ", ".join(sorted(IN_A_TEAM | ON_THE_SERVER))
            return web.json_response({"error": f"one of {known}"}, status=404)
        body = await request.text()
        try:
            arguments = json.loads(body) if body else {}
            positional = arguments.pop("args", [])
            on = self._team(request) if name in IN_A_TEAM else self._server
            result = getattr(on, name)(*positional, **arguments)
        except SlackError as error:
            return web.json_response({"error": error.code}, status=400)
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"result": result})

    async def _look(self, request: web.Request) -> web.Response:
        """GET /control/calls and the like: what has happened so far."""
        team, server = self._team(request), self._server
        api = team.web_api
        views: dict[str, Callable[[], object]] = {
            "calls": lambda: [asdict(call) for call in server.calls],
            "delivered": lambda: [asdict(sent) for sent in server.sockets.delivered],
            "lost": lambda: server.sockets.lost,
            "connections": lambda: len(server.sockets.connections),
            "faults": server.faults.waiting,
            "ephemerals": lambda: team.ephemerals,
            "statuses": lambda: api.statuses,
            "sessions": lambda: list(api.agents.sessions.values()),
            "prompts": lambda: _named(api.agents.prompts),
            "modals": lambda: list(api.modals.modals.values()),
            "view_errors": lambda: team.view_errors,
            "growing": lambda: [ts for c, ts in _growing(team)],
        }
        view = views.get(request.match_info["name"])
        if view is None:
            known = ", ".join(views)
            return web.json_response({"error": f"one of {known}"}, status=404)
        return web.json_response({"result": view()})

    def _team(self, request: web.Request) -> Interacting:
        name = request.query.get("team")
        return self._server.teams[name] if name else self._server


def _named(prompts: dict[tuple[str, str], JSON]) -> list[JSON]:
    return [
        {"channel": channel, "thread_ts": thread} | shown
        for (channel, thread), shown in prompts.items()
    ]


def _growing(team: Interacting) -> list[tuple[str, str]]:
    streaming = team.web_api.streaming
    return [key for key in streaming.streams if streaming.growing(*key)]
