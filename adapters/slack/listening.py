"""Socket Mode: events into the intake before the ack, connections that last."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Container, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from adapters.slack.catching_up import CatchUp
from adapters.slack.commands import Commands
from adapters.slack.events import Reaction, Reading, read, read_reaction
from adapters.slack.settings import SlackSettings
from adapters.slack.web import SDK_LOG, SlackRefused, SlackWeb
from bot.adapter import Intake
from bot.errors import ConfigurationError, DeliveryError, StateUnavailable
from bot.model import (
    Author,
    ConversationId,
    Deleted,
    Edited,
    Event,
    Rated,
    Said,
)

log = logging.getLogger(__name__)

LAST_ACKS_SECONDS = 2.0
CLOSE_SECONDS = 5.0


class Listener:
    """Hears for one workspace. `removed` are the messages that we deleted ourselves."""

    def __init__(
        self,
        web: SlackWeb,
        intake: Intake,
        settings: SlackSettings,
        removed: Container[str] = (),
    ) -> None:
        self._web = web
        self._intake = intake
        self._settings = settings
        self._removed = removed
        self._sessions: dict[AsyncSocketModeHandler, Any] = {}
        self._was_away = asyncio.Event()
        self._taking: set[asyncio.Task[Any]] = set()
        # A connection is pinged, and looked at, four times before we lose patience.
        self._pulse = settings.patience_seconds / 4

    async def run(self, app_token: str) -> None:
        """Listen until cancelled. Raises ConfigurationError for a refused token."""
        await self._wait_for_slack(app_token)
        app = self._new_app()
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.connections):
                group.create_task(self._stay_connected(app, app_token))
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

    async def _stay_connected(self, app: AsyncApp, app_token: str) -> None:
        """One connection; a new one when it stays away.

        The SDK tries the address it was given for ever, though Slack takes it once.
        """
        while True:
            handler = _Door(app, app_token, logger=SDK_LOG, ping_interval=self._pulse)
            handler.take_in = self._take_in
            client = cast(Any, handler.client)  # the SDK leaves these two untyped
            connecting = asyncio.create_task(client.connect())
            try:
                await self._watch(handler)
                log.warning("slack: a socket stays away, building it anew")
            finally:
                self._sessions.pop(handler, None)
                connecting.cancel()
                if self._taking:
                    await asyncio.wait(self._taking, timeout=LAST_ACKS_SECONDS)
                with suppress(asyncio.CancelledError, TimeoutError):
                    await asyncio.wait_for(client.close(), CLOSE_SECONDS)

    async def _watch(self, handler: AsyncSocketModeHandler) -> None:
        """Returns when the connection has been away for too long."""
        last_seen = time.monotonic()
        while time.monotonic() - last_seen < self._settings.patience_seconds:
            await asyncio.sleep(self._pulse)
            if not await handler.client.is_connected():
                continue
            last_seen = time.monotonic()
            session = _session(handler)
            if self._sessions.get(handler) is not session:
                if not self._somebody_stayed():
                    self._was_away.set()
                self._sessions[handler] = session

    def _somebody_stayed(self) -> bool:
        """Whether a connection is the same, and open, as when it was last looked at.

        The SDK may come back faster than we look, with a gap that nobody saw.
        """
        return any(
            _session(handler) is session and not session.closed
            for handler, session in self._sessions.items()
        )

    async def _catch_up(self) -> None:
        """At the start, and whenever no connection was there for a while."""
        catch_up = CatchUp(self._web, self._take, self._settings.catch_up_minutes)
        while True:
            await self._was_away.wait()
            self._was_away.clear()
            await catch_up.run()

    def _new_app(self) -> AsyncApp:
        """Bolt with every setting given: nothing is taken from the environment.

        With an `authorize` of ours, SLACK_CLIENT_ID and the like turn no OAuth on.
        """

        async def authorize() -> AuthorizeResult:  # Bolt takes no method for this one
            return await self._authorised()

        app = AsyncApp(
            name="curbside",
            logger=SDK_LOG,
            client=self._web.new_client(None),
            authorize=authorize,
            signing_secret="",
            request_verification_enabled=False,
            ignoring_self_events_enabled=False,
            ssl_check_enabled=False,
            url_verification_enabled=False,
            attaching_function_token_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )
        app.command(re.compile(".*"))(Commands(self._web, self._intake).take)
        app.action(re.compile(".*"))(_acknowledge)
        return app

    async def _authorised(self) -> AuthorizeResult:
        me = await self._web.identify()
        return AuthorizeResult(
            enterprise_id=None,
            team_id=me.team_id,
            bot_user_id=me.user_id,
            bot_id=me.bot_id,
            bot_token="unused: calls go through our own client",
        )

    async def _take_in(self, event: Mapping[str, Any] | None) -> bool:
        """Before the ack: without it Slack sends again what could not be stored."""
        if task := asyncio.current_task():
            # The SDK's own task, which also acknowledges: we close no socket before.
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)
        if event is None:
            return False
        try:
            await self._take(event)
        except (StateUnavailable, DeliveryError) as error:
            log.warning("an event is not acknowledged, it comes again: %s", error)
            return False
        return True

    async def _take(self, event: Mapping[str, Any]) -> None:
        if event.get("type") in ("app_uninstalled", "tokens_revoked"):
            log.error("slack: the app was removed from the workspace; install it again")
        happened = await self._understand(event)
        if happened is not None:
            await self._intake.accept(happened)

    async def _understand(self, event: Mapping[str, Any]) -> Event | None:
        """The event as ours; None when it is not for us."""
        me = await self._web.identify()
        if reaction := read_reaction(event, me):
            return await self._rated(reaction)
        reading = read(event, me)
        return None if reading is None else await self._for_us(reading)

    async def _for_us(self, reading: Reading) -> Event | None:
        happened: Event = reading.event
        if isinstance(happened, Deleted) and happened.message_id in self._removed:
            return None
        if reading.newly or not reading.certain:
            part = await self._intake.takes_part(happened.conversation)
            if not part and not reading.certain:
                return None
            if not part and isinstance(happened, Edited):
                # The name was forgotten and put in: only now it is said to us.
                happened = Said(happened.message)
        if isinstance(happened, Said | Edited):
            author = await self._web.author(happened.message.author.id)
            happened = replace(
                happened, message=replace(happened.message, author=author)
            )
        return happened

    async def _rated(self, reaction: Reaction) -> Rated | None:
        """A verdict, with the thread that the judged message is in."""
        me = await self._web.identify()
        try:
            found = await self._web.read(
                "conversations.replies",
                channel=reaction.channel,
                ts=reaction.ts,
                latest=reaction.ts,
                inclusive=True,
                limit=1,
            )
        except SlackRefused as error:
            log.info("a verdict on what cannot be seen: %s", error)
            return None
        thread = found["messages"][0].get("thread_ts") or reaction.ts
        conversation = ConversationId("slack", me.team_id, reaction.channel, thread)
        return Rated(
            conversation,
            Author(reaction.user),
            reaction.ts,
            reaction.verdict,
            reaction.id,
        )


class _Door(AsyncSocketModeHandler):
    """Lets Bolt see commands and clicks only.

    Over each event, three to an answer, it would take as long as all else together.
    """

    take_in: Callable[[Mapping[str, Any] | None], Awaitable[bool]]

    async def handle(
        self, client: AsyncBaseSocketModeClient, req: SocketModeRequest
    ) -> None:
        """Events go to `take_in`, and are acknowledged when it has them."""
        is_event = req.type == "events_api"
        taken = await self.take_in(req.payload["event"] if is_event else None)
        if not is_event:
            await super().handle(cast(Any, client), req)
        elif taken:
            await client.send_socket_mode_response(SocketModeResponse(req.envelope_id))


def _session(handler: AsyncSocketModeHandler) -> Any:
    return cast(Any, handler.client).current_session


async def _acknowledge(ack: Callable[[], Awaitable[Any]]) -> None:
    await ack()
