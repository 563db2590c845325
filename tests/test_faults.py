"""The real program while Slack, Redis, the model server or a worker fails it.

Each time: nothing is lost, nothing is said twice, nobody reads a traceback, and the log
names what is wrong and what to do.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from servers.openai import HTML, Asked, OpenAIServer, Reply
from servers.program import Program, until
from servers.redis import RedisServer, find_redis_server
from servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer

ANSWER = "Walk-ins close at four on Fridays, and at half past five on other days."
STAND_IN = "Four o'clock, says the stand-in."
DOWN = "I cannot answer right now"
TOKENS = {
    "CURBSIDE_SLACK_BOT_TOKEN": BOT_TOKEN,
    "CURBSIDE_SLACK_APP_TOKEN": APP_TOKEN,
}
CONFIG = """
data_dir = "data"
default_backend = "tuned"
{top}

[worker]
lease_seconds = 3
retry_seconds = {retry}
attempts = {attempts}

[backends.tuned]
kind = "fine_tuned"
model = "clinic-lora"
base_url = "{model}"
read_timeout = 2
{tuned}

[backends.other]
kind = "fine_tuned"
model = "stand-in"
base_url = "{model}"

[slack]
api_url = "{slack}"
edit_seconds = 0.2
"""


class Town:
    """A Slack with two channels, a model server, and programs between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Sooner than Slack, so that a redelivery does not take minutes here.
        self.slack = SlackServer(ack_timeout=1.5, retry_delays=(0.5, 1.5, 3.0, 3.0))
        self.model = OpenAIServer()
        self.model.models = {"clinic-lora": None, "stand-in": None}
        self.model.answer = lambda asked: ANSWER
        self.programs: list[Program] = []

    async def start(self) -> None:
        await self.slack.start()
        await self.model.start()
        self.ada = self.slack.add_user("ada", admin=True)
        self.general = self.slack.add_channel("general")
        self.elsewhere = self.slack.add_channel("elsewhere")

    async def stop(self) -> None:
        for program in self.programs:
            await program.kill()
        await self.slack.stop()
        await self.model.stop()

    def program(
        self,
        *command: str,
        folder: str = ".",
        top: str = "",
        tuned: str = "",
        retry: float = 0.5,
        attempts: int = 4,
    ) -> Program:
        """A program that is ended with the test."""
        config = CONFIG.format(
            model=self.model.base_url,
            slack=self.slack.api_url,
            top=top,
            tuned=tuned,
            retry=retry,
            attempts=attempts,
        )
        place = self.folder / folder
        place.mkdir(exist_ok=True)
        program = Program(place, config, *command, environment=TOKENS)
        self.programs.append(program)
        return program

    async def serving(self, **settings: Any) -> Program:
        """A started `curbside run` that is connected."""
        program = self.program("run", "--platform", "slack", **settings)
        await program.start()
        await until(self.connected, what="connecting", program=program)
        return program

    def connected(self) -> bool:
        return bool(self.slack.sockets.connections)

    def ask(self, text: str, channel: str = "", thread: str | None = None) -> str:
        """Mention the bot; the message's ts."""
        channel = channel or self.general
        return self.slack.say(self.ada, channel, text, thread, mention_bot=True)

    def answers(self, thread: str, channel: str = "") -> list[str]:
        found = self.slack.bot_messages(channel or self.general, thread)
        return [read(message) for message in found]

    async def begun(self, thread: str, program: Program, channel: str = "") -> None:
        """Wait for the first words of an answer."""
        await until(
            lambda: bool(self.answers(thread, channel)),
            what="the first words",
            program=program,
        )

    async def whole(self, thread: str, program: Program, channel: str = "") -> str:
        """The one answer in a thread, once it is complete."""

        def complete() -> bool:
            place = channel or self.general
            found = self.slack.bot_messages(place, thread)
            session = self.slack.web_api.agents.sessions.get((place, thread), {})
            growing = self.slack.web_api.streaming.growing
            return (
                bool(found)
                and session.get("status") != "processing"
                and not any(message["text"].endswith("…") for message in found)
                and not any(growing(place, message["ts"]) for message in found)
            )

        await until(complete, 40, what="the whole answer", program=program)
        answers = self.answers(thread, channel)
        assert len(answers) == 1, answers
        return answers[0]

    async def dead_letters(self) -> list[dict[str, Any]]:
        """What `curbside dead-letters --json` prints, while the bot runs."""
        config = (self.folder / "curbside.toml").read_text()
        place = self.folder / "letters"
        place.mkdir()
        config = config.replace('"data"', f'"{self.folder / "data"}"')
        command = Program(place, config, "dead-letters", "--json", environment=TOKENS)
        await command.start()
        assert await command.wait() == 0, command.log
        letters: list[dict[str, Any]] = json.loads(command.output)
        return letters


