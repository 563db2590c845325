"""The Web API: one session, single calls, and Slack's errors turned into ours."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack.events import Identity
from adapters.slack.refusals import LATER_SECONDS, SlackRefused, refusal
from adapters.slack.settings import SlackSettings
from bot.errors import DeliveryError, DeliveryLater, DeliveryUnclear
from bot.model import Author

__all__ = ["SDK_LOG", "SlackRefused", "SlackWeb"]

log = logging.getLogger(__name__)

# The SDK builds a log line of each call unless a level is set on its own logger, and
# at DEBUG it would write down what people said.
SDK_LOG = logging.getLogger("adapters.slack.sdk")
SDK_LOG.setLevel(logging.WARNING)

LOOKUP_SECONDS = 1.5
"""An author's rights may take so long; Slack wants each event taken within three."""

PEOPLE_SECONDS = 600.0
PEOPLE_LIMIT = 5_000
SHARED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Person:
    """What Slack says of somebody; a guest is from outside of the workspace."""

    author: Author
    locale: str = ""
    is_guest: bool = False


class SlackWeb:
    """The Web API of one workspace; whatever fails comes out as a DeliveryError."""

    def __init__(
        self,
        settings: SlackSettings,
        session: aiohttp.ClientSession,
        token: str | None,
        team: str = "",
    ) -> None:
        self._settings = settings
        self._session = session
        self._client = self.new_client(token)
        self._token = token or ""
        self._me: Identity | None = None
        self._team = team
        self._people: dict[str, tuple[float, Person]] = {}
        self._asking: dict[str, asyncio.Task[Person]] = {}
        self._shared: dict[str, tuple[float, bool]] = {}
        self.scopes: frozenset[str] = frozenset()

    def new_client(self, token: str | None) -> AsyncWebClient:
        """A client that never sends anything twice by itself."""
        return AsyncWebClient(
            token,
            base_url=self._settings.api_url,
            session=self._session,
            retry_handlers=[],
            logger=SDK_LOG,
        )

    async def write(self, method: str, **arguments: Any) -> dict[str, Any]:
        """A call that changes something: DeliveryUnclear when it may have."""
        given = {key: value for key, value in arguments.items() if value is not None}
        return _data(await self._call(method, DeliveryUnclear, json=given))

    async def read(self, method: str, **arguments: Any) -> dict[str, Any]:
        """A call that only looks: DeliveryLater when there is no answer."""
        given = {key: value for key, value in arguments.items() if value is not None}
        looking = self._call(method, DeliveryLater, http_verb="GET", params=given)
        return _data(await looking)

    async def identify(self, *, again: bool = False) -> Identity:
        """Who the token says we are; asked once, unless `again`."""
        if self._me is None or again:
            response = await self._call("auth.test", DeliveryLater)
            data = _data(response)
            scopes = str(response.headers.get("x-oauth-scopes", ""))
            self.scopes = frozenset(scopes.replace(" ", "").split(","))
            self._me = Identity(
                # A token of a whole organisation does not say which workspace it is.
                team_id=self._team or data["team_id"],
                user_id=data["user_id"],
                bot_id=data.get("bot_id", ""),
                name=data.get("user", ""),
                team=data.get("team", ""),
                url=data.get("url", ""),
                bots=frozenset(self._settings.answer_bots),
            )
        return self._me

    async def author(self, user: str) -> Author:
        """A person's name and rights."""
        return (await self.person(user)).author

    async def person(self, user: str) -> Person:
        """What Slack says of a person, remembered for a while.

        Somebody whom Slack does not describe in time is from outside for now, and no
        admin; neither is an admin of another workspace in a shared channel.
        """
        known = self._people.get(user)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        asking = self._asking.get(user)
        if asking is None:
            # The two events of a mention come at once, and need to ask but once.
            asking = asyncio.create_task(self._ask_for(user))
            self._asking[user] = asking
            asking.add_done_callback(lambda _: self._asking.pop(user, None))
        await asyncio.wait({asking}, timeout=LOOKUP_SECONDS)
        return asking.result() if asking.done() else _stranger(user)

    async def _ask_for(self, user: str) -> Person:
        try:
            me = await self.identify()
            asking = self.read("users.info", user=user, include_locale="true")
            found = (await asking)["user"]
        except DeliveryError as error:
            log.warning("no name and rights of %s: %s", user, error)
            return _stranger(user)
        profile = found.get("profile", {})
        name = profile.get("display_name") or found.get("real_name") or found["name"]
        admin = bool(found.get("is_admin") or found.get("is_owner"))
        at_home = found.get("team_id") == me.team_id
        person = Person(
            Author(user, name, is_admin=admin and at_home),
            locale=found.get("locale") or "",
            is_guest=not at_home or bool(found.get("is_restricted")),
        )
        if len(self._people) >= PEOPLE_LIMIT:
            self._people.clear()
        self._people[user] = (time.monotonic() + PEOPLE_SECONDS, person)
        return person

    async def has_guests(self, user: str, channel: str) -> bool:
        """Whether somebody from outside asks in a channel, or can read along there.

        Presses and commands do not say so. What Slack does not describe is taken to be
        shared: nobody from outside is to see what is not public.
        """
        if (await self.person(user)).is_guest:
            return True
        if channel.startswith("D"):
            return False
        known = self._shared.get(channel)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                found = await self.read("conversations.info", channel=channel)
        except (DeliveryError, TimeoutError) as error:
            log.info("%s is taken to be shared: %r", channel, error)
            return True
        shared = bool(found["channel"].get("is_ext_shared"))
        if len(self._shared) >= PEOPLE_LIMIT:
            self._shared.clear()
        self._shared[channel] = (time.monotonic() + SHARED_SECONDS, shared)
        return shared

    async def check_socket(self, app_token: str) -> None:
        """Ask for a socket's address: refused when the app token is not good for it."""
        opening = self.new_client(app_token).api_call("apps.connections.open")
        await self._translated("apps.connections.open", DeliveryLater, opening)

    @property
    def api_url(self) -> str:
        return self._settings.api_url

    async def download(self, url: str, limit: int) -> tuple[int, str, bytes]:
        """Status, media type, and the first `limit` bytes of what is at an address.

        The token goes to that address alone: nobody is followed elsewhere.
        """
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            async with self._session.get(
                url, headers=headers, allow_redirects=False
            ) as reply:
                content = bytearray()
                while len(content) < limit:
                    piece = await reply.content.read(limit - len(content))
                    if not piece:
                        break
                    content += piece
                return reply.status, reply.content_type, bytes(content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise DeliveryLater(f"{url}: {_named(error)}", LATER_SECONDS) from error

    async def respond(self, url: str, text: str) -> None:
        """Answer a command late, to its author alone; at most once, best effort."""
        body = {"text": text, "response_type": "ephemeral"}
        try:
            async with self._session.post(url, json=body) as reply:
                if reply.status != 200:
                    log.warning("a late reply was refused: HTTP %s", reply.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("a late reply did not get through: %s", _named(error))

    async def _call(
        self, method: str, unclear: type[DeliveryError], **how: Any
    ) -> AsyncSlackResponse:
        calling = self._client.api_call(method, **how)
        return await self._translated(method, unclear, calling)

    async def _translated(
        self,
        method: str,
        unclear: type[DeliveryError],
        calling: Awaitable[AsyncSlackResponse],
    ) -> AsyncSlackResponse:
        """The one place where the SDK's and aiohttp's exceptions become ours."""
        try:
            return await calling
        except SlackApiError as error:
            raise refusal(method, error, unclear) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise DeliveryLater(
                f"no connection to Slack for {method}: {error}", LATER_SECONDS
            ) from error
        except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError) as error:
            raise unclear(
                f"no reply from Slack to {method}: {_named(error)}"
            ) from error


def _stranger(user: str) -> Person:
    return Person(Author(user), is_guest=True)


def _data(response: AsyncSlackResponse) -> dict[str, Any]:
    assert isinstance(response.data, dict)
    return response.data


def _named(error: BaseException) -> str:
    """An error in words; some have none of their own."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
