"""The bot's REST routes of a local Discord: users, guilds, channels, messages."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from servers.discord.faults import BASE, CALL, answer
from servers.discord.gateway import Gateway
from servers.discord.model import (
    EPHEMERAL,
    ApiError,
    Channel,
    Intent,
    Message,
    Payload,
    Permission,
    form_error,
)
from servers.discord.payloads import redacted
from servers.discord.state import DiscordState

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
        self.uploads: dict[int, bytes] = {}
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
            ("GET", "/guilds/{guild}/threads/active", self.active_threads, 200),
            ("GET", channel, self.channel, 200),
            ("PATCH", channel, self.change_channel, 200),
            ("POST", channel + "/typing", self.type, 204),
            ("PUT", channel + "/thread-members/@me", self.join_thread, 204),
            ("GET", channel + "/messages", self.history, 200),
            ("POST", channel + "/messages", self.create, 200),
            ("GET", message, self.message, 200),
            ("PATCH", message, self.edit, 200),
            ("DELETE", message, self.delete, 204),
            ("POST", message + "/threads", self.start_thread, 201),
            ("PUT", emoji, self.react, 204),
            ("DELETE", emoji, self.unreact, 204),
        ]
        for method, path, route, status in routes:
            app.router.add_route(method, BASE + path, responding(route, status))
        attachment = "/attachments/{channel}/{attachment}/{name}"
        app.router.add_get(attachment, self.attachment)

    def shown(self, message: Message) -> Payload:
        """A message as the bot may read it."""
        payload = self.state.message_payload(message)
        if self.gateway.granted & Intent.MESSAGE_CONTENT:
            return payload
        private = self.state.channel(message.channel_id).guild_id is None
        return redacted(payload, self.state.bot.id, private=private)

    def _channel(self, request: web.Request, *wanted: Permission) -> Channel:
        channel = self.state.channel(number(request, "channel"))
        self.state.require(self.state.bot.id, channel, *wanted)
        return channel

    def _message(self, request: web.Request, *wanted: Permission) -> Message:
        channel = self._channel(request, *wanted)
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
        limit = {
            "total": 1000,
            "remaining": 1000,
            "reset_after": 0,
            "max_concurrency": 1,
        }
        url = self._api_url().replace("http", "ws").replace(BASE, "/gw")
        return {"url": url, "shards": 1, "session_start_limit": limit}

    async def open_dm(self, request: web.Request) -> Payload:
        channel = self.state.dm_channel(int(body(request)["recipient_id"]))
        return self.state.channel_payload(channel)

    async def user(self, request: web.Request) -> Payload:
        if (user := self.state.users.get(number(request, "user"))) is None:
            raise ApiError(10013)
        return self.state.user_payload(user)

    async def guild(self, request: web.Request) -> Payload:
        guild = self.state.guilds.get(number(request, "guild"))
        if guild is None:
            raise ApiError(10004)
        return self.state.guild_payload(guild)

    async def channels(self, request: web.Request) -> list[Payload]:
        return [c for c in (await self.guild(request))["channels"] if c["type"] == 0]

    async def member(self, request: web.Request) -> Payload:
        guild = self.state.guilds.get(number(request, "guild"))
        if guild is None:
            raise ApiError(10004)
        if number(request, "user") not in guild.members:
            raise ApiError(10007)
        return self.state.full_member(guild.id, number(request, "user"))

    async def active_threads(self, request: web.Request) -> Payload:
        threads = (await self.guild(request))["threads"]
        members = [thread["member"] for thread in threads if "member" in thread]
        return {"threads": threads, "members": members, "has_more": False}

    async def channel(self, request: web.Request) -> Payload:
        return self.state.channel_payload(self._channel(request))

    async def change_channel(self, request: web.Request) -> Payload:
        channel = self._channel(request)
        if channel.locked:
            raise ApiError(50013)
        channel.archived = body(request).get("archived", channel.archived)
        channel.name = body(request).get("name", channel.name)
        self.state.update_channel(channel)
        return self.state.channel_payload(channel)

    async def type(self, request: web.Request) -> None:
        self.typing.append(self._channel(request, Permission.SEND_MESSAGES).id)

    async def join_thread(self, request: web.Request) -> None:
        self.state.join_thread(self._channel(request), self.state.bot.id)

    async def history(self, request: web.Request) -> list[Payload]:
        channel = self._channel(request, Permission.READ_MESSAGE_HISTORY)
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
        channel = self._channel(request)
        asked = self.with_uploads(request, channel)
        message = self.state.post(self.state.bot.id, channel, asked)
        payload = self.shown(message)
        # Only the answer to the sender says it; the history does not.
        return payload | ({} if message.nonce is None else {"nonce": message.nonce})

    def with_uploads(self, request: web.Request, channel: Channel) -> Payload:
        """The message body, its files kept and described."""
        asked: Payload = dict(body(request))
        kept = []
        for index, upload in enumerate(request[CALL].files):
            described = (asked.get("attachments") or [{}])[index]
            kept.append(
                self.keep(channel.id, upload["filename"], upload["content"])
                | {"description": described.get("description")}
            )
        if kept:
            asked["attachments"] = kept
        return asked

    def keep(self, channel_id: int, name: str, content: bytes) -> Payload:
        id = self.state.clock.next_id()
        self.uploads[id] = content
        root = self._api_url().removesuffix(BASE)
        url = f"{root}/attachments/{channel_id}/{id}/{name}"
        return {
            "id": str(id),
            "filename": name,
            "size": len(content),
            "url": url,
            "proxy_url": url,
            "content_type": "text/plain" if name.endswith((".txt", ".md")) else None,
        }

    async def attachment(self, request: web.Request) -> web.Response:
        content = self.uploads.get(number(request, "attachment"))
        if content is None:
            raise web.HTTPNotFound
        return web.Response(body=content)

    async def message(self, request: web.Request) -> Payload:
        return self.shown(self._message(request, Permission.READ_MESSAGE_HISTORY))

    async def edit(self, request: web.Request) -> Payload:
        message = self._message(request)
        if message.author_id != self.state.bot.id:
            raise ApiError(50005)
        channel = self.state.channel(message.channel_id)
        asked = self.with_uploads(request, channel)
        return self.shown(self.state.edit(message, asked))

    async def delete(self, request: web.Request) -> None:
        message = self._message(request)
        if message.author_id != self.state.bot.id:
            raise ApiError(50013)
        self.state.delete(message)

    async def start_thread(self, request: web.Request) -> Payload:
        message = self._message(request, Permission.CREATE_PUBLIC_THREADS)
        name = body(request)["name"]
        if not 1 <= len(name) <= 100:
            problem = "Must be between 1 and 100 in length."
            raise form_error("name", "BASE_TYPE_BAD_LENGTH", problem)
        thread = self.state.start_thread(self.state.bot.id, message, name)
        return self.state.thread_payload(thread)

    async def react(self, request: web.Request) -> None:
        message = self._message(request, Permission.ADD_REACTIONS)
        emoji = request.match_info["emoji"]
        self.state.react(self.state.bot.id, message, emoji, add=True)

    async def unreact(self, request: web.Request) -> None:
        emoji = request.match_info["emoji"]
        self.state.react(self.state.bot.id, self._message(request), emoji, add=False)


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
