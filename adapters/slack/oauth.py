"""Many workspaces: the pages where people install the app, and a caller for each."""

import time
from collections.abc import Mapping, Sequence
from urllib.parse import urljoin

import aiohttp
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.http import Response
from adapters.slack.installations import Installations, Owner
from adapters.slack.settings import SCOPES, SlackSettings
from adapters.slack.web import SDK_LOG, SlackWeb
from adapters.slack.workspaces import NotInstalled, new_session
from bot.errors import ConfigurationError, DeliveryError

INSTALL = "/slack/install"
REDIRECT = "/slack/oauth_redirect"

KNOWN_SECONDS = 600.0
"""A token that another process has replaced is noticed after so long."""


class ManyWorkspaces:
    """Every workspace that installed the app; its tokens come from the database."""

    def __init__(self, settings: SlackSettings, database_url: str) -> None:
        oauth = settings.oauth
        secret = oauth.client_secret.get_secret_value() if oauth.client_secret else ""
        keys = [key.get_secret_value() for key in oauth.encryption_keys]
        for name, value in (
            ("client_secret", secret),
            ("encryption_keys", keys),
            ("redirect_url", oauth.redirect_url),
        ):
            if not value:
                raise ConfigurationError(
                    f"setting 'slack.oauth.{name}' is missing; with a client_id it "
                    f"must be set: CURBSIDE_SLACK_OAUTH_{name.upper()}"
                )
        self._settings = settings
        self._secret = secret
        self._installations = Installations(database_url, oauth.client_id, keys)
        self._session: aiohttp.ClientSession | None = None
        self._flow: AsyncOAuthFlow | None = None
        self._known: dict[str, tuple[float, str, SlackWeb]] = {}

    async def open(self) -> None:
        """Open the database and the session."""
        await self._installations.open()
        self._session = new_session(self._settings)
        self._flow = self._new_flow(self._session)

    async def aclose(self) -> None:
        """Close both."""
        if self._session is not None:
            await self._session.close()
        await self._installations.aclose()

    async def web(self, team: str, enterprise: str = "") -> SlackWeb:
        """The caller for a workspace, remembered for a while."""
        known = self._known.get(team)
        if known is not None and known[0] > time.monotonic():
            return known[2]
        bot = await self._installations.find(Owner(team, enterprise))
        if bot is None:
            self._known.pop(team, None)
            raise NotInstalled(
                f"the app is not installed in the workspace {team or enterprise}; "
                f"somebody there must open {INSTALL}"
            )
        if known is not None and known[1] == bot.bot_token:
            web = known[2]
        else:
            assert self._session is not None, "call open() first"
            web = SlackWeb(self._settings, self._session, bot.bot_token, team)
        until = time.monotonic() + KNOWN_SECONDS
        self._known[team] = (until, bot.bot_token, web)
        return web

    async def all(self) -> Sequence[SlackWeb]:
        """One for each workspace that is known."""
        owners = await self._installations.owners()
        return [await self.web(owner.team, owner.enterprise) for owner in owners]

    async def forget(self, team: str, enterprise: str = "") -> Sequence[str]:
        """Drop the tokens; all of these workspaces are to be forgotten."""
        gone = await self._installations.remove(Owner(team, enterprise))
        for each in gone:
            self._known.pop(each, None)
        return gone

    async def page(
        self, path: str, query: str, headers: Mapping[str, str]
    ) -> Response | None:
        """The page where the app is installed, and the one Slack sends back to."""
        if self._flow is None or path not in (INSTALL, REDIRECT):
            return None
        request = AsyncBoltRequest(body="", query=query, headers=dict(headers))
        try:
            if path == INSTALL:
                answer = await self._flow.handle_installation(request)
            else:
                answer = await self._flow.handle_callback(request)
                self._known.clear()
        except DeliveryError as error:
            return Response(503, str(error))
        shown = {name.lower(): values[0] for name, values in answer.headers.items()}
        return Response(answer.status, answer.body, shown)

    def _new_flow(self, session: aiohttp.ClientSession) -> AsyncOAuthFlow:
        """Bolt's flow with every setting given: nothing comes from the environment."""
        client = AsyncWebClient(
            base_url=self._settings.api_url,
            session=session,
            retry_handlers=[],
            logger=SDK_LOG,
        )
        settings = AsyncOAuthSettings(
            client_id=self._settings.oauth.client_id,
            client_secret=self._secret,
            scopes=sorted(SCOPES),
            user_scopes=[],
            redirect_uri=self._settings.oauth.redirect_url,
            install_path=INSTALL,
            redirect_uri_path=REDIRECT,
            authorization_url=urljoin(self._settings.api_url, "/oauth/v2/authorize"),
            installation_store=self._installations.store,
            installation_store_bot_only=True,
            state_store=self._installations.states,
            logger=SDK_LOG,
        )
        return AsyncOAuthFlow(client=client, logger=SDK_LOG, settings=settings)
