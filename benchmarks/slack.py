"""Measures Curbside on a local Slack: `python -m benchmarks.slack`.

This process is Slack and the people in it; the bot is a process of its own, first a
bare echo on slack-bolt, then Curbside. How many answers a second does each give when
its backend answers at once? And how long does Slack wait for acknowledgements?
"""

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.adapter import SlackAdapter
from adapters.slack.settings import SlackSettings
from backends.base import Chunk, End, Health, Text, Turn
from benchmarks import measure
from benchmarks.measure import Figure
from bot.state.sqlite import SqliteState
from tests.servers.slack import (
    APP_TOKEN,
    BOT_TOKEN,
    SIGNING_SECRET,
    SlackServer,
)
from tests.servers.slack.sockets import Sockets
from tests.servers.slack.workspace import JSON

HTTP_PORT = 8617
CHANNELS = 40
AT_ONCE = 32
WARM_UP = 64
START_SECONDS = 30.0
ANSWER_SECONDS = 60.0
PROMPT = "what is kept at five degrees?"
ANSWER = "You said: " + PROMPT


class Echo:
    """A backend that answers at once."""

    async def answer(self, turn: Turn) -> AsyncIterator[Chunk]:
        """Say the question again."""
        yield Text(f"You said: {turn.question}")
        yield End()

    async def health(self) -> Health:
        """Always well."""
        return Health(ok=True)

    async def aclose(self) -> None:
        """Nothing to give back."""


async def be_curbside(api_url: str) -> None:
    """Curbside with its real adapter and state, as `curbside run` puts it together."""
    await be_with(SlackSettings(app_token=SecretStr(APP_TOKEN), **common(api_url)))


async def be_curbside_over_http(api_url: str) -> None:
    """The same, with events posted to it."""
    secret = SecretStr(SIGNING_SECRET)
    await be_with(
        SlackSettings(
            mode="http", signing_secret=secret, port=HTTP_PORT, **common(api_url)
        )
    )


def common(api_url: str) -> dict[str, Any]:
    # Nothing was missed.
    token = SecretStr(BOT_TOKEN)
    return {"bot_token": token, "api_url": api_url, "catch_up_minutes": 0}


async def be_with(settings: SlackSettings) -> None:
    """Answer until the other process lets us go."""
    with tempfile.TemporaryDirectory() as place:
        state, adapter = SqliteState(Path(place) / "state.db"), SlackAdapter(settings)
        await state.open()
        await adapter.open()
        async with measure.working(state, Echo(), adapter, Path(place), listen=True):
            gc.collect()
            gc.freeze()
            await closed_input()
        await adapter.aclose()
        await state.aclose()


async def be_bare(api_url: str) -> None:
    """The least that answers: slack-bolt, a mention, a message in its thread."""
    client = AsyncWebClient(BOT_TOKEN, base_url=api_url)
    app = AsyncApp(client=client, signing_secret="", request_verification_enabled=False)

    @app.event("app_mention")
    async def answer(event: dict[str, Any], client: AsyncWebClient) -> None:
        text = event["text"].partition("> ")[2]
        await client.chat_postMessage(
            channel=event["channel"], thread_ts=event["ts"], text=f"You said: {text}"
        )

    @app.event("message")
    async def hear() -> None:
        """Or else Slack sends it again."""

    # The SDK leaves its methods untyped.
    handler: Any = AsyncSocketModeHandler(app, APP_TOKEN)
    await handler.connect_async()
    await closed_input()
    await handler.close_async()


async def closed_input() -> None:
    """Until the other process lets us go."""
    await asyncio.to_thread(sys.stdin.read)


OVER_HTTP = "Curbside over HTTP"
BOTS = {
    "slack-bolt alone": be_bare,
    "Curbside": be_curbside,
    OVER_HTTP: be_curbside_over_http,
}
COMPARED = ("slack-bolt alone", "Curbside")


class Noticing(Sockets):
    """Socket Mode that notices answers, and how long acknowledgements take."""

    def __init__(self, inner: Sockets) -> None:
        super().__init__(inner.ack_timeout, inner.retry_delays)
        self.waits: list[float] = []
        self.unacknowledged = 0
        self.asked: dict[str, asyncio.Future[None]] = {}

    async def deliver(self, type_: str, payload: JSON) -> Any:
        """Send an event; one of a bot's message may be an answer."""
        event = payload["event"]
        said = event.get("message", event)
        asked = self.asked.get(said.get("thread_ts", ""))
        if asked is not None and said.get("text") == ANSWER and not asked.done():
            asked.set_result(None)
        began = time.perf_counter()
        self.unacknowledged += 1
        answer = await super().deliver(type_, payload)
        self.unacknowledged -= 1
        self.waits.append(time.perf_counter() - began)
        return answer


