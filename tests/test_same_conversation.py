"""One conversation, word for word, on every platform and over both state engines.

The real program, the real SDKs, real sockets; only the other ends are local servers.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from servers.discord import TOKEN as DISCORD_TOKEN
from servers.discord import DiscordServer
from servers.openai import Asked, OpenAIServer
from servers.program import Program, until
from servers.redis import RedisServer
from servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer

# What is said, and what the answer must hold. The model tells how much it remembers.
SCRIPT = [
    ("When do walk-ins close?", "house-model after 0"),
    ("And on Fridays?", "house-model after 1"),
    ("use tuned", "`tuned` answers"),
    ("What about Mondays?", "tuned-model after 2"),
    ("undo", "`house` answers"),
    ("And on Tuesdays?", "house-model after 3"),
    ("reset", "4 questions"),
    ("Hello again?", "house-model after 0"),
]

CONFIG = """
data_dir = "data"
default_backend = "house"
{state}

[backends.house]
kind = "fine_tuned"
model = "house-model"
base_url = "{model}"

[backends.tuned]
kind = "fine_tuned"
model = "tuned-model"
base_url = "{model}"

{platform}
"""


def remembering(asked: Asked) -> str:
    """Which model was asked, and how many questions it was shown before."""
    before = sum(message["role"] == "user" for message in asked.messages) - 1
    return f"{asked.body['model']} after {before}"


class Player(ABC):
    """Somebody who talks to the program on a platform."""

    def __init__(self, folder: Path, state: str, model: str) -> None:
        self.folder = folder
        self._state = state
        self._model = model

    def program(self, *command: str, platform: str = "", **tokens: str) -> Program:
        config = CONFIG.format(state=self._state, model=self._model, platform=platform)
        return Program(self.folder, config, *command, environment=tokens)

    @abstractmethod
    async def play(self, lines: list[str]) -> list[str]:
        """Say one line after the other; the answer to each."""


class ConsolePlayer(Player):
    async def play(self, lines: list[str]) -> list[str]:
        program = self.program("chat")
        await program.start(stdin="\n".join(lines) + "\n")
        assert await program.wait() == 0, program.log
        answers = program.output.split("\n> ")
        return [answer.partition("\n")[2].strip() for answer in answers]


class ThreadPlayer(Player):
    """Speaks on a platform with threads: a mention first, then in its thread."""

    async def converse(
        self,
        program: Program,
        lines: list[str],
        say: Callable[[str], None],
        answers: Callable[[], list[str]],
    ) -> list[str]:
        for number, line in enumerate(lines, 1):
            say(line)

            def answered(number: int = number) -> bool:
                return len(answers()) == number and bool(answers()[-1])

            await until(answered, what=f"the answer to {line!r}", program=program)
        await asyncio.sleep(0.5)
        return answers()


class SlackPlayer(ThreadPlayer):
    async def play(self, lines: list[str]) -> list[str]:
        slack = SlackServer()
        await slack.start()
        program = self.program(
            "run",
            "--platform",
            "slack",
            platform=f'[slack]\napi_url = "{slack.api_url}"',
            CURBSIDE_SLACK_BOT_TOKEN=BOT_TOKEN,
            CURBSIDE_SLACK_APP_TOKEN=APP_TOKEN,
        )
        ada, general = slack.add_user("ada", admin=True), slack.add_channel("general")
        slack.join(ada, general)
        thread: list[str] = []

        def say(text: str) -> None:
            if thread:
                slack.say(ada, general, text, thread=thread[0])
            else:
                thread.append(slack.say(ada, general, text, mention_bot=True))

        def answers() -> list[str]:
            return [m["text"] for m in slack.bot_messages(general, thread[0])]

        await program.start()
        try:
            await until(lambda: bool(slack.sockets.connections), program=program)
            return await self.converse(program, lines, say, answers)
        finally:
            await program.kill()
            await slack.stop()


class DiscordPlayer(ThreadPlayer):
    async def play(self, lines: list[str]) -> list[str]:
        discord = DiscordServer()
        await discord.start()
        guild = discord.add_guild("clinic")
        ada = discord.add_user("ada")
        channel = discord.add_channel(guild, "general")
        discord.grant(ada, guild)
        program = self.program(
            "run",
            "--platform",
            "discord",
            platform=f'[discord]\napi_url = "{discord.api_url}"\n'
            f'gateway_url = "{discord.gateway_url}"\n',
            CURBSIDE_DISCORD_TOKEN=DISCORD_TOKEN,
        )
        thread: list[int] = []

        def say(text: str) -> None:
            # Without the message-content intent each message must be for the bot.
            place = thread[0] if thread else channel
            message = discord.say(ada, place, text, mention_bot=True)
            if not thread:
                thread.append(message)

        def answers() -> list[str]:
            return [message.content for message in discord.bot_messages(thread[0])]

        await program.start()
        try:
            await until(lambda: discord.gateway.connected, program=program)
            return await self.converse(program, lines, say, answers)
        finally:
            await program.kill()
            await discord.stop()


@pytest.fixture(params=["sqlite", "redis"])
def state(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return ""
    redis: RedisServer = request.getfixturevalue("redis_server")
    return f'redis_url = "{redis.url}"'


@pytest.fixture
async def model() -> AsyncIterator[OpenAIServer]:
    server = OpenAIServer()
    server.models = {"house-model": None, "tuned-model": None}
    server.answer = remembering
    await server.start()
    yield server
    await server.stop()


@pytest.mark.parametrize(
    "player", [ConsolePlayer, SlackPlayer, DiscordPlayer], ids=lambda p: p.__name__
)
async def test_ask_follow_up_switch_undo_and_reset(
    player: type[Player], state: str, model: OpenAIServer, tmp_path: Path
) -> None:
    answers = await player(tmp_path, state, model.base_url).play(
        [line for line, _ in SCRIPT]
    )

    assert len(answers) == len(SCRIPT), answers
    for answer, (line, expected) in zip(answers, SCRIPT, strict=True):
        assert expected in answer, (line, answer)
