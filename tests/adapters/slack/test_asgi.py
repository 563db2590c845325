"""The whole bot as an ASGI app in a server that is not ours."""

import asyncio
import contextlib
import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from servers.slack import BOT_TOKEN, SIGNING_SECRET, SlackServer

from adapters.slack.asgi import create

pytest_plugins = ("servers.slack.fixtures",)


class Server(uvicorn.Server):
    """Leaves pytest's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@pytest.fixture(autouse=True)
def environment(
    slack: SlackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith("CURBSIDE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    given = {"BOT_TOKEN": BOT_TOKEN, "API_URL": slack.api_url, "MODE": "http"}
    for name, value in {**given, "SIGNING_SECRET": SIGNING_SECRET}.items():
        monkeypatch.setenv(f"CURBSIDE_SLACK_{name}", value)


async def start(port: int) -> tuple[Server, "asyncio.Task[None]"]:
    config = uvicorn.Config(
        create, factory=True, port=port, lifespan="on", log_config=None
    )
    server = Server(config)
    task = asyncio.create_task(server.serve())
    while not (server.started or task.done()):
        await asyncio.sleep(0.02)
    return server, task


async def test_another_server_serves_the_whole_bot(
    slack: SlackServer, ada: str, unused_tcp_port: int
) -> None:
    server, task = await start(unused_tcp_port)
    slack.deliver_over_http(f"http://127.0.0.1:{unused_tcp_port}/slack/events")

    ts = slack.say(ada, slack.open_im(ada), "whoami")
    await slack.wait_for(lambda: slack.bot_messages(slack.open_im(ada), ts), 10)
    server.should_exit = True
    await task

    assert "ada" in slack.bot_messages(slack.open_im(ada), ts)[0]["text"]


async def test_what_is_missing_is_said_and_nothing_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CURBSIDE_SLACK_SIGNING_SECRET")
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(dict(message))

    program = create()
    await program({"type": "lifespan"}, receive, send)
    await program({"type": "http"}, receive, send)

    assert said[0]["type"] == "lifespan.startup.failed"
    assert "CURBSIDE_SLACK_SIGNING_SECRET" in said[0]["message"]
    assert said[1]["status"] == 503
