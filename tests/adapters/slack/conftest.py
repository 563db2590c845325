"""A Slack adapter that listens to a local Slack."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import pytest
from servers.intake import Box
from servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer

from adapters.slack.adapter import SlackAdapter
from adapters.slack.settings import SlackSettings

Listening = Callable[[], AbstractAsyncContextManager[SlackAdapter]]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration file of the developer's."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def settings(slack: SlackServer) -> SlackSettings:
    return SlackSettings(
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        api_url=slack.api_url,
        connections=1,
        patience_seconds=0.4,
        catch_up_minutes=0,
    )


@pytest.fixture
def listening(slack: SlackServer, settings: SlackSettings, box: Box) -> Listening:
    """Opens an adapter, lets it listen, and ends it."""

    @asynccontextmanager
    async def listen() -> AsyncIterator[SlackAdapter]:
        adapter = SlackAdapter(settings)
        await adapter.open()
        task = asyncio.create_task(adapter.listen(box))
        try:
            await slack.wait_for(
                lambda: len(slack.sockets.connections) == settings.connections
            )
            yield adapter
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await adapter.aclose()

    return listen


@pytest.fixture
async def adapter(listening: Listening) -> AsyncIterator[SlackAdapter]:
    async with listening() as adapter:
        yield adapter
