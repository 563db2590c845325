"""The workspaces that the app is in, and who calls the Web API of each."""

import logging
from collections.abc import Sequence
from typing import Protocol

import aiohttp

from adapters.slack.settings import SlackSettings
from adapters.slack.web import SlackRefused, SlackWeb
from bot.errors import ConfigurationError, DeliveryError, DeliveryImpossible

log = logging.getLogger(__name__)


class NotInstalled(DeliveryImpossible):
    """The app is not in that workspace (any more)."""


class Workspaces(Protocol):
    """Finds the caller for a workspace. Works after `open`."""

    async def open(self) -> None:
        """Prepare. Raises ConfigurationError for a token that is refused."""
        ...

    async def aclose(self) -> None: ...

    async def web(self, team: str, enterprise: str = "") -> SlackWeb:
        """The caller for a workspace; `enterprise` is the organisation it is in.

        Raises NotInstalled where the app is not.
        """
        ...

    async def all(self) -> Sequence[SlackWeb]:
        """One for each workspace."""
        ...

    async def forget(self, team: str, enterprise: str = "") -> Sequence[str]:
        """The app was removed from there: drop its token.

        Returns the workspaces of which nothing may be kept any more.
        """
        ...


class OneWorkspace:
    """The one workspace of the bot token in the settings, whatever it is called."""

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._web: SlackWeb | None = None

    async def open(self) -> None:
        """Open the session and ask who we are."""
        self._session = new_session(self._settings)
        token = self._settings.bot_token
        secret = token.get_secret_value() if token else None
        self._web = SlackWeb(self._settings, self._session, secret)
        try:
            await self._web.identify()
        except SlackRefused as error:
            raise ConfigurationError(f"slack: {error}") from error
        except DeliveryError as error:
            # Slack's own trouble must not keep the other platforms from starting.
            log.warning("slack does not answer yet: %s", error)

    async def aclose(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    async def web(self, team: str, enterprise: str = "") -> SlackWeb:
        """The only one there is."""
        if self._web is None:
            raise RuntimeError("call open() first")
        return self._web

    async def all(self) -> Sequence[SlackWeb]:
        """The only one there is."""
        return [await self.web("")]

    async def forget(self, team: str, enterprise: str = "") -> Sequence[str]:
        """Somebody must put a new token into the settings; all is kept for it."""
        log.error("slack: the app was removed from the workspace; install it again")
        return ()


def new_session(settings: SlackSettings) -> aiohttp.ClientSession:
    """The session that all calls share."""
    timeout = aiohttp.ClientTimeout(total=settings.timeout_seconds, sock_connect=5)
    return aiohttp.ClientSession(timeout=timeout)
