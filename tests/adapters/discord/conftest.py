"""A Discord adapter against a local Discord."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from servers.discord import DiscordServer
from servers.intake import Box

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.settings import DiscordSettings
from bot.adapter import Acceptance
from bot.errors import StateUnavailable
from bot.model import ConversationId, Delivery, Event, Message, SentPart, answer_id

Delivering = Callable[..., Delivery]
Opened = Callable[..., AbstractAsyncContextManager[DiscordAdapter]]
Listening = Callable[[DiscordAdapter], AbstractAsyncContextManager[None]]


class NamingBox(Box):
    """An intake that knows two backends, that may be full, whose commands may fail."""

    full = False

    async def accept(self, event: Event) -> Acceptance:
        return Acceptance.FULL if self.full else await super().accept(event)

    async def command(self, message: Message) -> str | None:
        if self.broken:
            self.broken -= 1
            raise StateUnavailable("the state is away")
        return await super().command(message)

    def profiles(self) -> Sequence[str]:
        return ["handbook", "voice"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration file of the developer's."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions are started without Discord's pauses."""
    monkeypatch.setattr("adapters.discord.starting.SPACING_SECONDS", 0.05)
    monkeypatch.setattr("adapters.discord.library.READY_SECONDS", 0.2)
    monkeypatch.setattr("adapters.discord.calling.CALLS_A_SECOND", 1_000)


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
def channel(server: DiscordServer) -> int:
    return server.add_channel(server.add_guild())


@pytest.fixture
def ana(server: DiscordServer) -> int:
    return server.add_user("ana")


@pytest.fixture
def box() -> Box:
    return NamingBox()


@pytest.fixture
def delivering(server: DiscordServer) -> Delivering:
    """The delivery that the core makes for a question, before anything is sent."""

    def deliver(
        channel: int, question: int | Message, thread: int | str = ""
    ) -> Delivery:
        guild = server.state.channel(channel).guild_id
        workspace = "dm" if guild is None else str(guild)
        place = ConversationId("discord", workspace, str(channel), str(thread))
        token = ""
        if isinstance(question, Message):
            place, token = question.conversation, question.reply_token
            question = int(question.id)
        return Delivery(
            answer_id=answer_id(place, str(question)),
            conversation=place,
            covers=(),
            question_id=str(question),
            reply_token=token,
            parts=(SentPart(0),),
        )

    return deliver


@pytest.fixture
def opened(server: DiscordServer) -> Opened:
    """Opens an adapter with settings of its own; another one is another process."""

    @asynccontextmanager
    async def open_adapter(**given: Any) -> AsyncIterator[DiscordAdapter]:
        where = {"api_url": server.api_url, "gateway_url": server.gateway_url}
        settings = DiscordSettings(**{"token": server.token, **where, **given})
        adapter = DiscordAdapter(settings, now=server.clock.now)
        try:
            await adapter.open()
            yield adapter
        finally:
            await adapter.aclose()

    return open_adapter


@pytest.fixture
async def adapter(opened: Opened) -> AsyncIterator[DiscordAdapter]:
    async with opened() as adapter:
        yield adapter


@pytest.fixture
def listening(server: DiscordServer, box: Box) -> Listening:
    """Lets an adapter listen, from its being connected to the end of the block."""

    @asynccontextmanager
    async def listen(adapter: DiscordAdapter) -> AsyncIterator[None]:
        task = asyncio.create_task(adapter.listen(box))
        try:
            await server.wait_for(lambda: server.gateway.connected or task.done())
            if task.done():
                task.result()
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return listen


@pytest.fixture
async def hearing(
    server: DiscordServer, channel: int, adapter: DiscordAdapter, listening: Listening
) -> AsyncIterator[DiscordAdapter]:
    """The adapter, listening, with its commands registered."""
    async with listening(adapter):
        await server.wait_for(lambda: server.commands)
        yield adapter
