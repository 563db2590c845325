"""Measures Curbside on a local Discord: `python -m benchmarks.discord`.

This process is Discord and the people in it; the bot is a process of its own. Fifty
people ask in one channel within two seconds, while answers grow for some seconds as a
model's do and the limits of the real service hold. Who gets which answer, after what
time, for how many calls?
"""

import argparse
import asyncio
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.settings import DiscordSettings
from backends.base import Chunk, End, Health, Text, Turn
from benchmarks import measure
from benchmarks.measure import Figure
from bot.state.sqlite import SqliteState
from tests.servers.discord import TOKEN, DiscordServer
from tests.servers.discord.faults import Call

PIECES, PIECE_SECONDS = 20, 0.15
"""An answer grows for three seconds."""

THREADS = (5, 50)
"""How many threads a channel may get in five seconds: Discord does not publish it."""

START_SECONDS = 30.0
ANSWER_SECONDS = 300.0


class Growing:
    """A backend whose answers grow, and say whose question they answer."""

    async def answer(self, turn: Turn) -> AsyncIterator[Chunk]:
        """Say the question again, word by word."""
        yield Text(f"You asked {turn.question}")
        for _ in range(PIECES):
            await asyncio.sleep(PIECE_SECONDS)
            yield Text(" and more")
        yield Text(" [end]")
        yield End()

    async def health(self) -> Health:
        """Always well."""
        return Health(ok=True)

    async def aclose(self) -> None:
        """Nothing to give back."""


async def be_curbside(api_url: str, gateway_url: str) -> None:
    """Curbside with its real adapter and state, as `curbside run` puts it together."""
    settings = DiscordSettings(
        token=SecretStr(TOKEN),
        api_url=api_url,
        gateway_url=gateway_url,
    )
    with tempfile.TemporaryDirectory() as place:
        state, adapter = SqliteState(Path(place) / "state.db"), DiscordAdapter(settings)
        await state.open()
        await adapter.open()
        async with measure.working(state, Growing(), adapter, Path(place), listen=True):
            await asyncio.to_thread(sys.stdin.read)
        await adapter.aclose()
        await state.aclose()


@dataclass
class Asked:
    """A question, and when its answer was begun and complete."""

    text: str
    at: float
    message: int
    begun: float = 0.0
    complete: float = 0.0


@dataclass
class Crowd:
    """A local Discord with people who all ask at once."""

    server: DiscordServer
    people: int
    channel: int = 0
    asked: list[Asked] = field(default_factory=list)

    async def ask(self, seconds: float) -> None:
        """Everybody asks once, at a moment of their own."""
        chance = random.Random(5)
        moments = sorted(chance.uniform(0, seconds) for _ in range(self.people))
        began = time.perf_counter()
        for number, moment in enumerate(moments):
            await asyncio.sleep(max(0.0, began + moment - time.perf_counter()))
            text = f"q{number}?"
            user = self.server.add_user(f"person{number}")
            message = self.server.say(user, self.channel, text, mention_bot=True)
            self.asked.append(Asked(text, time.perf_counter(), message))

    async def wait(self) -> None:
        """Until each question has its whole answer."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while any(not question.complete for question in self.asked):
                await asyncio.sleep(0.05)
                for question in self.asked:
                    self._look(question)

    def _look(self, question: Asked) -> None:
        now = time.perf_counter()
        found = [text for text in self.answers(question) if "You asked" in text]
        if found and not question.begun:
            question.begun = now
        if any(text.rstrip().endswith("[end]") for text in found):
            question.complete = question.complete or now

    def answers(self, question: Asked) -> list[str]:
        """What stands in the question's thread, or as a reply to it."""
        shown = self.server.bot_messages(question.message)
        shown += [
            message
            for message in self.server.bot_messages(self.channel)
            if (message.reference or {}).get("message_id") == str(question.message)
        ]
        return [message.content for message in shown]

    def wrong(self) -> int:
        """How many have not just the one answer that is theirs."""
        right = 0
        for question in self.asked:
            named = [re.findall(r"q\d+\?", text) for text in self.answers(question)]
            right += named == [[question.text]]
        return self.people - right


def kind(call: Call) -> str:
    return f"{call.method} " + re.sub(r"\d{6,}", "…", call.path)


async def measured(people: int, seconds: float, threads: int) -> list[Figure]:
    """One crowd, where so many threads may be begun in five seconds."""
    async with DiscordServer() as server:
        server.real_limits(threads=threads)
        channel = server.add_channel(server.add_guild(), "help")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.discord", "--bot"),
            *("--api-url", server.api_url, "--gateway-url", server.gateway_url),
            stdin=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        try:
            ready = lambda: server.gateway.connected and bool(server.commands)  # noqa: E731
            await server.wait_for(ready, START_SECONDS)
            await asyncio.sleep(3)  # so that it has looked back
            server.calls.clear()
            crowd = Crowd(server, people, channel)
            await crowd.ask(seconds)
            await crowd.wait()
            await asyncio.sleep(2)  # so that a second answer would be seen
        finally:
            process.stdin.close()
            await process.wait()
        return list(figures(crowd, server.calls, f"{threads} threads in 5 s"))


def figures(crowd: Crowd, calls: list[Call], place: str) -> list[Figure]:
    begun = [question.begun - question.at for question in crowd.asked]
    done = [question.complete - question.at for question in crowd.asked]
    limited = sum(call.status == 429 for call in calls)
    for name, count in Counter(map(kind, calls)).most_common():
        print(f"  {count:4d} {name}")
    return [
        Figure(f"{place}: not just the one right answer", crowd.wrong(), "", 0),
        Figure(f"{place}: calls refused for a limit", limited, "", 0),
        Figure(f"{place}: calls an answer", len(calls) / crowd.people),
        *(
            Figure(f"{place}: {what}, {name}", quantile(times, share), "s")
            for what, times in (("first words", begun), ("whole answer", done))
            for name, share in (("median", 0.5), ("last", 1.0))
        ),
    ]


def quantile(times: list[float], share: float) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def run(options: argparse.Namespace) -> None:
    for threads in THREADS:
        measure.show(await measured(options.people, options.seconds, threads))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--bot", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--api-url", help=argparse.SUPPRESS)
    parser.add_argument("--gateway-url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bot:
        asyncio.run(be_curbside(options.api_url, options.gateway_url))
    else:
        asyncio.run(run(options))


if __name__ == "__main__":
    main()
