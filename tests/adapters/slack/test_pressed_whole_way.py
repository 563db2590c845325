"""What people press on a local Slack, with the real core behind it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer
from servers.slack.blocks import elements, texts

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


def script(turn: Turn) -> list[Chunk | Exception | float]:
    if "slowly" in turn.question:
        return [Text("It opens at "), *([0.1, Text("nine ")] * 100), End()]
    return [Text(f"Answer to {turn.question}"), End()]


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend(script)


@pytest.fixture
async def app(
    slack: SlackServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    backend: ScriptedBackend,
    ada: str,
    general: str,
) -> AsyncIterator[App]:
    monkeypatch.chdir(tmp_path)
    async with house(slack, tmp_path, backend, general) as app:
        yield app


@asynccontextmanager
async def house(
    slack: SlackServer, folder: Path, backend: ScriptedBackend, humans: str
) -> AsyncIterator[App]:
    """A whole bot; a human is called in the channel `humans`."""
    state = SqliteState(folder / "state.db")
    await state.open()
    adapter = SlackAdapter(
        SlackSettings(
            bot_token=BOT_TOKEN,
            app_token=APP_TOKEN,
            api_url=slack.api_url,
            connections=1,
            patience_seconds=1,
            edit_seconds=0.1,
            catch_up_minutes=0,
        )
    )
    await adapter.open()
    settings = Settings.model_validate(
        {
            "data_dir": folder,
            "worker": WorkerSettings(retry_seconds=0.1, lease_seconds=2),
            "places": {"slack": {"human_channel": humans, "human_mention": "S0001"}},
        }
    )
    profiles = Profiles({"p": Profile("p", "scripted")}, lambda _: backend, "p")
    app = App.compose(settings, state, Library(folder), profiles, {"slack": adapter})
    stopping = asyncio.Event()
    running = asyncio.create_task(app.run(stopping))
    try:
        await slack.wait_for(lambda: len(slack.sockets.connections) == 1)
        yield app
    finally:
        stopping.set()
        with suppress(asyncio.CancelledError):
            await running
        await adapter.aclose()
        await state.aclose()


async def answered(slack: SlackServer, im: str, ada: str, text: str) -> dict[str, Any]:
    """Ask in private; the whole answer, with its buttons."""
    root = slack.say(ada, im, text)

    def whole() -> list[dict[str, Any]]:
        found = slack.bot_messages(im, root)
        return [m for m in found if "curbside:retry" in ids(m)]

    return (await slack.wait_for(whole))[0]


def ids(message: dict[str, Any]) -> list[str]:
    return [element["action_id"] for element in elements(message["blocks"])]


async def test_the_stop_button_ends_the_model_call_within_a_second(
    slack: SlackServer, app: App, backend: ScriptedBackend, ada: str
) -> None:
    im = slack.open_im(ada)
    root = slack.say(ada, im, "slowly?")
    session = await slack.wait_for(
        lambda: slack.web_api.agents.sessions.get((im, root))
    )
    await slack.wait_for(
        lambda: "nine" in " ".join(m["text"] for m in slack.bot_messages(im, root))
    )
    before = slack.bot_messages(im, root)[0]["text"]

    pressed = time.monotonic()
    slack.stop_agent(ada, im, root)
    await slack.wait_for(lambda: backend.cancelled, 2)
    seconds = time.monotonic() - pressed
    await slack.wait_for(lambda: session["status"] == "active")
    await slack.settled()

    (message,) = slack.bot_messages(im, root)
    assert seconds < 1
    assert message["text"].startswith(before.strip())
    assert "Stopped." in " ".join(texts(message["blocks"]))
    assert "curbside:retry" in ids(message)


async def test_a_vote_and_what_was_wrong(
    slack: SlackServer, app: App, ada: str
) -> None:
    im = slack.open_im(ada)
    answer = await answered(slack, im, ada, "when?")
    (feedback,) = [e for e in elements(answer["blocks"]) if "negative_button" in e]
    bad = feedback["negative_button"]["value"]
    slack.click(ada, im, answer["ts"], feedback["action_id"], bad)
    modal = await slack.wait_for(lambda: slack.modal(ada))
    slack.submit(ada, modal["id"], {"wrong": "It is ten.", "better": "At ten."})
    await slack.wait_for(lambda: slack.ephemerals)

    async with asyncio.timeout(5):
        while not (found := await app.state.records.newest("feedback")):
            await asyncio.sleep(0.05)
    assert "It is ten." in str(found[0].data)


async def test_a_correction_stands_in_the_answers_place(
    slack: SlackServer, app: App, ada: str
) -> None:
    im = slack.open_im(ada)
    answer = await answered(slack, im, ada, "when?")
    (correct,) = [
        (e["action_id"], option["value"])
        for e in elements(answer["blocks"])
        for option in e.get("options") or [e]
        if "correct" in option.get("value", "") or "correct" in e["action_id"]
    ]
    slack.click(ada, im, answer["ts"], *correct)
    modal = await slack.wait_for(lambda: slack.modal(ada))
    slack.submit(ada, modal["id"], {"answer": "At **ten**, on all days."})

    root = answer["thread_ts"]
    await slack.wait_for(
        lambda: slack.bot_messages(im, root)[0]["text"].startswith("At *ten*")
    )
    (message,) = slack.bot_messages(im, root)
    assert "ada" in " ".join(texts(message["blocks"]))
    assert "curbside:retry" in ids(message)


async def test_a_human_is_called_and_resolves_it(
    slack: SlackServer, app: App, ada: str, general: str
) -> None:
    im = slack.open_im(ada)
    answer = await answered(slack, im, ada, "when?")
    slack.click(ada, im, answer["ts"], "curbside:human")
    (call,) = await slack.wait_for(lambda: slack.bot_messages(general))

    assert call["blocks"][0]["text"]["text"] == "<!subteam^S0001>"
    assert "when?" in call["text"]
    assert f"https://local.slack.test/archives/{im}/p" in call["text"]
    slack.click(ada, general, call["ts"], "curbside:resolve")
    await slack.wait_for(
        lambda: "Resolved by" in slack.bot_messages(general)[0]["text"]
    )
    assert "curbside:resolve" not in ids(slack.bot_messages(general)[0])


async def test_the_home_tab_forgets_a_person(
    slack: SlackServer, app: App, ada: str
) -> None:
    im = slack.open_im(ada)
    await answered(slack, im, ada, "when?")
    slack.open_home(ada)
    home = await slack.wait_for(lambda: slack.home(ada))
    (forget,) = [id_ for id_ in ids(home) if id_.startswith("curbside:forget")]
    slack.click_in_view(ada, home["id"], forget)
    modal = await slack.wait_for(lambda: slack.modal(ada))
    slack.submit(ada, modal["id"])
    await slack.settled()

    async with asyncio.timeout(5):
        while await app.state.records.newest("answer"):
            await asyncio.sleep(0.05)


async def test_ask_about_this_is_answered_where_it_stands(
    slack: SlackServer, app: App, ada: str, general: str
) -> None:
    ts = slack.say(ada, general, "The fridge beeps.")
    slack.shortcut(ada, general, ts, "ask_about_this")
    modal = await slack.wait_for(lambda: slack.modal(ada))
    (field,) = ids(modal)
    slack.submit(ada, modal["id"], {field: "Why does it?"})

    found = await slack.wait_for(lambda: slack.bot_messages(general, ts))
    await slack.settled()
    assert "Why does it?" in found[0]["text"]
    assert "The fridge beeps." in found[0]["text"]