class Team:
    """A local Slack with people who ask in many channels."""

    def __init__(self) -> None:
        self.server = SlackServer()
        self.sockets = Noticing(self.server.sockets)
        self.server.sockets = self.sockets
        self.people = [self.server.add_user(f"person{n}") for n in range(CHANNELS)]
        self.places = [self.server.add_channel(f"place{n}") for n in range(CHANNELS)]

    async def ask(self, number: int) -> None:
        """Mention the bot in a channel, wait for its answer in the thread."""
        person, place = self.people[number % CHANNELS], self.places[number % CHANNELS]
        ts = self.server.say(person, place, PROMPT, mention_bot=True)
        self.sockets.asked[ts] = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(ANSWER_SECONDS):
            await self.sockets.asked[ts]
        del self.sockets.asked[ts]

    async def ask_many(self, count: int) -> None:
        """So many questions, and never more than a few open."""
        numbers = iter(range(count))

        async def keep_asking() -> None:
            for number in numbers:
                await self.ask(number)

        await asyncio.gather(*(keep_asking() for _ in range(AT_ONCE)))

    async def ask_steadily(self, rate: float, seconds: float) -> None:
        """So many questions a second, whatever becomes of them."""
        asking = []
        due = time.perf_counter()
        for number in range(round(rate * seconds)):
            due += 1 / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            asking.append(asyncio.create_task(self.ask(number)))
        await asyncio.gather(*asking)


@asynccontextmanager
async def asked(name: str) -> AsyncIterator[tuple[Team, int]]:
    """A new workspace with a bot in a process of its own, warm; and its process id."""
    team = Team()
    await team.server.start()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.slack"),
        *("--bot", name, "--api-url", team.server.api_url),
        stdin=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    try:
        if name == OVER_HTTP:
            await measure.listening(HTTP_PORT, START_SECONDS)
            team.server.deliver_over_http(f"http://127.0.0.1:{HTTP_PORT}/slack/events")
        else:
            await team.server.wait_for(lambda: team.sockets.connections, START_SECONDS)
        await team.ask_many(WARM_UP)
        yield team, process.pid
        await team.server.wait_for(lambda: not team.sockets.unacknowledged)
    finally:
        process.stdin.close()
        await process.wait()
        await team.server.stop()


def processor_seconds(pid: int) -> float:
    """The processor time of a process; on Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a bot answered, and what that cost on both sides."""

    answers: float
    cpu_ms: float
    busy: float
    slack_busy: float

    def figures(self, name: str) -> Iterator[Figure]:
        yield Figure(f"{name}: answers", self.answers, "/s")
        yield Figure(f"{name}: processor time of an answer", self.cpu_ms, "ms")
        yield Figure(f"{name}: busy, of one processor", self.busy, "%")
        yield Figure(f"{name}: the local Slack itself", self.slack_busy, "%")


async def measure_speed(name: str, count: int) -> Speed:
    async with asked(name) as (team, pid):
        own, cpu = time.process_time(), processor_seconds(pid)
        began = time.perf_counter()
        await team.ask_many(count)
        spent = time.perf_counter() - began
        cpu, own = processor_seconds(pid) - cpu, time.process_time() - own
    return Speed(
        answers=count / spent,
        cpu_ms=1000 * cpu / count,
        busy=100 * cpu / spent,
        slack_busy=100 * own / spent,
    )


async def compare(count: int, rounds: int) -> list[Figure]:
    """Both bots in turn; of each the fastest round: others' work only slows down."""
    runs: dict[str, list[Speed]] = {name: [] for name in COMPARED}
    for _ in range(rounds):
        for name, speeds in runs.items():
            speeds.append(await measure_speed(name, count))
    best = {name: max(found, key=lambda s: s.answers) for name, found in runs.items()}
    figures = [line for name, speed in best.items() for line in speed.figures(name)]
    bare, ours = best.values()
    ratio = ours.answers / bare.answers
    return [*figures, Figure("answers, ours to bare", ratio, "", 0.5, floor=True)]


async def acknowledge(bot: str, rate: float, seconds: float) -> list[Figure]:
    """What Slack waits for, at a steady rate; each question is two events."""
    async with asked(bot) as (team, pid):
        team.sockets.waits.clear()
        cpu = processor_seconds(pid)
        began = time.perf_counter()
        await team.ask_steadily(rate / 2, seconds)
        cpu, spent = processor_seconds(pid) - cpu, time.perf_counter() - began
        waits = list(team.sockets.waits)
    name = f"{bot}: acknowledgement at {rate:g} events/s"
    return [
        *measure.percentiles(name, waits, p50=None, p99=100, p100=None),
        Figure("events, with those of our own answers", len(waits) / spent, "/s"),
        Figure("busy, of one processor", 100 * cpu / spent, "%"),
    ]


async def run(options: argparse.Namespace) -> None:
    measure.show(await compare(options.answers, options.rounds))
    for bot in ("Curbside", OVER_HTTP):
        measure.show(await acknowledge(bot, options.rate, options.seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=float, default=200, help="events a second")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--bot", choices=BOTS, help=argparse.SUPPRESS)
    parser.add_argument("--api-url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bot is not None:
        asyncio.run(BOTS[options.bot](options.api_url))
    else:
        asyncio.run(run(options))


if __name__ == "__main__":
    main()
