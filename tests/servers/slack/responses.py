"""Response URLs: an app answers a command or a click, five times at most."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from .interacting import Interacting
from .workspace import JSON, Message, rich_text


@dataclass
class Responses:
    """Takes what is posted to the URLs that the workspaces gave out."""

    teams: Mapping[str, Interacting]

    async def take(self, request: web.Request) -> web.Response:
        """One answer: for the acting person, or `in_channel` for all."""
        id_ = request.match_info["id"]
        for team in self.teams.values():
            seen = team.response_urls.get(id_, {"left": 0})
            if seen["left"]:
                seen["left"] -= 1
                _show(team, seen, json.loads(await request.text()))
                return web.Response(text="ok")
        return web.json_response({"ok": False, "error": "used_url"}, status=404)


def _show(team: Interacting, seen: JSON, body: JSON) -> None:
    if body.get("response_type") == "in_channel":
        _post(team, seen, body)
        return
    kept = {key: seen[key] for key in ("channel", "user", "thread_ts")}
    if body.get("blocks"):
        kept["blocks"] = body["blocks"]
    team.ephemerals.append(kept | {"text": body.get("text", "")})


def _post(team: Interacting, seen: JSON, body: JSON) -> None:
    bot, text = team.workspace.bot, body.get("text", "")
    message = Message(
        ts=team.workspace.new_ts(),
        channel=seen["channel"],
        user=bot.id,
        bot_id=bot.bot_id,
        app_id=team.workspace.app_id,
        text=text,
        thread_ts=seen["thread_ts"],
        blocks=body.get("blocks") or rich_text(text),
    )
    team.emit(team.payloads.message_event(team.workspace.post(message)))
