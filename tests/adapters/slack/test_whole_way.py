"""A question's whole way on a local Slack: real core, real SDK, real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer
from servers.slack.blocks import texts

from adapters.slack.adapter import SlackAdapter
from adapters.slack.settings import SlackSettings
from backends.base import Chunk, End, Profile, Text, Turn
from backends.knowledge.library import Library
from bot.app import App
from bot.model import ConversationId, answer_id
from bot.profiles import Profiles
from bot.settings import Settings, WorkerSettings
from bot.state.sqlite import SqliteState
from bot.testing import ScriptedBackend

pytest_plugins = ("servers.slack.fixtures",)


def script(turn: Turn) -> list[Chunk | Exception | float]:
    """Answers in two pieces, slowly if asked to."""
    pause = 0.4 if "slowly" in turn.question else 0.0
    return [Text(f"Answer to **{turn.question}**"), pause, Text(" indeed"), End()]


@asynccontextmanager
async def house(slack: SlackServer, folder: Path) -> AsyncIterator[App]:
    """A whole bot; leaving it ends it in an orderly way."""
    state = SqliteState(folder / "state.db")
    await state.open()
    adapter = SlackAdapter(
        SlackSettings(
            bot_token=BOT_TOKEN,
            app_token=APP_TOKEN,
            api_url=slack.api_url,
            connections=2,
            patience_seconds=1,
            edit_seconds=0.1,
            timeout_seconds=1,
        )
    )
    await adapter.open()
    backend = ScriptedBackend(script)
    settings = Settings(
        data_dir=folder,
        worker=WorkerSettings(retry_seconds=0.1, lease_seconds=1, attempts=10),
    )
    profiles = Profiles({"p": Profile("p", "scripted")}, lambda _: backend, "p")
    library = Library(folder)
    app = App.compose(settings, state, library, profiles, {"slack": adapter})
    stopping = asyncio.Event()
    running = asyncio.create_task(app.run(stopping))
    try:
        await slack.wait_for(lambda: len(slack.sockets.connections) == 2)
        yield app
    finally:
        stopping.set()
        with suppress(asyncio.CancelledError):
            await running
        await adapter.aclose()
        await state.aclose()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answers(slack: SlackServer, channel: str, thread: str) -> list[str]:
    """The texts of the answers; those that grew as streams have Markdown's marks."""
    found = slack.bot_messages(channel, thread)
    return [message["text"].replace("**", "*") for message in found]


def shown(slack: SlackServer, channel: str, thread: str) -> list[str]:
    """What people read in the one answer of a thread, piece by piece."""
    (message,) = slack.bot_messages(channel, thread) or [{"blocks": []}]
    return list(texts(message["blocks"]))


async def whole(slack: SlackServer, channel: str, thread: str, text: str) -> None:
    """Wait until the thread has this one answer, and a little for a second one."""
    await slack.wait_for(lambda: answers(slack, channel, thread) == [text], 10)


async def quiet(app: App, seconds: float = 5) -> None:
    """Wait until nothing waits in the inbox any more."""
    async with asyncio.timeout(seconds):
        while (await app.state.inbox.stats()).waiting:
            await asyncio.sleep(0.01)


async def test_a_mention_is_answered_and_followed_up(
    slack: SlackServer, folder: Path, ada: str, general: str
) -> None:
    async with house(slack, folder):
        root = slack.say(ada, general, "one?", mention_bot=True)
        await whole(slack, general, root, "Answer to *one?* indeed")
        slack.say(ada, general, "two?", thread=root)
        await slack.wait_for(lambda: len(answers(slack, general, root)) == 2)

    assert answers(slack, general, root)[1].startswith("Answer to *two?*")


async def test_an_edited_question_changes_its_answer(
    slack: SlackServer, folder: Path, ada: str, general: str
) -> None:
    async with house(slack, folder):
        root = slack.say(ada, general, "frist?", mention_bot=True)
        await whole(slack, general, root, "Answer to *frist?* indeed")
        slack.edit(ada, general, root, f"<@{slack.bot_id}> first?")
        await whole(slack, general, root, "Answer to *first?* indeed")


