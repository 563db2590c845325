"""A whole bot on a local Discord: real core, real library, real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pydantic import SecretStr
from servers.discord import DiscordServer

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.settings import DiscordSettings
from backends.base import Chunk, End, Profile, Text, Turn
from backends.knowledge.library import Library
from bot.app import App
from bot.profiles import Profiles
from bot.settings import Settings, WorkerSettings
from bot.state.sqlite import SqliteState
from bot.testing import ScriptedBackend


def script(turn: Turn) -> list[Chunk | Exception | float]:
    """Answers in two pieces, slowly if asked to, at length if asked to."""
    pause = 0.4 if "slowly" in turn.question else 0.0
    much = " and more" * 400 if "at length" in turn.question else ""
    return [Text(f"Answer to **{turn.question}**{much}"), pause, Text(" indeed"), End()]


@asynccontextmanager
async def house(
    server: DiscordServer, folder: Path, *, content: bool = False, listen: bool = True
) -> AsyncIterator[App]:
    """A whole bot; leaving it ends it in an orderly way."""
    state = SqliteState(folder / "state.db")
    await state.open()
    adapter = DiscordAdapter(
        DiscordSettings(
            token=SecretStr(server.token),
            api_url=server.api_url,
            gateway_url=server.gateway_url,
            message_content=content,
            edit_seconds=0.1,
            timeout_seconds=1,
        ),
        now=server.clock.now,
    )
    await adapter.open()
    settings = Settings(
        data_dir=folder,
        worker=WorkerSettings(retry_seconds=0.1, lease_seconds=1, attempts=10),
    )
    backend = ScriptedBackend(script)
    profiles = Profiles({"p": Profile("p", "scripted")}, lambda _: backend, "p")
    library = Library(folder)
    app = App.compose(settings, state, library, profiles, {"discord": adapter})
    stopping = asyncio.Event()
    running = asyncio.create_task(app.run(stopping, listen=listen))
    try:
        if listen:
            await server.wait_for(lambda: server.gateway.connected)
            await server.wait_for(lambda: server.commands)
        yield app
    finally:
        stopping.set()
        with suppress(asyncio.CancelledError):
            await running
        await adapter.aclose()
        await state.aclose()


def answers(server: DiscordServer, place: int) -> list[str]:
    return [message.content for message in server.bot_messages(place)]


async def whole(server: DiscordServer, place: int, text: str) -> None:
    """Wait until this one answer stands there."""
    await server.wait_for(lambda: answers(server, place) == [text], 10)


async def quiet(app: App, seconds: float = 5) -> None:
    """Wait until nothing waits in the inbox any more."""
    async with asyncio.timeout(seconds):
        while (await app.state.inbox.stats()).waiting:
            await asyncio.sleep(0.01)
