"""A local Discord on one loopback port, and what people do in it."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from aiohttp import web
from servers.discord.commands import GLOBAL
from servers.discord.control import Control
from servers.discord.faults import BASE, Call, Fault, Front, Limit
from servers.discord.gateway import Gateway
from servers.discord.interactions import InteractionRoutes
from servers.discord.model import (
    Channel,
    Clock,
    Guild,
    Intent,
    Interaction,
    Message,
    Payload,
    Permission,
)
from servers.discord.rest import RestRoutes
from servers.discord.state import DiscordState

T = TypeVar("T")

TOKEN = "local-bot-token"


class DiscordServer:
    """Gateway, REST API and the people in it, all on one loopback port."""

    def __init__(self, *, token: str = TOKEN, message_content: bool = True) -> None:
        self.token = token
        self.clock = Clock()
        self._changed = asyncio.Event()
        self.gateway = Gateway(token, lambda: self.gateway_url)
        self.state = DiscordState(self.clock, self._emit)
        self.gateway.records = self.state
        self.gateway.granted = Intent.NONE
        if message_content:
            self.gateway.granted = Intent.MESSAGE_CONTENT
        self.front = Front(token, self.clock, self._changed.set)
        self.rest = RestRoutes(self.state, self.gateway, lambda: self.api_url)
        self.interactions = InteractionRoutes(self.rest)
        self._runner: web.AppRunner | None = None
        self._root = ""

    def _emit(self, event: str, data: Payload, intent: Intent) -> None:
        self.gateway.dispatch(event, data, intent)
        self._changed.set()

    async def start(self, port: int = 0) -> None:
        # Bodies of a request may be as big as Discord takes them.
        app = web.Application(
            middlewares=[self.front.middleware()], client_max_size=25 * 2**20
        )
        app.router.add_get("/gw", self.gateway.handle)
        app.router.add_get("/gw/", self.gateway.handle)
        self.rest.add_to(app)
        self.interactions.add_to(app)
        Control(self).add_to(app)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        host, port = self._runner.addresses[0][:2]
        self._root = f"{host}:{port}"

    async def stop(self) -> None:
        await self.gateway.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> "DiscordServer":
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    @property
    def api_url(self) -> str:
        return f"http://{self._root}{BASE}"

    @property
    def gateway_url(self) -> str:
        return f"ws://{self._root}/gw"

    @property
    def control_url(self) -> str:
        return f"http://{self._root}/control"

    @property
    def calls(self) -> list[Call]:
        return self.front.calls

    @property
    def commands(self) -> list[Payload]:
        """The global commands that the bot has registered."""
        return self.interactions.commands.registered[GLOBAL]

    @property
    def bot_id(self) -> int:
        return self.state.bot.id

    def add_user(self, name: str, *, bot: bool = False) -> int:
        return self.state.new_user(name, bot=bot).id

    def add_guild(self, name: str = "clinic") -> int:
        return self.state.new_guild(name).id

    def add_channel(self, guild: int, name: str = "general") -> int:
        return self.state.new_channel(guild, name).id

    def delete_channel(self, channel: int) -> None:
        self.state.remove_channel(self._channel(channel))

    def archive(self, thread: int, *, locked: bool = False) -> None:
        found = self._channel(thread)
        found.archived, found.locked = True, locked
        self.state.update_channel(found)

    def deny(self, channel: int, *permissions: Permission, user: int = 0) -> None:
        """Take permissions in a channel away, from the bot if no user is named."""
        bits = sum(int(permission) for permission in permissions)
        self._channel(channel).denied[user or self.bot_id] = bits
        self.state.update_channel(self._channel(channel))

    def grant(
        self, user: int, guild: int = 0, *, manage_guild: bool = True, bits: int = 0
    ) -> None:
        """Give a role with permissions, in every guild if none is named."""
        wanted = Permission(bits)
        if manage_guild:
            wanted |= Permission.MANAGE_GUILD
        for found in self._guilds(guild):
            self.state.give_role(found, user, wanted)

    def say(
        self,
        user: int,
        channel: int,
        text: str,
        *,
        mention_bot: bool = False,
        reply_to: int = 0,
        ping: bool = True,
        files: tuple[tuple[str, bytes], ...] = (),
    ) -> int:
        """Write as a person; a reply mentions its author unless `ping` is off."""
        place = self._channel(channel)
        if place.guild_id is not None:
            self.state.join_guild(self.state.guilds[place.guild_id], user)
        body: Payload = {"content": text}
        if mention_bot:
            body["content"] = f"<@{self.bot_id}> {text}"
        if reply_to:
            body["message_reference"] = {"message_id": str(reply_to)}
            body["allowed_mentions"] = {"parse": ["users"], "replied_user": ping}
        body["attachments"] = [self.rest.keep(channel, *file) for file in files]
        return self.state.post(user, place, body).id

    def dm(self, user: int, text: str, *, reply_to: int = 0) -> int:
        return self.say(user, self.dm_channel(user), text, reply_to=reply_to)

    def dm_channel(self, user: int) -> int:
        return self.state.dm_channel(user).id

    def edit(self, message: int, text: str) -> None:
        self.state.edit(self.state.messages[message], {"content": text})

    def unfurl(self, message: int) -> None:
        """Discord adds a link preview: an update in which nobody edited the text."""
        found = self.state.messages[message]
        found.embeds = [{"type": "link", "url": "http://127.0.0.1/", "title": "Page"}]
        self.state.announce_edit(found)

    def delete(self, message: int) -> None:
        self.state.delete(self.state.messages[message])

    def purge(self, channel: int, *messages: int) -> None:
        """Delete several messages at once, as moderators do."""
        self.state.delete_many(self._channel(channel), messages)

    def react(
        self, user: int, message: int, emoji: str, *, remove: bool = False
    ) -> None:
        self.state.react(user, self.state.messages[message], emoji, add=not remove)

    def thread(self, user: int, message: int, name: str = "thread") -> int:
        """A person starts a thread from a message."""
        return self.state.start_thread(user, self.state.messages[message], name).id

    def slash(
        self, user: int, channel: int, command: str, **options: Any
    ) -> Interaction:
        """Run a registered command; sub-commands follow after a space."""
        place = self._channel(channel)
        if place.guild_id is not None:
            self.state.join_guild(self.state.guilds[place.guild_id], user)
        return self.interactions.run(user, place, command, options)

    def suggest(
        self, user: int, channel: int, command: str, **options: Any
    ) -> Interaction:
        """Type options of a command; the last one waits for suggestions."""
        return self.interactions.suggest(user, self._channel(channel), command, options)

    def click(self, user: int, message: int, custom_id: str) -> Interaction:
        return self.interactions.press(user, self.state.messages[message], custom_id)

    def submit(
        self, user: int, channel: int, custom_id: str, values: dict[str, str]
    ) -> Interaction:
        place = self._channel(channel)
        return self.interactions.submit(user, place, custom_id, values)

    def messages(self, channel: int) -> list[Message]:
        return self.state.in_channel(channel)

    def bot_messages(self, channel: int) -> list[Message]:
        return [m for m in self.messages(channel) if m.author_id == self.bot_id]

    def message(self, id: int) -> Message:
        return self.state.messages[id]

    def threads(self, channel: int) -> list[Channel]:
        found = self.state.channels.values()
        return [c for c in found if c.is_thread and c.parent_id == channel]

    def interaction_reply(self, id: int) -> Message | None:
        """The message that answers an interaction, thinking or finished."""
        found = (i for i in self.state.interactions.values() if i.id == id)
        if (interaction := next(found, None)) is None:
            raise LookupError(f"no interaction {id}")
        return self.state.messages.get(interaction.original_id or 0)

    async def wait_for(
        self, predicate: Callable[[], T | None], timeout: float = 5.0
    ) -> T:
        """Wait until the predicate is true and give its value back."""
        async with asyncio.timeout(timeout):
            while not (value := predicate()):
                self._changed.clear()
                # What a client does on its own side is seen by looking again.
                try:
                    await asyncio.wait_for(self._changed.wait(), 0.02)
                except TimeoutError:
                    continue
            return value

    def sent(self, method: str, path: str) -> list[Call]:
        """The calls so far whose method and path (a pattern) match."""
        pattern = re.compile(path)
        return [
            call
            for call in self.calls
            if call.method == method and pattern.search(call.path)
        ]

    def fail(
        self,
        method: str,
        path: str,
        *,
        kind: str,
        times: int = 1,
        seconds: float = 0.05,
    ) -> None:
        """Spoil the next calls; see `servers.discord.faults.spoilt` for the kinds."""
        fault = Fault(method, re.compile(path), kind, times, seconds)
        self.front.faults.append(fault)

    def limit(self, method: str, path: str, calls: int, seconds: float) -> None:
        limit = Limit(method, re.compile(path), calls, seconds)
        self.front.limits.append(limit)

    def drop_gateway(self, *, resumable: bool = True) -> None:
        self.gateway.drop(resumable=resumable)

    def redelivery(self, share: float) -> None:
        self.gateway.redelivery = share

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def _channel(self, id: int) -> Channel:
        return self.state.channel(id)

    def _guilds(self, guild: int) -> list[Guild]:
        known = self.state.guilds
        return [known[guild]] if guild else list(known.values())


@contextmanager
def patched(server: DiscordServer) -> Iterator[None]:
    """Point the installed discord.py at the local server."""
    import yarl

    from discord import gateway, http

    base, url = http.Route.BASE, gateway.DiscordWebSocket.DEFAULT_GATEWAY
    http.Route.BASE = server.api_url
    gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.gateway_url)
    try:
        yield
    finally:
        http.Route.BASE = base
        gateway.DiscordWebSocket.DEFAULT_GATEWAY = url
