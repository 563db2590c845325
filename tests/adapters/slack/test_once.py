"""Each write of an answer lost after it took effect: exactly one whole answer."""

import asyncio
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from servers.slack import APP_TOKEN, BOT_TOKEN, Fault, SlackServer
from servers.slack.arguments import Arguments

from adapters.slack.adapter import SlackAdapter
from adapters.slack.settings import SlackSettings
from backends.base import Chunk, End, Profile, Text, Turn
from backends.knowledge.library import Library
from bot.app import App
from bot.profiles import Profiles
from bot.settings import Settings, WorkerSettings
from bot.state.sqlite import SqliteState
from bot.testing import ScriptedBackend

pytest_plugins = ("servers.slack.fixtures",)

ANSWERS = 100
AT_ONCE = 10
STEPS = 6
"""Which of its writes an answer loses; some answers have fewer."""

METHODS = {
    False: {"chat.postMessage", "chat.update"},
    True: {"chat.startStream", "chat.appendStream", "chat.stopStream"},
}
LOOKS = frozenset(
    {
        *("auth.test", "users.info", "users.conversations", "apps.connections.open"),
        *("conversations.history", "conversations.replies", "conversations.info"),
    }
)


def script(turn: Turn) -> list[Chunk | Exception | float]:
    return [
        Text(f"Answer to {turn.question}"),
        0.3,
        Text(" in three"),
        0.3,
        Text(" parts."),
        End(),
    ]


class Losses:
    """Loses the reply of one write of each answer; which one, goes by its number."""

    def __init__(self, slack: SlackServer) -> None:
        self._slack = slack
        self.losing: dict[str, int] = {}
        self.writes: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()

    def choose(self, method: str, arguments: Arguments) -> Fault | None:
        thread = self._thread(arguments)
        if method in LOOKS or thread not in self.losing:
            return None
        self.writes[thread] += 1
        if self.writes[thread] != self.losing[thread]:
            return None
        self.lost[method] += 1
        return Fault("drop_after")

    def _thread(self, arguments: Arguments) -> str:
        """The thread that a write is for; an edit names the message alone."""
        channel = arguments.text("channel") or arguments.text("channel_id")
        thread = arguments.text("thread_ts")
        if thread or not arguments.text("ts"):
            return thread
        for message in self._slack.workspace.messages(channel):
            if message.ts == arguments.text("ts"):
                return message.thread_ts or ""
        return ""


async def compose(slack: SlackServer, folder: Path) -> tuple[App, SqliteState]:
    state = SqliteState(folder / "state.db")
    await state.open()
    slack_settings = SlackSettings(
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        api_url=slack.api_url,
        connections=1,
        edit_seconds=0.1,
        timeout_seconds=5,
        catch_up_minutes=0,
    )
    adapter = SlackAdapter(slack_settings)
    await adapter.open()
    worker = WorkerSettings(retry_seconds=0.1, attempts=10)
    settings = Settings(data_dir=folder, worker=worker)
    backend = ScriptedBackend(script)
    profiles = Profiles({"p": Profile("p", "scripted")}, lambda _: backend, "p")
    parts: dict[str, Any] = {"slack": adapter}
    app = App.compose(settings, state, Library(folder), profiles, parts)
    return app, state


@pytest.mark.parametrize("streams", [0, 1_000], ids=["edited", "streamed"])
async def test_each_answer_is_there_once_and_whole(
    slack: SlackServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ada: str,
    streams: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("adapters.slack.streaming.STARTS_PER_MINUTE", streams)
    monkeypatch.setattr("adapters.slack.adapter.EDITS_PER_MINUTE", 10_000)
    monkeypatch.setattr("adapters.slack.adapter.APPENDS_PER_MINUTE", 10_000)
    losses = Losses(slack)
    slack.faults.choose = losses.choose
    places = [slack.add_channel(f"place{number}") for number in range(AT_ONCE)]
    app, state = await compose(slack, tmp_path)
    stopping = asyncio.Event()
    running = asyncio.create_task(app.run(stopping))
    await slack.wait_for(lambda: slack.sockets.connections)

    async def ask(place: str, numbers: range) -> None:
        for number in numbers:
            root = slack.say(ada, place, f"{number}?", mention_bot=True)
            losses.losing[root] = 1 + number % STEPS
            await slack.wait_for(partial(whole, slack, place, root), timeout=30)

    async with asyncio.TaskGroup() as group:
        for first, place in enumerate(places):
            group.create_task(ask(place, range(first, ANSWERS, AT_ONCE)))
    await slack.settled()
    async with asyncio.timeout(10):
        while (await state.inbox.stats()).waiting:
            await asyncio.sleep(0.05)
    stopping.set()
    await running
    await app.adapters["slack"].aclose()
    await state.aclose()

    found = {root: slack.bot_messages(None, root) for root in losses.losing}
    once = [root for root, messages in found.items() if len(messages) == 1]
    assert len(once) == ANSWERS
    assert sum(losses.lost.values()) >= ANSWERS // 2
    assert set(losses.lost) >= METHODS[bool(streams)]


def whole(slack: SlackServer, place: str, root: str) -> bool:
    """Whether the thread has one answer, complete, that does not grow any more."""
    messages = slack.bot_messages(place, root)
    growing = slack.web_api.streaming.growing
    return (
        len(messages) == 1
        and messages[0]["text"].endswith("in three parts.")
        and not growing(place, messages[0]["ts"])
    )
