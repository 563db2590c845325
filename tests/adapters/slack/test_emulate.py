"""Our adapter against a Slack that others wrote: the npm package `emulate`."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.adapter import SlackAdapter
from adapters.slack.settings import SlackSettings
from backends.base import End, Profile, Text
from backends.knowledge.library import Library
from bot.app import App
from bot.profiles import Profiles
from bot.settings import Settings
from bot.state.sqlite import SqliteState
from bot.testing import ScriptedBackend

PACKAGES = ("emulate@0.11.2", "@emulators/core@0.6.1")
SECRET = "shared-with-emulate"
SCRIPT = Path(__file__).parents[2] / "servers" / "emulate.mjs"

JSON = dict[str, Any]


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the packages are installed; without Node 20 or the registry, a skip."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("npm")
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
    done = subprocess.run(
        [*command, *PACKAGES], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        pytest.skip(f"npm cannot install {PACKAGES[0]}: {done.stderr[-200:]}")
    return folder / "node_modules"


@dataclass
class Emulated:
    """A person in the emulated workspace, where our bot answers."""

    ada: AsyncWebClient
    channel: str
    bot: str

    async def ask(self, text: str, thread: str | None = None) -> str:
        """Mention the bot; the message."""
        words = f"<@{self.bot}> {text}" if thread is None else text
        said = await self.ada.chat_postMessage(
            channel=self.channel, text=words, thread_ts=thread
        )
        return str(said["ts"])

    async def answers(self, thread: str) -> list[str]:
        """What the bot wrote there."""
        found = await self.ada.api_call(
            "conversations.replies", params={"channel": self.channel, "ts": thread}
        )
        return [m["text"] for m in found["messages"] if m["user"] == self.bot]


@pytest.fixture
async def emulated(
    modules: Path,
    unused_tcp_port: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Emulated]:
    for name in list(os.environ):
        if name.startswith(("SLACK_", "CURBSIDE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    events = f"http://127.0.0.1:{unused_tcp_port}/slack/events"
    process = await asyncio.create_subprocess_exec(
        *("node", str(SCRIPT), str(modules), events, SECRET),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        api_url = line.decode().strip()
        assert api_url.startswith("http"), "emulate did not start"
        settings = SlackSettings(
            bot_token="xoxb-emulate",
            api_url=api_url,
            mode="http",
            signing_secret=SECRET,
            port=unused_tcp_port,
            edit_seconds=0.1,
        )
        async with house(settings, tmp_path):
            yield await enter(api_url)
    finally:
        process.terminate()
        await process.wait()


async def enter(api_url: str) -> Emulated:
    """Both join the channel."""
    ada = AsyncWebClient("xoxp-ada", base_url=api_url, retry_handlers=[])
    bot = AsyncWebClient("xoxb-emulate", base_url=api_url, retry_handlers=[])
    listed = (await ada.conversations_list())["channels"]
    channel = next(c["id"] for c in listed if c["name"] == "clinic")
    for client in (ada, bot):
        await client.conversations_join(channel=channel)
    return Emulated(ada, channel, (await bot.auth_test())["user_id"])


@asynccontextmanager
async def house(settings: SlackSettings, folder: Path) -> AsyncIterator[None]:
    """A whole bot over that Slack."""
    state = SqliteState(folder / "state.db")
    await state.open()
    adapter = SlackAdapter(settings)
    await adapter.open()
    backend = ScriptedBackend(lambda turn: [Text(turn.question[::-1]), End()])
    profiles = Profiles({"p": Profile("p", "scripted")}, lambda _: backend, "p")
    parts: JSON = {"slack": adapter}
    ours = Settings(data_dir=folder)
    app = App.compose(ours, state, Library(folder), profiles, parts)
    stopping = asyncio.Event()
    running = asyncio.create_task(app.run(stopping))
    try:
        await until(lambda: listening(settings.port))
        yield
    finally:
        stopping.set()
        await running
        await adapter.aclose()
        await state.aclose()


async def listening(port: int) -> bool:
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(15):
        while not await condition():
            await asyncio.sleep(0.05)


async def test_a_mention_and_a_follow_up_are_answered_once(emulated: Emulated) -> None:
    root = await emulated.ask("abc")
    await until(lambda: answered(emulated, root, ["cba"]))

    await emulated.ask("xyz", thread=root)
    await until(lambda: answered(emulated, root, ["cba", "zyx"]))


async def test_many_questions_at_once(emulated: Emulated) -> None:
    roots = {await emulated.ask(text): text for text in ("one", "two", "three")}

    for root, text in roots.items():
        await until(partial(answered, emulated, root, [text[::-1]]))


async def answered(emulated: Emulated, root: str, texts: list[str]) -> bool:
    return await emulated.answers(root) == texts
