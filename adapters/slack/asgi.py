"""The whole bot as an ASGI app, for a server of your own choice.

    uvicorn --factory adapters.slack.asgi:create --port 3000

It answers questions too. More than one process needs Redis and a Qdrant server to
share; `curbside run` is the same with uvicorn inside, and all platforms.
"""

import asyncio
from contextlib import AsyncExitStack

from adapters.slack.adapter import SlackAdapter
from adapters.slack.http import Receive, Response, Scope, Send, SlackHttp
from bot import plugins
from bot.app import App
from bot.errors import ConfigurationError, CurbsideError
from bot.settings import load_settings


def create() -> "Program":
    """What an ASGI server calls, with --factory."""
    return Program()


class Program:
    """Opens the bot when the server starts, and lets it finish when it stops."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._app: SlackHttp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the server's events, or one request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is None:
            await Response(503, "not started: lifespan must be on").send(send)
        else:
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._start()
        except CurbsideError as error:
            await self._stack.aclose()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        settings = load_settings(frozenset(plugins.installed("adapters")))
        opened = App.open(settings, platforms=["slack"])
        app = await self._stack.enter_async_context(opened)
        adapter = app.adapters.get("slack")
        if not isinstance(adapter, SlackAdapter):
            raise ConfigurationError(
                "Slack is not configured; set CURBSIDE_SLACK_BOT_TOKEN, or the table "
                "[slack.oauth]"
            )
        self._app = adapter.web_app(app.reception)
        stopping = asyncio.Event()
        working = asyncio.create_task(app.run(stopping, listen=False))

        async def finish() -> None:
            stopping.set()
            await working

        self._stack.push_async_callback(finish)
        self._stack.push_async_callback(self._app.aclose)
