"""Socket Mode: connections that last, each delivery handed in and acknowledged."""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from adapters.slack.catching_up import CatchUp, Presence
from adapters.slack.receiving import Receiver
from adapters.slack.settings import SlackSettings
from adapters.slack.web import SDK_LOG, SlackRefused, SlackWeb
from bot.errors import ConfigurationError, DeliveryError, StateUnavailable

log = logging.getLogger(__name__)

LAST_ACKS_SECONDS = 2.0
CLOSE_SECONDS = 5.0
PRESENCE_SECONDS = 30.0


class Listener:
    """Hears over sockets what happens in one workspace."""

    def __init__(
        self, web: SlackWeb, receiver: Receiver, settings: SlackSettings
    ) -> None:
        self._web = web
        self._receiver = receiver
        self._settings = settings
        self._sessions: dict[SocketModeClient, Any] = {}
        self._was_away = asyncio.Event()
        self._taking: set[asyncio.Task[Any]] = set()
        # A connection is pinged, and looked at, four times before we lose patience.
        self._pulse = settings.patience_seconds / 4

    async def run(self) -> None:
        """Listen until cancelled. Raises ConfigurationError for a refused token."""
        token = self._settings.app_token
        if token is None:
            raise ConfigurationError(
                "setting 'slack.app_token' is missing; make an app-level token with "
                "the scope connections:write, and set CURBSIDE_SLACK_APP_TOKEN"
            )
        app_token = token.get_secret_value()
        await self._wait_for_slack(app_token)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.connections):
                group.create_task(self._stay_connected(app_token))
            if self._settings.catch_up_minutes:
                group.create_task(self._catch_up())

    async def _wait_for_slack(self, app_token: str) -> None:
        """Nothing can be read before we know who we are."""
        while True:
            try:
                await self._web.identify()
                await self._web.check_socket(app_token)
                return
            except SlackRefused as error:
                # The SDK would knock for ever at a door that stays shut.
                raise ConfigurationError(f"slack: {error}") from error
            except DeliveryError as error:
                log.warning("slack: %s", error)
                await asyncio.sleep(self._settings.patience_seconds)

    async def _stay_connected(self, app_token: str) -> None:
        """One connection; a new one when it stays away.

        The SDK tries the address it was given for ever, though Slack takes it once.
        """
        while True:
            client = SocketModeClient(
                app_token,
                logger=SDK_LOG,
                web_client=self._web.new_client(None),
                ping_interval=self._pulse,
            )
            client.socket_mode_request_listeners.append(self._take)
            untyped = cast(Any, client)
            connecting = asyncio.create_task(untyped.connect())
            try:
                await self._watch(client)
                log.warning("slack: a socket stays away, building it anew")
            finally:
                self._sessions.pop(client, None)
                connecting.cancel()
                if self._taking:
                    await asyncio.wait(self._taking, timeout=LAST_ACKS_SECONDS)
                with suppress(asyncio.CancelledError, TimeoutError):
                    await asyncio.wait_for(untyped.close(), CLOSE_SECONDS)

    async def _take(
        self, client: AsyncBaseSocketModeClient, request: SocketModeRequest
    ) -> None:
        """Hand a delivery in; Bolt would take as long over each event as all else."""
        if task := asyncio.current_task():
            # The SDK's own task, which also acknowledges: we close no socket before.
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)

        async def ack(answer: Mapping[str, Any] | None = None) -> None:
            payload = dict(answer) if answer else None
            response = SocketModeResponse(request.envelope_id, payload)
            await client.send_socket_mode_response(response)

        await self._receiver.take(request.type, request.payload, ack)

    async def _watch(self, client: SocketModeClient) -> None:
        """Returns when the connection has been away for too long."""
        last_seen = time.monotonic()
        while time.monotonic() - last_seen < self._settings.patience_seconds:
            await asyncio.sleep(self._pulse)
            if not await client.is_connected():
                continue
            last_seen = time.monotonic()
            session = _session(client)
            if self._sessions.get(client) is not session:
                if not self._somebody_stayed():
                    self._was_away.set()
                self._sessions[client] = session

    def _somebody_stayed(self) -> bool:
        """Whether a connection is the same, and open, as when it was last looked at.

        The SDK may come back faster than we look, with a gap that nobody saw.
        """
        return any(
            _session(client) is session and not session.closed
            for client, session in self._sessions.items()
        )

    async def _catch_up(self) -> None:
        """At the start, and whenever no connection was there for a while."""
        presence = self._receiver.presence
        catch_up = CatchUp(
            self._web, self._receiver, presence, self._settings.catch_up_minutes
        )
        while True:
            await self._was_away.wait()
            self._was_away.clear()
            await catch_up.run()
            await self._stay(presence)

    async def _stay(self, presence: Presence) -> None:
        """Note that somebody listens, until nobody did for a while."""
        me = await self._web.identify()
        while not self._was_away.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._was_away.wait(), PRESENCE_SECONDS)
                return
            if self._somebody_stayed():
                try:
                    await presence.note(me.team_id)
                except StateUnavailable as error:
                    log.debug("it was not noted that we listen: %s", error)


def _session(client: SocketModeClient) -> Any:
    return cast(Any, client).current_session
