"""The REST API: single calls, and the library's errors turned into ours."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import discord
from discord.http import Route

from adapters.discord.banned import Ban
from adapters.discord.bodies import Body
from adapters.discord.calling import Calls, NotSent, Pace, Slots
from adapters.discord.components import JSON
from adapters.discord.library import new_client, token, use_addresses
from adapters.discord.refusals import (
    CLOSED_FIX,
    MISSING_PERMISSIONS,
    THREAD_EXISTS,
    DiscordRefused,
    is_ban,
    refusal,
)
from adapters.discord.settings import DiscordSettings
from bot.errors import ConfigurationError, DeliveryError, DeliveryLater, DeliveryUnclear

T = TypeVar("T")
C = TypeVar("C", bound=discord.Client)

log = logging.getLogger(__name__)


LATER_SECONDS = 2.0


class DiscordRest:
    """Calls the REST API, without a gateway; failures come out as a DeliveryError."""

    def __init__(self, settings: DiscordSettings) -> None:
        self._settings = settings
        self._client: discord.Client | None = None
        self._logging_in = asyncio.Lock()
        self._closed = False
        self._calls = Calls()
        self._ban = Ban()
        self._pace = Pace()
        self._threads = Slots()
        # One at a time until it is known how many there may be.
        self._first_thread = asyncio.Lock()

    async def open(self) -> None:
        """Log in. Raises ConfigurationError for a token that is refused."""
        try:
            await self._logged_in()
        except DiscordRefused as error:
            raise ConfigurationError(f"discord: {error}") from error
        except DeliveryError as error:
            # Discord's own trouble must not keep the other platforms from starting.
            log.warning("discord does not answer yet: %s", error)

    async def aclose(self) -> None:
        """Close the session."""
        self._closed = True
        await self._calls.aclose()
        if self._client is not None:
            await self._client.close()

    async def me(self) -> int:
        """The id of our user."""
        client = await self._logged_in()
        assert client.user is not None
        return client.user.id

    async def application(self) -> discord.AppInfo:
        """What Discord knows of us; asked anew each time."""
        return await self._read("its application", lambda it: it.application_info())

    async def send(
        self, channel: int, body: Body, *, nonce: str, reply_to: int | None = None
    ) -> JSON:
        """Post a message. Discord gives the first one back for a nonce it knows."""
        more: JSON = {"nonce": nonce, "enforce_nonce": True}
        if reply_to is not None:
            # The question may be deleted by now: then it is no reply.
            more["message_reference"] = {
                "message_id": str(reply_to),
                "channel_id": str(channel),
                "fail_if_not_exists": False,
            }
        route = Route("POST", "/channels/{channel_id}/messages", channel_id=channel)
        posted: JSON = await self._request("a message", route, body, **more)
        return posted

    async def edit(self, channel: int, message: int, body: Body) -> None:
        """Replace what a message is."""
        route = Route(
            "PATCH",
            "/channels/{channel_id}/messages/{message_id}",
            channel_id=channel,
            message_id=message,
        )
        await self._request("an edit", route, body)

    async def delete(self, channel: int, message: int) -> None:
        """Delete a message of ours."""
        await self._write(
            "a delete", lambda it: _partial(it, channel, message).delete()
        )

    async def message(self, channel: int, message: int) -> discord.Message:
        """A message as it is now."""
        return await self._read(
            "a message", lambda it: _partial(it, channel, message).fetch()
        )

    async def history(
        self, channel: int, *, after: int, limit: int
    ) -> list[discord.Message]:
        """Messages after one, the oldest first."""

        async def look(client: discord.Client) -> list[discord.Message]:
            place = client.get_partial_messageable(channel)
            found = place.history(after=discord.Object(after), limit=limit)
            return [message async for message in found]

        return await self._read("the history", look)

    async def show_typing(self, channel: int) -> None:
        """Show for ten seconds that we are typing."""

        async def show(client: discord.Client) -> None:
            await client.get_partial_messageable(channel).typing()

        await self._write("typing", show)

    async def start_thread(self, channel: int, message: int, name: str) -> None:
        """Make the thread of a message; doing it again changes nothing."""
        async with self._first_thread:
            if not self._threads.known:
                return await self._start_thread(channel, message, name)
        wait = self._threads.wait(channel, str(message))
        if wait > LATER_SECONDS:
            raise DeliveryLater("many threads are to be made there", wait)
        await asyncio.sleep(wait)
        return await self._start_thread(channel, message, name)

    async def _start_thread(self, channel: int, message: int, name: str) -> None:
        route = Route(
            "POST",
            "/channels/{channel_id}/messages/{message_id}/threads",
            channel_id=channel,
            message_id=message,
        )
        try:
            await self._request("a thread", route, Body({"name": name}))
        except DiscordRefused as error:
            if error.code != THREAD_EXISTS:
                raise
        finally:
            self._threads.learn((await self._logged_in()).http, route)

    async def reopen(self, thread: int) -> None:
        """Take a thread out of the archive."""
        try:
            await self.change_channel(thread, "opening a thread", archived=False)
        except DiscordRefused as error:
            if error.code != MISSING_PERMISSIONS:
                raise
            raise DiscordRefused(
                f"Discord refused: {CLOSED_FIX}", error.code
            ) from error

    async def answer_command(self, token: str, body: Body) -> int:
        """Make the answer of a command what the body says; the id of that message."""
        route = await self._original("PATCH", token)
        answered = await self._request("a command's answer", route, body)
        return int(answered["id"])

    async def channel(self, id_: int) -> JSON:
        """A channel or thread as it is now."""
        route = Route("GET", "/channels/{channel_id}", channel_id=id_)
        found: JSON = await self._read("a channel", lambda it: it.http.request(route))
        return found

    async def fresh_address(self, url: str) -> str:
        """An address of a file that works again. DeliveryError if there is none."""
        route = Route("POST", "/attachments/refresh-urls")
        body = Body({"attachment_urls": [url]})
        answered = await self._request("a file's address", route, body)
        return str(answered["refreshed_urls"][0]["refreshed"])

    async def change_channel(self, id_: int, what: str, **changes: Any) -> None:
        """Change a channel or thread: its tags, whether it is archived."""
        route = Route("PATCH", "/channels/{channel_id}", channel_id=id_)
        await self._request(what, route, Body(changes))

    async def withdraw_command(self, token: str) -> None:
        """Delete the answer of a command."""
        route = await self._original("DELETE", token)
        await self._request("a command's answer", route)

    async def _original(self, method: str, token: str) -> Route:
        client = await self._logged_in()
        return Route(
            method,
            "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
            webhook_id=client.application_id,
            webhook_token=token,
        )

    async def _request(
        self, what: str, route: Route, body: Body | None = None, **more: Any
    ) -> Any:
        given = {} if body is None else body.request(**more)
        return await self._write(what, lambda it: it.http.request(route, **given))

    async def _read(
        self, what: str, call: Callable[[discord.Client], Awaitable[T]]
    ) -> T:
        """A call that only looks: DeliveryLater when there is no answer."""
        client = await self._logged_in()
        await self._pace.turn()
        return await self._translated(client, what, DeliveryLater, call(client))

    async def _write(
        self, what: str, call: Callable[[discord.Client], Awaitable[T]]
    ) -> T:
        """A call that changes something: DeliveryUnclear when it may have."""
        client = await self._logged_in()
        await self._pace.turn()
        return await self._translated(client, what, DeliveryUnclear, call(client))

    async def _logged_in(self) -> discord.Client:
        """The client; a login that failed for a time is made up for."""
        if self._closed:
            raise DeliveryLater("the connection to Discord is closed")
        self._ban.check()
        async with self._logging_in:
            if self._client is None:
                use_addresses(self._settings)
                client = new_client(discord.Intents(guilds=True), discord.Client)
                login = client.login(token(self._settings))
                try:
                    await self._translated(client, "the login", DeliveryLater, login)
                except BaseException:
                    # A client whose login failed cannot be used again.
                    await client.close()
                    raise
                self._client = client
            return self._client

    async def _translated(
        self,
        client: discord.Client,
        what: str,
        unclear: type[DeliveryError],
        calling: Awaitable[T],
    ) -> T:
        """The one place where the library's and aiohttp's exceptions become ours."""
        seconds = self._settings.timeout_seconds
        try:
            return await self._calls.run(client.http, calling, seconds)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise DeliveryLater(
                f"no connection to Discord for {what}: {error}", LATER_SECONDS
            ) from error
        except NotSent as error:
            words = f"too much waits for Discord's limits: {what}"
            raise DeliveryLater(words, LATER_SECONDS) from error
        except discord.DiscordException as error:
            refused = refusal(what, error, unclear)
            if isinstance(error, discord.HTTPException):
                self._ban.note(refused, limited=is_ban(error))
            raise refused from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            words = f"{type(error).__name__} {error}".strip()
            raise unclear(f"no reply from Discord to {what}: {words}") from error


def _partial(
    client: discord.Client, channel: int, message: int
) -> discord.PartialMessage:
    return client.get_partial_messageable(channel).get_partial_message(message)
