"""The real program, killed in the middle of an answer, over a real socket to Slack."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from servers.openai import OpenAIServer, Reply
from servers.program import Program, until
from servers.redis import RedisServer
from servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer

ANSWER = "Walk-ins close at four on Fridays, and at half past five on other days."

CONFIG = """
data_dir = "data"
default_backend = "tuned"
{state}

[worker]
lease_seconds = 3

[backends.tuned]
kind = "fine_tuned"
model = "clinic-lora"
base_url = "{model}"

[slack]
api_url = "{slack}"
edit_seconds = 0.2
"""


@dataclass
class Town:
    """A Slack, a model server, and how to start the program between them."""

    slack: SlackServer
    model: OpenAIServer
    folder: Path
    state: str

    def program(self) -> Program:
        config = CONFIG.format(
            slack=self.slack.api_url, model=self.model.base_url, state=self.state
        )
        tokens = {
            "CURBSIDE_SLACK_BOT_TOKEN": BOT_TOKEN,
            "CURBSIDE_SLACK_APP_TOKEN": APP_TOKEN,
        }
        command = ("run", "--platform", "slack")
        return Program(self.folder, config, *command, environment=tokens)

    async def ask(self, text: str) -> tuple[str, str]:
        """Ask in a channel; the channel and the message's ts."""
        channel, user = self.slack.add_channel("general"), self.slack.add_user("ada")
        self.slack.join(user, channel)
        return channel, self.slack.say(user, channel, text, mention_bot=True)

    def connected(self) -> bool:
        return bool(self.slack.sockets.connections)

    def answers(self, channel: str, thread: str) -> list[str]:
        return [message["text"] for message in self.slack.bot_messages(channel, thread)]


@pytest.fixture(params=["sqlite", "redis"])
async def town(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    state = ""
    if request.param == "redis":
        redis: RedisServer = request.getfixturevalue("redis_server")
        state = f'redis_url = "{redis.url}"'
    slack, model = SlackServer(), OpenAIServer()
    await slack.start()
    model.models = {"clinic-lora": None}
    await model.start()
    yield Town(slack, model, tmp_path, state)
    await slack.stop()
    await model.stop()


async def test_a_killed_answer_is_finished_by_the_next_process_once(town: Town) -> None:
    town.model.answer = lambda asked: Reply(ANSWER, pieces=10, delay=0.25)
    program = town.program()
    await program.start()
    try:
        await until(town.connected, what="connecting", program=program)
        channel, question = await town.ask("When do walk-ins close on Friday?")
        await until(
            lambda: bool(town.answers(channel, question)),
            what="first words",
            program=program,
        )
        assert ANSWER not in town.answers(channel, question)[0]

        await program.kill()
        await program.start()

        def whole() -> bool:
            return town.answers(channel, question) == [ANSWER]

        await until(whole, 30, what="the whole answer", program=program)
        await asyncio.sleep(1)
        assert whole()
    finally:
        await program.kill()


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.startStream"])
async def test_a_post_that_was_under_way_at_the_kill_is_not_doubled(
    town: Town, method: str
) -> None:
    town.model.answer = lambda asked: Reply(ANSWER, pieces=10, delay=0.1)
    if method == "chat.postMessage":
        town.slack.fail("chat.startStream", times=10, kind="error:unknown_method")
    # The post takes effect, but its reply does not come before the process is dead.
    town.slack.fail(method, kind="slow", seconds=30)
    program = town.program()
    await program.start()
    try:
        await until(town.connected, what="connecting", program=program)
        channel, question = await town.ask("When do walk-ins close on Friday?")
        await until(
            lambda: bool(town.answers(channel, question)),
            what="the post",
            program=program,
        )

        await program.kill()
        await program.start()
        await until(
            lambda: any(
                call.method == "conversations.replies" for call in town.slack.calls
            ),
            30,
            what="the look-up",
            program=program,
        )
        await asyncio.sleep(2)

        assert town.answers(channel, question) == [ANSWER]
    finally:
        await program.kill()


async def test_a_term_signal_lets_the_answer_end(town: Town) -> None:
    town.model.answer = lambda asked: Reply(ANSWER, pieces=10, delay=0.2)
    program = town.program()
    await program.start()
    try:
        await until(town.connected, what="connecting", program=program)
        channel, question = await town.ask("When do walk-ins close on Friday?")
        await until(
            lambda: bool(town.answers(channel, question)),
            what="first words",
            program=program,
        )

        await program.signal(signal.SIGTERM)
        code = await program.wait()

        assert code == 0, program.log
        assert town.answers(channel, question) == [ANSWER]
    finally:
        await program.kill()
