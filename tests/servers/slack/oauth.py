"""Installing the app: the page where a person agrees, and the token after it."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from aiohttp import web

from .arguments import Arguments
from .interacting import Interacting
from .workspace import JSON, SlackError


@dataclass
class OAuth:
    """The app's registration, the codes that are out, the teams that may install."""

    team: Callable[[str], Interacting]
    issue_token: Callable[[Interacting], str]
    client_id: str = "111.222"
    client_secret: str = "local-secret"
    installing: str = "T00000001"
    org_wide: bool = False
    refuses: bool = False
    _codes: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def authorize(self, request: web.Request) -> web.Response:
        """A person agrees at once (or never), and is sent back."""
        query = request.query
        if query.get("client_id") != self.client_id:
            return web.Response(status=400, text="Invalid client_id parameter")
        back = {"state": query.get("state", "")}
        if self.refuses:
            back["error"] = "access_denied"
        else:
            code = f"code-{len(self._codes) + 1}"
            self._codes[code] = (self.installing, query.get("scope", ""))
            back["code"] = code
        url = f"{query['redirect_uri']}?{urlencode(back)}"
        return web.Response(status=302, headers={"Location": url})

    def access(self, header: str, arguments: Arguments) -> JSON:
        """oauth.v2.access: a code becomes a token, once."""
        client_id, secret = arguments.text("client_id"), arguments.text("client_secret")
        if header.startswith("Basic "):
            pair = base64.b64decode(header.removeprefix("Basic ")).decode()
            client_id, _, secret = pair.partition(":")
        if client_id != self.client_id:
            raise SlackError("invalid_client_id")
        if secret != self.client_secret:
            raise SlackError("bad_client_secret")
        if arguments.text("code") not in self._codes:
            raise SlackError("invalid_code")
        team_id, scope = self._codes.pop(arguments.text("code"))
        return self._installation(self.team(team_id), scope)

    def _installation(self, team: Interacting, scope: str) -> JSON:
        workspace = team.workspace
        enterprise = workspace.enterprise_id
        named = {"id": workspace.team_id, "name": workspace.team_name}
        return {
            "app_id": workspace.app_id,
            "authed_user": {"id": next(iter(workspace.users))},
            "scope": scope,
            "token_type": "bot",
            "access_token": self.issue_token(team),
            "bot_user_id": workspace.bot.id,
            "team": None if self.org_wide else named,
            "enterprise": {"id": enterprise, "name": "Org"} if enterprise else None,
            "is_enterprise_install": self.org_wide,
        }
