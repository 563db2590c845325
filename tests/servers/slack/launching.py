"""Starts Curbside as a process of its own, connected to the local Slack."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from . import APP_TOKEN, BOT_TOKEN, SlackServer

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 120.0
READ = "documents: "
"""What the bot logs when it has read the documents."""


def said(log: Path) -> str:
    return log.read_text() if log.exists() else ""


@asynccontextmanager
async def bot(server: SlackServer, log: Path) -> AsyncIterator[None]:
    """Curbside as a process of its own, connected to this Slack."""
    config = os.environ.get("CURBSIDE_CONFIG", str(ROOT / "examples" / "clinic.toml"))
    data = os.environ.get("CURBSIDE_DATA_DIR", "curbside-data/demo-slack")
    environment = {
        **os.environ,
        "CURBSIDE_CONFIG": config,
        "CURBSIDE_DATA_DIR": data,
        "CURBSIDE_SLACK_BOT_TOKEN": BOT_TOKEN,
        "CURBSIDE_SLACK_APP_TOKEN": APP_TOKEN,
        "CURBSIDE_SLACK_API_URL": server.api_url,
        "CURBSIDE_SLACK_CATCH_UP_MINUTES": "0",
    }
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run", "--platform", "slack"),
            cwd=ROOT,
            start_new_session=True,  # our Ctrl-C is not its own
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            end = time.monotonic() + START_SECONDS
            while not (server.sockets.connections and READ in said(log)):
                if process.returncode is not None or time.monotonic() > end:
                    raise SystemExit(f"Curbside did not start:\n{said(log)}")
                await asyncio.sleep(0.1)
            yield
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