async def test_a_deleted_question_takes_its_answer_along(
    slack: SlackServer, folder: Path, ada: str
) -> None:
    im = slack.open_im(ada)
    async with house(slack, folder):
        root = slack.say(ada, im, "one?")
        await whole(slack, im, root, "Answer to *one?* indeed")
        slack.delete(ada, im, root)
        await slack.wait_for(lambda: slack.messages(im) == [])


async def test_stop_ends_an_answer_that_grows(
    slack: SlackServer, folder: Path, ada: str
) -> None:
    im = slack.open_im(ada)
    async with house(slack, folder):
        root = slack.say(ada, im, "slowly?")
        await slack.wait_for(lambda: answers(slack, im, root))
        slack.say(ada, im, "stop", thread=root)
        await slack.wait_for(lambda: "Stopped." in shown(slack, im, root))
        await slack.settled()

    assert shown(slack, im, root)[:2] == ["Answer to **slowly?**", "Stopped."]


async def test_a_rating_is_kept(
    slack: SlackServer, folder: Path, ada: str, general: str
) -> None:
    async with house(slack, folder) as app:
        root = slack.say(ada, general, "one?", mention_bot=True)
        await whole(slack, general, root, "Answer to *one?* indeed")
        (answer,) = slack.bot_messages(general, root)
        slack.react(ada, general, answer["ts"], "+1")

        await slack.settled()
        await quiet(app)
        conversation = ConversationId("slack", "T00000001", general, root)
        ratings = await app.state.feedback.of_answer(answer_id(conversation, root))

    assert [rating.verdict for rating in ratings] == ["good"]


async def test_a_command_by_slash_and_a_question_by_slash(
    slack: SlackServer, folder: Path, ada: str, general: str
) -> None:
    async with house(slack, folder):
        slack.slash(ada, general, "/curbside", "whoami")
        (seen,) = await slack.wait_for(lambda: slack.ephemerals)
        slack.slash(ada, general, "/curbside", "one?")
        root = (await slack.wait_for(slack.bot_messages))[0]
        await slack.wait_for(
            lambda: (
                answers(slack, general, root["ts"])[1:] == ["Answer to *one?* indeed"]
            )
        )

    assert f"slack:{ada}" in seen["text"]
    assert "an admin" in seen["text"]


async def test_each_question_is_answered_once_whatever_happens(
    slack: SlackServer, folder: Path, ada: str, general: str
) -> None:
    slack.redelivery(0.3)
    slack.sockets.retry_delays = (0.1, 0.5, 1.0)
    kinds = ("drop_after", "drop_before", "http500_after", "http500", "html")
    asked: dict[str, str] = {}

    async with house(slack, folder) as app:
        for number in range(40):
            slack.fail("chat.postMessage", kind=kinds[number % 5])
            slack.fail("chat.update", kind=kinds[(number + 1) % 5])
            if number % 15 == 7:
                slack.drop_socket()
            ts = slack.say(ada, general, f"q{number}", mention_bot=True)
            asked[ts] = f"Answer to *q{number}* indeed"
            await asyncio.sleep(0.03)
        await slack.settled(10)
        await quiet(app, 30)

    found = {ts: answers(slack, general, ts) for ts in asked}
    assert found == {ts: [text] for ts, text in asked.items()}
    assert slack.sockets.lost == []


async def test_a_bot_that_is_started_again_goes_on_in_the_same_message(
    slack: SlackServer, folder: Path, ada: str
) -> None:
    im = slack.open_im(ada)
    slack.fail("chat.postMessage", kind="slow", seconds=5)

    async with house(slack, folder) as app:
        root = slack.say(ada, im, "slowly?")
        await slack.wait_for(lambda: answers(slack, im, root))
        (working,) = (t for t in asyncio.all_tasks() if t.get_name() == "worker")
        working.cancel()
        del app
    async with house(slack, folder):
        await whole(slack, im, root, "Answer to *slowly?* indeed")

    assert len(slack.bot_messages(im, root)) == 1
