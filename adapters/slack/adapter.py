"""Slack as a platform: renders answers, posts and edits them, finds them again."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from adapters.slack.blocks import layouts
from adapters.slack.checking import check
from adapters.slack.files import fetch
from adapters.slack.http import SlackHttp
from adapters.slack.listening import Listener
from adapters.slack.messages import look, metadata_of, part_of, update, write
from adapters.slack.names import ChannelNames
from adapters.slack.receiving import Receiver
from adapters.slack.serving import listen_http, new_app
from adapters.slack.sessions import Sessions
from adapters.slack.settings import SlackSettings
from adapters.slack.streaming import Streams
from adapters.slack.web import SlackWeb
from adapters.slack.workspaces import OneWorkspace, Workspaces
from bot.adapter import AdapterHealth, Intake, Part
from bot.errors import DeliveryError, MessageGone
from bot.model import Answer, Attachment, ConversationId, Delivery

log = logging.getLogger(__name__)

EDITS_PER_MINUTE = 45
APPENDS_PER_MINUTE = 90
"""A little less than what Slack takes of these methods from one workspace."""

LOOK_AGAIN_SECONDS = 1.0
"""A post whose reply was lost may still be on its way into the history."""


class SlackAdapter:
    """One workspace, by the app's bot token; listening wants the app token too."""

    platform = "slack"

    def __init__(
        self,
        settings: SlackSettings,
        workspaces: Workspaces | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.edit_interval = settings.edit_seconds
        self._settings = settings
        self._sleep = sleep
        self._workspaces = workspaces or OneWorkspace(settings)
        self._urls: dict[str, str] = {}
        self._streams = Streams()
        self._sessions = Sessions()
        self._names = ChannelNames()
        self._edited: dict[str, float] = {}
        self._appended: dict[str, float] = {}
        self._removed: deque[str] = deque(maxlen=1_000)

    async def open(self) -> None:
        """Open the session and ask who we are."""
        await self._workspaces.open()
        try:
            for web in await self._workspaces.all():
                me = await web.identify()
                self._urls[me.team_id] = me.url
        except DeliveryError as error:
            log.info("no links to messages for now: %s", error)

    async def aclose(self) -> None:
        """Close the session."""
        await self._workspaces.aclose()

    async def listen(self, intake: Intake) -> None:
        """Take events in, over sockets or HTTP, until cancelled."""
        receiver = self._receiver(intake)
        try:
            if self._settings.mode == "http":
                await listen_http(self._settings, self._workspaces, receiver, intake)
            else:
                web = await self._workspaces.web("")
                await Listener(web, receiver, self._settings).run()
        finally:
            await receiver.aclose()

    def web_app(self, intake: Intake) -> SlackHttp:
        """The ASGI app that takes events in, for another server than ours."""
        receiver = self._receiver(intake)
        return new_app(self._settings, self._workspaces, receiver, intake)

    def _receiver(self, intake: Intake) -> Receiver:
        return Receiver(
            self._workspaces, intake, self._removed, self._sessions, self._names
        )

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
        if part.extra["growing"]:
            await self._sessions.begin(web, delivery.conversation)
        elif part.extra["complete"]:
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
        if await update(web, place.channel, message_id, part, metadata):
            self._sessions.adopt(place)
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

    async def fetch(
        self, conversation: ConversationId, attachment: Attachment, limit: int
    ) -> bytes:
        """The contents of a file; our token goes to Slack alone."""
        web = await self._workspaces.web(conversation.workspace)
        return await fetch(web, attachment, limit)

    def link(self, conversation: ConversationId, message_id: str) -> str:
        """The address of a message; empty until we know the workspace's own."""
        url = self._urls.get(conversation.workspace, "")
        ts = message_id.replace(".", "")
        thread = conversation.thread
        within = f"?thread_ts={thread}" if thread not in ("", message_id) else ""
        return f"{url}archives/{conversation.channel}/p{ts}{within}" if url else ""

    def name(self, conversation: ConversationId) -> str:
        """What people call a channel; empty if it is not known."""
        return self._names.of(conversation.channel)

    async def health(self) -> AdapterHealth:
        """Try the tokens; name the scopes that are missing."""
        return await check(self._workspaces, self._settings)

    async def _web(self, delivery: Delivery) -> SlackWeb:
        team = delivery.conversation.workspace
        web = await self._workspaces.web(team)
        if team not in self._urls:
            # Installed since we began, or Slack was away then.
            with suppress(DeliveryError):
                self._urls[team] = (await web.identify()).url
        return web

    def _pace(self, written: dict[str, float], message_id: str) -> None:
        """Slow all growing answers down when many grow at the same time.

        The limit is the workspace's, not the message's.
        """
        now = time.monotonic()
        written[message_id] = now
        for times in (self._edited, self._appended):
            for old in [key for key, at in times.items() if now - at >= 10]:
                del times[old]
        share = max(
            len(self._edited) * 60 / EDITS_PER_MINUTE,
            len(self._appended) * 60 / APPENDS_PER_MINUTE,
        )
        alone = len(self._edited | self._appended) == 1
        pause = self._settings.edit_seconds
        self.edit_interval = pause if alone else max(pause, share)
