"""Slack as a platform: renders answers, posts and edits them, finds them again."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

from adapters.slack.blocks import layouts
from adapters.slack.listening import Listener
from adapters.slack.messages import look, metadata_of, part_of, update, write
from adapters.slack.receiving import Receiver
from adapters.slack.sessions import Sessions
from adapters.slack.settings import SCOPES, SlackSettings
from adapters.slack.streaming import Streams
from adapters.slack.web import SlackWeb
from adapters.slack.workspaces import OneWorkspace
from bot.adapter import AdapterHealth, Intake, Part
from bot.errors import ConfigurationError, DeliveryError, MessageGone
from bot.model import Answer, Delivery

log = logging.getLogger(__name__)

EDITS_PER_MINUTE = 45
APPENDS_PER_MINUTE = 90
"""A little less than what Slack takes of these methods from one workspace."""

LOOK_AGAIN_SECONDS = 1.0
"""A post whose reply was lost may still be on its way into the history."""

HEALTH_SECONDS = 5.0


class SlackAdapter:
    """One workspace, by the app's bot token; listening wants the app token too."""

    platform = "slack"

    def __init__(
        self,
        settings: SlackSettings,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.edit_interval = settings.edit_seconds
        self._settings = settings
        self._sleep = sleep
        self._workspaces = OneWorkspace(settings)
        self._streams = Streams()
        self._sessions = Sessions()
        self._edited: dict[str, float] = {}
        self._appended: dict[str, float] = {}
        self._removed: deque[str] = deque(maxlen=1_000)

    async def open(self) -> None:
        """Open the session and ask who we are."""
        await self._workspaces.open()

    async def aclose(self) -> None:
        """Close the session."""
        await self._workspaces.aclose()

    async def listen(self, intake: Intake) -> None:
        """Take events in over Socket Mode until cancelled."""
        token = self._settings.app_token
        if token is None:
            raise ConfigurationError(
                "setting 'slack.app_token' is missing; make an app-level token with "
                "the scope connections:write, and set CURBSIDE_SLACK_APP_TOKEN"
            )
        receiver = Receiver(self._workspaces, intake, self._removed)
        web = await self._workspaces.web("")
        try:
            await Listener(web, receiver, self._settings).run(token.get_secret_value())
        finally:
            await receiver.aclose()

    def render(self, answer: Answer) -> list[Part]:
        """The answer as blocks, in as many messages as it takes."""
        found = layouts(answer)
        return [
            part_of(layout, answer, last=index == len(found) - 1)
            for index, layout in enumerate(found)
        ]

    async def post(self, delivery: Delivery, index: int, part: Part) -> str:
        """Post a part; its key travels in its metadata, or in its first step."""
        web, key = await self._web(delivery), delivery.key(index)
        if part.extra["growing"]:
            grown = part.extra["grown"]
            ts = await self._streams.start(web, delivery, key, grown)
            if ts is not None:
                self._pace(self._appended, ts)
                await self._sessions.begin(web, delivery.conversation)
                return ts
        posted = await write(
            web,
            "chat.postMessage",
            part,
            channel=delivery.conversation.channel,
            thread_ts=delivery.conversation.thread or None,
            metadata=metadata_of(key),
            unfurl_links=False,
            unfurl_media=False,
        )
        if part.extra["complete"]:
            await self._sessions.end(web, delivery.conversation)
        return str(posted["ts"])

    async def find(self, delivery: Delivery, index: int) -> str | None:
        """Look for a part's key in the thread; twice, for Slack may be late."""
        web, key = await self._web(delivery), delivery.key(index)
        found = await look(web, delivery, key)
        if found is None:
            await self._sleep(LOOK_AGAIN_SECONDS)
            found = await look(web, delivery, key)
        return found

    async def edit(self, delivery: Delivery, message_id: str, part: Part) -> None:
        """Bring a message up to date; its key stays with it."""
        web, place = await self._web(delivery), delivery.conversation
        keys = [delivery.key(p.index) for p in delivery.parts if p.id == message_id]
        metadata = metadata_of(keys[0]) if keys else None
        stream, grown = (place.channel, message_id), part.extra["grown"]
        if part.extra["growing"]:
            if await self._streams.append(web, stream, grown):
                self._pace(self._appended, message_id)
                return
        elif await self._streams.stop(web, stream, grown, metadata):
            if part.extra["complete"]:
                self._sessions.ended(place)
            return
        self._pace(self._edited, message_id)
        await update(web, place.channel, message_id, part, metadata)
        if part.extra["complete"]:
            await self._sessions.end(web, place)

    async def remove(self, delivery: Delivery, message_id: str) -> None:
        """Delete a message of ours."""
        # Slack tells us of this too, and then it must not look like a person's wish.
        self._removed.append(message_id)
        channel = delivery.conversation.channel
        self._streams.forget((channel, message_id))
        web = await self._web(delivery)
        await self._sessions.end(web, delivery.conversation)
        try:
            await web.write("chat.delete", channel=channel, ts=message_id)
        except MessageGone:
            log.debug("%s was gone already", message_id)

    async def working(self, delivery: Delivery, step: str) -> None:
        """The line under the thread; Slack takes it away when we post."""
        place = delivery.conversation
        if not place.thread:
            return
        try:
            web = await self._web(delivery)
            await self._sessions.begin(web, place)
            await web.write(
                "assistant.threads.setStatus",
                channel_id=place.channel,
                thread_ts=place.thread,
                status=f"is {step or 'thinking'} …",
            )
        except DeliveryError as error:
            log.debug("no status line in %s: %s", place, error)

    async def health(self) -> AdapterHealth:
        """Try both tokens; name the scopes that are missing."""
        problems: list[str] = []
        detail = ""
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                web = await self._workspaces.web("")
                me = await web.identify(again=True)
                detail = f"{me.name} in {me.team or me.team_id}"
                problems += _missing_scopes(web)
                token = self._settings.app_token
                if token is None:
                    problems.append(
                        "CURBSIDE_SLACK_APP_TOKEN is not set: nothing can be heard"
                    )
                else:
                    await web.check_socket(token.get_secret_value())
        except TimeoutError:
            problems.append(f"Slack did not answer in {HEALTH_SECONDS:.0f} seconds")
        except DeliveryError as error:
            problems.append(str(error))
        return AdapterHealth(not problems, detail, tuple(problems))

    async def _web(self, delivery: Delivery) -> SlackWeb:
        return await self._workspaces.web(delivery.conversation.workspace)

    def _pace(self, written: dict[str, float], message_id: str) -> None:
        """Slow all growing answers down when many grow at the same time.

        The limit is the workspace's, not the message's.
        """
        now = time.monotonic()
        written[message_id] = now
        for times in (self._edited, self._appended):
            for old in [key for key, at in times.items() if now - at >= 10]:
                del times[old]
        self.edit_interval = max(
            self._settings.edit_seconds,
            len(self._edited) * 60 / EDITS_PER_MINUTE,
            len(self._appended) * 60 / APPENDS_PER_MINUTE,
        )


def _missing_scopes(web: SlackWeb) -> list[str]:
    missing = ", ".join(sorted(SCOPES - web.scopes))
    if not missing:
        return []
    return [
        f"the bot token lacks the scopes {missing}; add them under OAuth & "
        "Permissions, then install the app again"
    ]
