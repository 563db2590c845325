"""Serves Slack's HTTP deliveries in this process, and reads what was missed before."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

from adapters.slack.catching_up import CatchUp
from adapters.slack.http import Pages, SlackHttp
from adapters.slack.receiving import Receiver
from adapters.slack.settings import SlackSettings
from adapters.slack.workspaces import Workspaces
from bot.adapter import Intake
from bot.errors import ConfigurationError, CurbsideError, StateUnavailable

log = logging.getLogger(__name__)

PRESENCE_SECONDS = 30.0


async def listen_http(
    settings: SlackSettings,
    workspaces: Workspaces,
    receiver: Receiver,
    intake: Intake,
) -> None:
    """Take deliveries until cancelled; read first what was missed."""
    app = new_app(settings, workspaces, receiver, intake)
    reading = asyncio.create_task(_catch_up(workspaces, receiver, settings))
    try:
        await serve(app, settings)
    finally:
        reading.cancel()


def new_app(
    settings: SlackSettings,
    workspaces: Workspaces,
    receiver: Receiver,
    intake: Intake,
) -> SlackHttp:
    """The ASGI app. Raises ConfigurationError without a signing secret."""
    secret = settings.signing_secret
    if secret is None:
        raise ConfigurationError(
            "setting 'slack.signing_secret' is missing; with mode 'http' set "
            "CURBSIDE_SLACK_SIGNING_SECRET to the Signing Secret under Basic "
            "Information"
        )

    async def ready() -> str:
        return await _readiness(workspaces, intake)

    pages = workspaces if isinstance(workspaces, Pages) else None
    return SlackHttp(receiver, secret.get_secret_value(), ready, pages=pages)


async def serve(app: SlackHttp, settings: SlackSettings) -> None:
    """Serve until cancelled, then finish what has been begun.

    Raises ConfigurationError when the port is taken or uvicorn is not there.
    """
    try:
        import uvicorn
    except ImportError as error:
        raise ConfigurationError(
            "setting 'slack.mode' is 'http', which needs uvicorn: install "
            "'curbside[http]'"
        ) from error

    class Server(uvicorn.Server):
        """Leaves signals to the program."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    server = Server(config)
    with _listening(settings.host, settings.port) as listening:
        log.info("slack: listening at %s:%d", *listening.getsockname()[:2])
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await asyncio.shield(running)
        finally:
            server.should_exit = True
            await asyncio.wait({running})
            await app.aclose()


def _listening(host: str, port: int) -> socket.socket:
    """Bound here, for uvicorn would end the whole program when it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ConfigurationError(
            f"settings 'slack.host' and 'slack.port': {host}:{port} cannot be "
            f"listened at: {error}"
        ) from error


async def _readiness(workspaces: Workspaces, intake: Intake) -> str:
    """What keeps us from taking events, "" if nothing does."""
    try:
        await intake.records.get("slack", "ready")
        await workspaces.all()
    except StateUnavailable as error:
        return f"the state is away: {error}"
    except CurbsideError as error:
        return str(error)
    return ""


async def _catch_up(
    workspaces: Workspaces, receiver: Receiver, settings: SlackSettings
) -> None:
    """Once, at the start: Slack's own retries end after some minutes.

    Then it is noted that we listen, for the next start.
    """
    minutes, presence = settings.catch_up_minutes, receiver.presence
    if not minutes:
        return
    try:
        for web in await workspaces.all():
            await CatchUp(web, receiver, presence, minutes).run()
    except CurbsideError as error:
        log.warning("not all that was missed could be read: %s", error)
    while True:
        await asyncio.sleep(PRESENCE_SECONDS)
        try:
            for web in await workspaces.all():
                await presence.note((await web.identify()).team_id)
        except CurbsideError as error:
            log.debug("it was not noted that we listen: %s", error)
