"""Fixtures around the local Slack: `pytest_plugins = ("servers.slack.fixtures",)`."""

import os
from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from . import BOT_TOKEN, SlackServer


@pytest.fixture
async def slack(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlackServer]:
    """A local Slack with short delays, and no settings of the real one around."""
    for name in list(os.environ):
        if name.startswith("SLACK_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    server = SlackServer(ack_timeout=0.3, retry_delays=(0.02, 0.02, 0.02))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def web(slack: SlackServer) -> AsyncWebClient:
    """The real client, without any retry of its own."""
    return AsyncWebClient(BOT_TOKEN, base_url=slack.api_url, retry_handlers=[])


@pytest.fixture
def ada(slack: SlackServer) -> str:
    """An admin."""
    return slack.add_user("ada", admin=True)


@pytest.fixture
def general(slack: SlackServer, ada: str) -> str:
    """A public channel with ada and the bot."""
    return slack.add_channel("general")
