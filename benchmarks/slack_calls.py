"""Measures what answers cost on Slack: `python -m benchmarks.slack_calls`.

A local Slack that limits calls as Slack does, and a backend that says a thousand words:
first in one answer, then in twenty at once in one workspace. How many calls does an
answer take, of which methods, and how often did Slack say that it was too many? How
long after the backend's first words can a person read them?
"""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from pydantic import SecretStr

from adapters.slack.adapter import SlackAdapter
from adapters.slack.settings import SlackSettings
from backends.base import Chunk, End, Health, Text, Turn
from benchmarks import measure
from benchmarks.measure import Figure
from bot.app import App
from bot.state.sqlite import SqliteState
from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer
from tests.servers.slack.limits import TIERS

AT_ONCE = 20
WORDS = 1_000
PIECE = 5
WRITES = frozenset(
    {"chat.startStream", "chat.appendStream", "chat.stopStream", "chat.postMessage"}
)
BUDGET = 45
"""Calls that an answer of a thousand words may take."""


class Speaker:
    """Says its words at a model's pace; notes when each answer began."""

    def __init__(self, per_second: float) -> None:
        self.pause = PIECE / per_second
        self.began: dict[str, float] = {}

    async def answer(self, turn: Turn) -> AsyncIterator[Chunk]:
        """Some words every now and then."""
        self.began[turn.question] = time.time()
        for first in range(0, WORDS, PIECE):
            said = [measure.WORDS[n % len(measure.WORDS)] for n in range(PIECE)]
            end = ".\n\n" if first % 100 == 95 else " "
            yield Text(" ".join(said) + end)
            await asyncio.sleep(self.pause)
        yield End()

    async def health(self) -> Health:
        """Always well."""
        return Health(ok=True)

    async def aclose(self) -> None:
        """Nothing to give back."""


async def ask(slack: SlackServer, app: App, channel: str, names: list[str]) -> None:
    """Each question in a thread of its own, all at once; until all are answered."""
    ann = next(id_ for id_, user in slack.workspace.users.items() if user.name == "ann")
    for name in names:
        slack.say(ann, channel, name, mention_bot=True)
    await slack.settled(10)
    await measure.answered(app, 300)


def first_words(slack: SlackServer, speaker: Speaker, names: list[str]) -> list[float]:
    """The seconds from the backend's first words to the call that shows them."""
    threads = {
        message["ts"]: message["text"].partition("> ")[2]
        for channel in slack.workspace.channels
        for message in slack.messages(channel)
        if not message.get("thread_ts") or message["thread_ts"] == message["ts"]
    }
    found: dict[str, float] = {}
    for call in slack.calls:
        name = threads.get(str(call.arguments.get("thread_ts")), "")
        if call.method in WRITES and name in names and name not in found:
            found[name] = call.time - speaker.began[name]
    return list(found.values())


def figures(
    slack: SlackServer, speaker: Speaker, names: list[str], what: str, spent: float
) -> Iterator[Figure]:
    """What one round took."""
    calls = Counter(call.method for call in slack.calls)
    yield Figure(
        f"{what}: calls per answer", sum(calls.values()) / len(names), "", BUDGET
    )
    for method, count in sorted(calls.items()):
        allowed = TIERS.get(method)
        yield Figure(
            f"  {method}, per minute", 60 * count / max(spent, 60), "", allowed
        )
    refused = sum(call.outcome == "ratelimited" for call in slack.calls)
    yield Figure(f"{what}: calls that Slack put off", refused, "", 0)
    seconds = first_words(slack, speaker, names)
    yield from measure.percentiles(
        f"{what}: first words shown", seconds, p50=100, p99=500
    )
    yield Figure(f"{what}: until all are whole", spent, "s")


async def run(options: argparse.Namespace) -> list[Figure]:
    slack = SlackServer()
    await slack.start()
    slack.limits.tiers = True
    slack.add_user("ann")
    channel = slack.add_channel("general")
    speaker = Speaker(options.words_per_second)
    adapter = SlackAdapter(
        SlackSettings(
            bot_token=SecretStr(BOT_TOKEN),
            app_token=SecretStr(APP_TOKEN),
            api_url=slack.api_url,
            catch_up_minutes=0,
        )
    )
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as place:
        state = SqliteState(Path(place) / "state.db")
        await state.open()
        await adapter.open()
        async with measure.working(
            state, speaker, adapter, Path(place), listen=True
        ) as app:
            await slack.wait_for(lambda: len(slack.sockets.connections) == 2, 10)
            for count, what in ((1, "one answer"), (AT_ONCE, f"{AT_ONCE} at once")):
                names = [f"{what}, question {number}?" for number in range(count)]
                slack.calls.clear()
                began = time.monotonic()
                await ask(slack, app, channel, names)
                spent = time.monotonic() - began
                found += figures(slack, speaker, names, what, spent)
        await adapter.aclose()
        await state.aclose()
    await slack.stop()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words-per-second", type=float, default=40)
    measure.show(asyncio.run(run(parser.parse_args())))


if __name__ == "__main__":
    main()
