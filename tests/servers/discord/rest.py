"""The bot's REST routes of a local Discord: users, guilds, channels, messages."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from .errors import ApiError, form_error
from .faults import BASE, CALL, answer
from .files import Files
from .gateway import Gateway
from .model import (
    EPHEMERAL,
    FORUM,
    TEXT_CHANNEL,
    Channel,
    Intent,
    Message,
    Payload,
    Permission,
)
from .payloads import redacted
from .state import DiscordState

Route = Callable[[web.Request], Awaitable[Any]]

HISTORY_LIMIT = 100


class RestRoutes:
    """What a bot token can do; every write is done as the bot."""

    def __init__(
        self, state: DiscordState, gateway: Gateway, api_url: Callable[[], str]
    ) -> None:
        self.state = state
        self.gateway = gateway
        self.typing: list[int] = []
        self.about: Payload = {}
        """What the application says of itself, besides the usual."""
        self.files = Files(state, api_url)
        self._api_url = api_url

    def add_to(self, app: web.Application) -> None:
        channel = "/channels/{channel}"
        message = channel + "/messages/{message}"
        emoji = message + "/reactions/{emoji}/{user}"
        routes: list[tuple[str, str, Route, int]] = [
            ("GET", "/users/@me", self.me, 200),
            ("GET", "/oauth2/applications/@me", self.application, 200),
            ("GET", "/applications/@me", self.application, 200),
            ("GET", "/gateway", self.gateway_url, 200),
            ("GET", "/gateway/bot", self.gateway_url, 200),
            ("POST", "/users/@me/channels", self.open_dm, 200),
            ("GET", "/users/{user}", self.user, 200),
            ("GET", "/guilds/{guild}", self.guild, 200),
            ("GET", "/guilds/{guild}/channels", self.channels, 200),
            ("GET", "/guilds/{guild}/members/{user}", self.member, 200),
            ("GET", channel, self.channel, 200),
            ("POST", channel + "/typing", self.type, 204),
            ("GET", channel + "/messages", self.history, 200),
            ("POST", channel + "/messages", self.create, 200),
            ("GET", message, self.message, 200),
            ("PATCH", message, self.edit, 200),
            ("DELETE", message, self.delete, 204),
            ("PUT", emoji, self.react, 204),
            ("DELETE", emoji, self.unreact, 204),
        ]
        for method, path, route, status in routes:
            app.router.add_route(method, BASE + path, responding(route, status))
        self.files.add_to(app)

    def shown(self, message: Message) -> Payload:
        """A message as the bot may read it."""
        payload = self.state.message_payload(message)
        if self.gateway.granted & Intent.MESSAGE_CONTENT:
            return payload
        private = self.state.channel(message.channel_id).guild_id is None
        return redacted(payload, self.state.bot.id, private=private)

    def place(self, request: web.Request, *wanted: Permission) -> Channel:
        """The channel of a call, if the bot may do there what it wants."""
        channel = self.state.channel(number(request, "channel"))
        self.state.require(self.state.bot.id, channel, *wanted)
        return channel

    def found(self, request: web.Request, *wanted: Permission) -> Message:
        """The message of a call."""
        channel = self.place(request, *wanted)
        message = self.state.message(channel.id, number(request, "message"))
        if message.flags & EPHEMERAL:
            raise ApiError(10008)
        return message

    async def me(self, request: web.Request) -> Payload:
        return self.state.user_payload(self.state.bot) | {"verified": True}

    async def application(self, request: web.Request) -> Payload:
        owner = self.state.user_payload(self.state.bot)
        return {
            "id": str(self.state.application_id),
            "name": self.state.bot.name,
            "icon": None,
            "description": "",
            "summary": "",
            "bot_public": False,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            # The limited forms of the intents, as an unverified bot has them.
            "flags": self.flags(),
            "owner": owner | {"username": "owner", "bot": False},
        } | self.about

    def flags(self) -> int:
        granted = self.gateway.granted
        bits = {
            Intent.GUILD_PRESENCES: 1 << 13,
            Intent.GUILD_MEMBERS: 1 << 15,
            Intent.MESSAGE_CONTENT: 1 << 19,
        }
        return sum(bit for intent, bit in bits.items() if granted & intent)

    async def gateway_url(self, request: web.Request) -> Payload:
        url = self._api_url().replace("http", "ws").replace(BASE, "/gw")
        limit = self.gateway.starts.payload(self.state.clock.now())
        shards = self.gateway.shards_wanted
        return {"url": url, "shards": shards, "session_start_limit": limit}

    async def open_dm(self, request: web.Request) -> Payload:
        channel = self.state.dm_channel(int(body(request)["recipient_id"]))
        return self.state.channel_payload(channel)

    async def user(self, request: web.Request) -> Payload:
        if (user := self.state.users.get(number(request, "user"))) is None:
            raise ApiError(10013)
        return self.state.user_payload(user)

    async def guild(self, request: web.Request) -> Payload:
        return self.state.guild_payload(self.state.guild(number(request, "guild")))

    async def channels(self, request: web.Request) -> list[Payload]:
        found = (await self.guild(request))["channels"]
        return [c for c in found if c["type"] in (TEXT_CHANNEL, FORUM)]

    async def member(self, request: web.Request) -> Payload:
        guild = self.state.guild(number(request, "guild"))
        if number(request, "user") not in guild.members:
            raise ApiError(10007)
        return self.state.full_member(guild.id, number(request, "user"))

    async def channel(self, request: web.Request) -> Payload:
        return self.state.channel_payload(self.place(request))

    async def type(self, request: web.Request) -> None:
        self.typing.append(self.place(request, Permission.SEND_MESSAGES).id)

    async def history(self, request: web.Request) -> list[Payload]:
        channel = self.place(request, Permission.READ_MESSAGE_HISTORY)
        limit = int(request.query.get("limit", 50))
        if not 1 <= limit <= HISTORY_LIMIT:
            raise form_error("limit", "NUMBER_TYPE_MAX", "must be between 1 and 100")
        found = self.state.in_channel(channel.id)
        if after := int(request.query.get("after", 0)):
            found = [message for message in found if message.id > after][:limit]
        if before := int(request.query.get("before", 0)):
            found = [message for message in found if message.id < before]
        if around := int(request.query.get("around", 0)):
            older = [message for message in found if message.id < around]
            newer = [message for message in found if message.id >= around]
            found = older[-(limit // 2) :] + newer[: limit - limit // 2]
        # Newest first, whichever way was asked.
        return [self.shown(message) for message in reversed(found[-limit:])]

    async def create(self, request: web.Request) -> Payload:
        channel = self.place(request)
        asked = self.files.with_uploads(request, channel)
        message = self.state.post(self.state.bot.id, channel, asked)
        payload = self.shown(message)
        # Only the answer to the sender says it; the history does not.
        return payload | ({} if message.nonce is None else {"nonce": message.nonce})

    async def message(self, request: web.Request) -> Payload:
        return self.shown(self.found(request, Permission.READ_MESSAGE_HISTORY))

    async def edit(self, request: web.Request) -> Payload:
        message = self.found(request)
        if message.author_id != self.state.bot.id:
            raise ApiError(50005)
        channel = self.state.channel(message.channel_id)
        asked = self.files.with_uploads(request, channel, message)
        return self.shown(self.state.edit(message, asked))

    async def delete(self, request: web.Request) -> None:
        message = self.found(request)
        if message.author_id != self.state.bot.id:
            self.place(request, Permission.MANAGE_MESSAGES)
        self.state.delete(message)

    async def react(self, request: web.Request) -> None:
        message = self.found(request, Permission.ADD_REACTIONS)
        emoji = request.match_info["emoji"]
        self.state.react(self.state.bot.id, message, emoji, add=True)

    async def unreact(self, request: web.Request) -> None:
        emoji = request.match_info["emoji"]
        self.state.react(self.state.bot.id, self.found(request), emoji, add=False)


def number(request: web.Request, name: str) -> int:
    if not (value := request.match_info[name]).isdigit():
        raise form_error(name, "NUMBER_TYPE_COERCE", f"{value!r} is not snowflake.")
    return int(value)


def body(request: web.Request) -> Any:
    return request[CALL].body or {}


def responding(route: Route, status: int) -> Callable[..., Awaitable[web.Response]]:
    async def respond(request: web.Request) -> web.Response:
        return answer(await route(request), status)

    return respond
