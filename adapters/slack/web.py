"""The Web API: one session, single calls, and Slack's errors turned into ours."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack.events import Identity
from adapters.slack.settings import SlackSettings
from bot.errors import (
    ConfigurationError,
    DeliveryError,
    DeliveryImpossible,
    DeliveryLater,
    DeliveryUnclear,
    MessageGone,
)
from bot.model import Author

T = TypeVar("T")

log = logging.getLogger(__name__)

# The SDK builds a log line of each call unless a level is set on its own logger, and
# at DEBUG it would write down what people said.
SDK_LOG = logging.getLogger("adapters.slack.sdk")
SDK_LOG.setLevel(logging.WARNING)

LATER_SECONDS = 2.0
LOOKUP_SECONDS = 1.5
"""An author's rights may take so long; Slack wants each event taken within three."""

PEOPLE_SECONDS = 600.0
PEOPLE_LIMIT = 5_000

TOKEN_ERRORS = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
    }
)
BROKEN = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable"}
)
"""Trouble on Slack's side, after which part of the call may have been done."""

FIXES = {
    "cannot_reply_to_message": "that kind of message takes no replies",
    "channel_not_found": (
        "the channel is gone, or private and without the app; invite it with /invite"
    ),
    "is_archived": "the channel is archived; a member must unarchive it",
    "missing_scope": (
        "the app lacks a scope ({needed}); add it under OAuth & Permissions, then "
        "install the app again"
    ),
    "not_in_channel": "the app is not in the channel; invite it with /invite",
    "restricted_action": "a workspace admin has restricted who may post there",
    "thread_not_found": "the message to reply to was deleted",
}
TOKEN_FIX = (
    "Slack does not accept the token; copy it anew from api.slack.com/apps and set it "
    "as CURBSIDE_SLACK_BOT_TOKEN (xoxb-) or CURBSIDE_SLACK_APP_TOKEN (xapp-)"
)


class SlackRefused(DeliveryImpossible):
    """Slack answered with an error that trying again does not mend."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class SlackWeb:
    """Calls the Web API; whatever fails comes out as a DeliveryError."""

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._client: AsyncWebClient | None = None
        self._me: Identity | None = None
        self._people: dict[str, tuple[float, Author]] = {}
        self._asking: dict[str, asyncio.Task[Author]] = {}
        self.scopes: frozenset[str] = frozenset()

    async def open(self) -> None:
        """Open the session. Raises ConfigurationError for a token that is refused."""
        timeout = aiohttp.ClientTimeout(
            total=self._settings.timeout_seconds, sock_connect=5
        )
        self._session = aiohttp.ClientSession(timeout=timeout)
        token = self._settings.bot_token
        self._client = self.new_client(token.get_secret_value() if token else None)
        try:
            await self.identify()
        except SlackRefused as error:
            raise ConfigurationError(f"slack: {error}") from error
        except DeliveryError as error:
            # Slack's own trouble must not keep the other platforms from starting.
            log.warning("slack does not answer yet: %s", error)

    async def aclose(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

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
                team_id=data["team_id"],
                user_id=data["user_id"],
                bot_id=data.get("bot_id", ""),
                name=data.get("user", ""),
                team=data.get("team", ""),
            )
        return self._me

    async def author(self, user: str) -> Author:
        """A person's name and rights, remembered for a while.

        Somebody whom Slack does not describe in time is nobody in particular, and no
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
        return asking.result() if asking.done() else Author(user)

    async def _ask_for(self, user: str) -> Author:
        try:
            me = await self.identify()
            found = (await self.read("users.info", user=user))["user"]
        except DeliveryError as error:
            log.warning("no name and rights of %s: %s", user, error)
            return Author(user)
        profile = found.get("profile", {})
        name = profile.get("display_name") or found.get("real_name") or found["name"]
        admin = bool(found.get("is_admin") or found.get("is_owner"))
        at_home = found.get("team_id") == me.team_id
        author = Author(user, name, is_admin=admin and at_home)
        if len(self._people) >= PEOPLE_LIMIT:
            self._people.clear()
        self._people[user] = (time.monotonic() + PEOPLE_SECONDS, author)
        return author

    async def check_socket(self, app_token: str) -> None:
        """Ask for a socket's address: refused when the app token is not good for it."""
        opening = self.new_client(app_token).api_call("apps.connections.open")
        await self._translated("apps.connections.open", DeliveryLater, opening)

    async def respond(self, url: str, text: str) -> None:
        """Answer a command late, to its author alone; at most once, best effort."""
        body = {"text": text, "response_type": "ephemeral"}
        session = self._opened(self._session)
        try:
            async with session.post(url, json=body) as reply:
                if reply.status != 200:
                    log.warning("a late reply was refused: HTTP %s", reply.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("a late reply did not get through: %s", _named(error))

    async def _call(
        self, method: str, unclear: type[DeliveryError], **how: Any
    ) -> AsyncSlackResponse:
        calling = self._opened(self._client).api_call(method, **how)
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
            raise _refusal(method, error, unclear) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise DeliveryLater(
                f"no connection to Slack for {method}: {error}", LATER_SECONDS
            ) from error
        except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError) as error:
            raise unclear(
                f"no reply from Slack to {method}: {_named(error)}"
            ) from error

    def _opened(self, thing: T | None) -> T:
        if thing is None:
            raise RuntimeError("call open() first")
        return thing


def _refusal(
    method: str, error: SlackApiError, unclear: type[DeliveryError]
) -> DeliveryError:
    """What an error reply of Slack means for us."""
    response = error.response
    # What was no JSON comes as aiohttp's response, which names its status otherwise.
    status = int(getattr(response, "status_code", None) or response.status)
    answer = getattr(response, "data", None)
    data: dict[str, Any] = answer if isinstance(answer, dict) else {}
    code = data.get("error")
    if status == 429 or code in ("ratelimited", "rate_limited"):
        pause = str(response.headers.get("Retry-After", ""))
        seconds = float(pause) if pause.isdigit() else LATER_SECONDS
        return DeliveryLater(f"Slack limits {method}", seconds)
    if code is None or status >= 500 or code in BROKEN:
        return unclear(f"Slack is in trouble: {method}: {code or f'HTTP {status}'}")
    if code == "message_not_found":
        return MessageGone(f"the message of {method} is not there any more")
    fix = TOKEN_FIX if code in TOKEN_ERRORS else FIXES.get(code, "")
    fix = fix.format(needed=data.get("needed") or "see Slack's reply")
    refused = f"Slack refused {method} with {code!r}"
    return SlackRefused(f"{refused}: {fix}" if fix else refused, code)


def _data(response: AsyncSlackResponse) -> dict[str, Any]:
    assert isinstance(response.data, dict)
    return response.data


def _named(error: BaseException) -> str:
    """An error in words; some have none of their own."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
