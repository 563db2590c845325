"""The control API of a local Discord over HTTP, for drivers in another process."""

import json
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from .server import DiscordServer

VERBS = {
    *("add_user", "add_guild", "remove_guild", "add_channel", "add_forum", "add_role"),
    *("delete_channel", "archive", "reopen", "deny", "allow", "grant", "give_role"),
    *("say", "speak", "forward", "dm", "dm_channel", "edit", "unfurl", "delete"),
    *("purge", "react", "thread", "open_post", "slash", "menu", "suggest", "click"),
    *("choose", "submit", "messages", "bot_messages", "message", "whispers", "threads"),
    *("tags", "interaction", "interaction_reply", "tell", "fail", "limit"),
    *("real_limits", "drop_gateway", "cut_gateway", "redelivery", "advance"),
}
MANY = {"deny": "permissions", "allow": "permissions", "purge": "messages"}
"""Verbs that take a list after their other arguments."""

# Ids come as strings where a driver's language has no 64-bit integers.
IDS = {
    *("user", "guild", "channel", "forum", "message", "thread", "role", "reply_to"),
    "id",
}


class Control:
    """POST /control/{verb} with the arguments as JSON; GET /control/calls."""

    def __init__(self, server: "DiscordServer") -> None:
        self._server = server

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/control/state", self._state)
        app.router.add_get("/control/calls", self._calls)
        app.router.add_post("/control/{verb}", self._run)

    async def _run(self, request: web.Request) -> web.Response:
        verb = request.match_info["verb"]
        if verb not in VERBS:
            return reply({"error": f"no verb {verb!r}; there are {sorted(VERBS)}"}, 404)
        given: dict[str, Any] = await request.json() if request.can_read_body else {}
        given = {
            name: int(value) if name in IDS else value for name, value in given.items()
        }
        options = given.pop("options", {})
        if "files" in given:
            given["files"] = [(name, text.encode()) for name, text in given["files"]]
        try:
            result = self._called(verb, given, options)
        except Exception as error:
            # The driver gets the reason; the server itself goes on.
            return reply({"error": f"{type(error).__name__}: {error}"}, 400)
        return reply({"result": plain(result)})

    def _called(self, verb: str, given: dict[str, Any], options: dict[str, Any]) -> Any:
        call = getattr(self._server, verb)
        if verb not in MANY:
            return call(**given, **options)
        listed = [int(value) for value in given.pop(MANY[verb])]
        channel = given.pop("channel")
        return call(channel, *listed, **given, **options)

    async def _calls(self, request: web.Request) -> web.Response:
        return reply({"result": plain(self._server.calls)})

    async def _state(self, request: web.Request) -> web.Response:
        server = self._server
        return reply(
            {
                "connected": server.gateway.connected,
                "bot": str(server.bot_id),
                "users": {str(u.id): u.name for u in server.state.users.values()},
                "guilds": {str(g.id): g.name for g in server.state.guilds.values()},
                "channels": {str(c.id): c.name for c in server.state.channels.values()},
                "commands": plain(server.commands),
                "messages": {
                    str(message.id): plain(message)
                    for message in server.state.messages.values()
                },
            }
        )


def plain(value: Any) -> Any:
    """The value as JSON can hold it, with ids as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(inner) for inner in value]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    # Snowflakes are bigger than what JavaScript counts exactly.
    return str(value) if isinstance(value, int) and value > 2**53 else value


def reply(body: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=json.dumps(body).encode(), status=status, content_type="application/json"
    )
