"""Measures what Curbside takes from the machine: `python -m benchmarks.footprint`.

How long does `curbside --help` take? How much memory does `curbside run` hold on a
local Slack, before its first question and after an answer out of the example handbook?
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks import measure
from benchmarks.measure import Figure
from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer

CURBSIDE = str(Path(sys.executable).with_name("curbside"))
HANDBOOK = Path("examples/handbook").resolve()
QUESTION = "At what temperature are vaccines stored?"
START_SECONDS = 60.0
IDLE_SECONDS = 3.0
MB = 1e6


def environment(**variables: str) -> dict[str, str]:
    """Ours without settings of a bot that may be set up here."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CURBSIDE_", "OPENAI_", "SLACK_"))
    }
    return kept | variables


def help_seconds(folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(
        [CURBSIDE, "--help"], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - began


def start_up(folder: Path, runs: int) -> list[Figure]:
    """The first run may have to read from the disk; the middle one counts."""
    times = [help_seconds(folder) for _ in range(runs)]
    return [
        Figure("curbside --help, median", 1000 * statistics.median(times), "ms", 300),
        Figure("curbside --help, fastest", 1000 * min(times), "ms"),
    ]


@asynccontextmanager
async def running(folder: Path, variables: Mapping[str, str]) -> AsyncIterator[int]:
    """`curbside run` in a folder of its own; its process id."""
    process = await asyncio.create_subprocess_exec(
        *(CURBSIDE, "run", "--platform", "slack"),
        cwd=folder,
        env=environment(**variables),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


def ingest(folder: Path, variables: dict[str, str]) -> None:
    """Bring the handbook in, in a process of its own: reading takes more memory."""
    command = [CURBSIDE, "ingest", str(HANDBOOK)]
    subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True)


async def memory(folder: Path) -> list[Figure]:
    """Of a bot that has the handbook, and is asked one question."""
    data = {"CURBSIDE_DATA_DIR": str(folder / "data")}
    await asyncio.to_thread(ingest, folder, environment(**data))
    slack = SlackServer()
    await slack.start()
    ada, place = slack.add_user("ada"), slack.add_channel("general")
    variables = data | {
        "CURBSIDE_SLACK_BOT_TOKEN": BOT_TOKEN,
        "CURBSIDE_SLACK_APP_TOKEN": APP_TOKEN,
        "CURBSIDE_SLACK_API_URL": slack.api_url,
    }
    try:
        async with running(folder, variables) as pid:
            await slack.wait_for(lambda: slack.sockets.connections, START_SECONDS)
            await asyncio.sleep(IDLE_SECONDS)
            idle = measure.resident(pid)
            ts = slack.say(ada, place, QUESTION, mention_bot=True)
            said = await slack.wait_for(
                lambda: slack.bot_messages(place, thread=ts), START_SECONDS
            )
            await asyncio.sleep(IDLE_SECONDS)
            loaded = measure.resident(pid)
    finally:
        await slack.stop()
    print(f"{QUESTION} {said[0]['text'][:70]!r} …")
    return [
        Figure("curbside run, idle", idle / MB, "MB", 120),
        Figure("the same with embeddings, after a question", loaded / MB, "MB", 260),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="of curbside --help")
    options = parser.parse_args()
    if not Path(CURBSIDE).exists():
        parser.error(f"{CURBSIDE} is not there; install the project first")
    with tempfile.TemporaryDirectory() as place:
        figures = start_up(Path(place), options.runs)
        measure.show(figures + asyncio.run(memory(Path(place))))


if __name__ == "__main__":
    main()