def read(message: dict[str, Any]) -> str:
    """A message, with the notice that stands under an answer that was streamed."""
    said = message["text"]
    notes = [
        element["text"]
        for block in message.get("blocks") or ()
        if block["type"] == "context"
        for element in block["elements"]
    ]
    return "\n\n".join([said, *(note for note in notes if note not in said)])


def slowly(asked: Asked) -> Reply:
    return Reply(ANSWER, pieces=10, delay=0.2)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    town = Town(tmp_path)
    await town.start()
    yield town
    await town.stop()


@pytest.fixture
async def redis(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[RedisServer]:
    """A Redis that nobody else uses: it is killed and stopped."""
    if find_redis_server() is None:
        request.getfixturevalue("redis_server")  # skips, or fails where it must not
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


# --- Slack ----------------------------------------------------------------------------


def archive(town: Town) -> None:
    town.slack.archive(town.general)


def throw_out(town: Town) -> None:
    town.slack.remove_bot(town.general)


def take_scope(town: Town) -> None:
    town.slack.scopes.discard("chat:write")


@pytest.mark.parametrize(
    ("close", "code", "fix"),
    [
        (archive, "is_archived", "a member must unarchive it"),
        (throw_out, "not_in_channel", "invite it with /invite"),
        (take_scope, "missing_scope", "lacks a scope (chat:write); add it under OAuth"),
    ],
)
async def test_a_place_that_closes_under_an_answer_is_a_dead_letter_with_the_fix(
    close: Callable[[Town], None], code: str, fix: str, town: Town
) -> None:
    town.model.answer = slowly
    program = await town.serving()
    question = town.ask("When do walk-ins close on Fridays?")
    await town.begun(question, program)

    close(town)
    await until(lambda: fix in program.log, what="the fix", program=program)
    town.slack.scopes.add("chat:write")

    elsewhere = town.ask("And on Mondays?", town.elsewhere)
    assert await town.whole(elsewhere, program, town.elsewhere) == ANSWER
    (letter,) = await town.dead_letters()
    assert code in letter["reason"]
    assert fix in letter["reason"]
    assert letter["questions"] == ["When do walk-ins close on Fridays?"]
    status = town.ask("status", town.elsewhere)
    assert "1 given up" in await town.whole(status, program, town.elsewhere)
    assert "Traceback" not in program.log


async def test_a_thread_whose_root_is_deleted_under_an_answer_is_a_dead_letter(
    town: Town,
) -> None:
    program = await town.serving()
    root = town.ask("When do walk-ins close on Fridays?")
    assert await town.whole(root, program) == ANSWER
    asked = len(town.model.requests)

    town.model.answer = lambda asked: Reply(ANSWER, first_delay=1.5)
    town.ask("And on Mondays?", thread=root)
    await until(lambda: len(town.model.requests) > asked, program=program)
    town.slack.delete(town.ada, town.general, root)
    fix = "the message to reply to was deleted"
    await until(lambda: fix in program.log, what="the fix", program=program)

    elsewhere = town.ask("And on Tuesdays?", town.elsewhere)
    assert await town.whole(elsewhere, program, town.elsewhere) == ANSWER
    (letter,) = await town.dead_letters()
    assert "thread_not_found" in letter["reason"]
    assert letter["questions"] == ["And on Mondays?"]
    assert "Traceback" not in program.log


# --- Redis ----------------------------------------------------------------------------


async def test_a_redis_killed_under_an_answer_costs_nothing(
    town: Town, redis: RedisServer
) -> None:
    town.model.answer = slowly
    program = await town.serving(top=f'redis_url = "{redis.url}"')
    question = town.ask("When do walk-ins close on Fridays?")
    await town.begun(question, program)

    redis.kill()
    await until(
        lambda: "the state does not answer" in program.log,
        what="a word in the log",
        program=program,
    )
    redis.start()

    await until(
        lambda: town.answers(question) == [ANSWER], 40, what="it", program=program
    )
    again = town.ask("And on Mondays?")
    assert await town.whole(again, program) == ANSWER
    assert town.answers(question) == [ANSWER]
    assert "the state answers again" in program.log
    assert "Traceback" not in program.log


async def test_while_redis_hangs_slack_is_told_nothing_and_sends_again(
    town: Town, redis: RedisServer
) -> None:
    program = await town.serving(top=f'redis_url = "{redis.url}"')
    before = town.ask("When do walk-ins close on Fridays?")
    assert await town.whole(before, program) == ANSWER

    town.model.answer = slowly
    under_way = town.ask("And on Saturdays?")
    await town.begun(under_way, program)
    await town.slack.settled()
    known = len(town.slack.sockets.delivered)
    redis.pause()
    hung_at = time.monotonic()
    question = town.ask("And on Mondays?")
    try:
        await until(
            lambda: "is not acknowledged" in program.log,
            5,
            what="giving up on Redis",
            program=program,
        )
        noticed_after = time.monotonic() - hung_at
        await asyncio.sleep(5 - noticed_after)
        sent = [
            event
            for event in town.slack.sockets.delivered[known:]
            if event.payload["event"].get("ts") == question
        ]
        assert len(sent) >= 3, "Slack sent nothing again"
        assert not any(event.acked for event in sent)
    finally:
        redis.resume()

    # A command ends within 0.9 s; the rest is a machine that is busy with other tests.
    assert noticed_after < 2.5
    await until(
        lambda: town.answers(under_way) == [ANSWER], 40, what="it", program=program
    )
    assert await town.whole(question, program) == ANSWER
    await town.slack.settled(20)
    assert not town.slack.sockets.lost
    assert town.answers(question) == town.answers(under_way) == [ANSWER]
    assert "did not answer within 0.9 s" in program.log
    assert "the state answers again" in program.log
    assert "Traceback" not in program.log


# --- the model server -----------------------------------------------------------------

FAULTS = {
    "busy": Reply(status=429, headers={"Retry-After": "60"}, message="slow down"),
    "page": Reply(body=HTML, content_type="text/html"),
    "cut": Reply(ANSWER, pieces=6, delay=0.1, cut_after=3),
    "stall": Reply(ANSWER, pieces=6, delay=0.1, stall_after=3),
    "broken": Reply(status=500, message="Traceback (most recent call last): KeyError"),
}


def failing(town: Town, times: int) -> Callable[[Asked], Reply | str]:
    """The tuned model fails each question so often, in the way that it names."""
    failed = dict.fromkeys(FAULTS, 0)

    def answer(asked: Asked) -> Reply | str:
        if asked.body["model"] == "stand-in":
            return STAND_IN
        fault = next((name for name in FAULTS if f"({name})" in asked.question), "")
        if not fault or failed[fault] >= times:
            return ANSWER
        failed[fault] += 1
        return FAULTS[fault]

    return answer


async def ask_of_all_faults(town: Town, program: Program) -> dict[str, str]:
    """A question for each fault, at the same time; what is answered in the end."""
    asked = {name: town.ask(f"When do walk-ins close? ({name})") for name in FAULTS}
    answers = {
        name: await town.whole(thread, program) for name, thread in asked.items()
    }
    fine = town.ask("And now?")
    assert await town.whole(fine, program) == ANSWER
    # They stay as they are: nothing is added by a late attempt.
    assert {n: town.answers(t) for n, t in asked.items()} == {
        name: [text] for name, text in answers.items()
    }
    assert "Traceback" not in "".join(answers.values())
    assert "  File " not in program.log
    return answers


async def test_a_fault_of_the_model_that_passes_is_not_noticed(town: Town) -> None:
    town.model.answer = failing(town, 1)
    program = await town.serving()

    answers = await ask_of_all_faults(town, program)

    assert answers == dict.fromkeys(FAULTS, ANSWER)
    assert await town.dead_letters() == []


async def test_a_model_that_stays_broken_is_an_honest_word_and_a_dead_letter(
    town: Town,
) -> None:
    town.model.answer = failing(town, 1000)
    program = await town.serving(attempts=2)

    answers = await ask_of_all_faults(town, program)

    for text in answers.values():
        assert text.startswith(DOWN), answers
    letters = await town.dead_letters()
    assert len(letters) == len(FAULTS)
    reasons = "\n".join(letter["reason"] for letter in letters)
    for words in ("is busy", "web page", "broke", "was silent for 2 s", "HTTP 500"):
        assert words in reasons, reasons


async def test_a_fallback_stands_in_for_every_fault_and_says_so(town: Town) -> None:
    town.model.answer = failing(town, 1000)
    program = await town.serving(tuned='fallback = "other"')

    answers = await ask_of_all_faults(town, program)

    for text in answers.values():
        assert text.startswith(STAND_IN), answers
        assert "Answered by other, because tuned is not available" in text
        assert "Walk-ins close" not in text
    assert await town.dead_letters() == []


async def test_a_model_server_that_comes_up_late_answers_after_all(town: Town) -> None:
    await town.model.stop()
    program = await town.serving(retry=1)
    question = town.ask("When do walk-ins close on Fridays?")
    await until(
        lambda: "no connection to" in program.log,
        what="a word in the log",
        program=program,
    )
    assert "is it running" in program.log
    assert town.answers(question) == []

    await town.model.start()

    assert await town.whole(question, program) == ANSWER
    assert "Traceback" not in program.log


async def test_a_key_that_is_refused_is_a_matter_for_an_admin(town: Town) -> None:
    town.model.api_key = "another"
    program = await town.serving()

    question = town.ask("When do walk-ins close on Fridays?")
    told = await town.whole(question, program)
    status = await town.whole(town.ask("status"), program)

    assert "needs an admin's attention (see `status`)" in told
    assert "It is *down*" in status
    assert "`api_key_env`" in status
    assert "`api_key_env`" in program.log
    assert "Traceback" not in program.log


async def test_a_server_that_asks_for_a_pause_gets_it(town: Town) -> None:
    town.model.script(Reply(status=429, headers={"Retry-After": "2"}))
    program = await town.serving()

    question = town.ask("When do walk-ins close on Fridays?")

    assert await town.whole(question, program) == ANSWER
    first, second = town.model.requests
    assert second.at - first.at >= 2


# --- workers --------------------------------------------------------------------------


@pytest.mark.parametrize("killed", ["run", "worker"])
async def test_what_a_killed_process_was_answering_the_other_one_finishes(
    killed: str, town: Town, redis: RedisServer
) -> None:
    town.model.answer = slowly
    top = f'redis_url = "{redis.url}"'
    programs = {
        # By its prompt the model server knows who asks.
        "run": await town.serving(folder="a", top=top, tuned=_named("run")),
        "worker": town.program("worker", folder="b", top=top, tuned=_named("worker")),
    }
    await programs["worker"].start()
    await until(
        lambda: "serving slack" in programs["worker"].log, program=programs["worker"]
    )

    def answering() -> str:
        return "".join(asked.system for asked in town.model.requests)

    threads = []
    while f"process-{killed}" not in answering() and len(threads) < 30:
        threads.append(town.ask(f"When do walk-ins close? ({len(threads)})"))
        await town.begun(threads[-1], programs["run"])
    assert f"process-{killed}" in answering(), "it was given nothing to answer"
    assert ANSWER not in town.answers(threads[-1])

    await programs[killed].kill()

    (other,) = (program for name, program in programs.items() if name != killed)
    for thread in threads:
        assert await town.whole(thread, other) == ANSWER
    await asyncio.sleep(1)
    assert [town.answers(thread) for thread in threads] == [[ANSWER]] * len(threads)
    assert "Traceback" not in other.log


def _named(name: str) -> str:
    return f'system_prompt = "You are process-{name}."'
