"""Slack as a platform: renders answers, posts and edits them, finds them again."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from adapters.shared import compose, visible
from adapters.slack.listening import Listener
from adapters.slack.markdown import to_messages
from adapters.slack.receiving import Receiver
from adapters.slack.settings import SCOPES, SlackSettings
from adapters.slack.web import SlackRefused, SlackWeb
from adapters.slack.workspaces import OneWorkspace
from bot.adapter import AdapterHealth, Intake, Part
from bot.errors import ConfigurationError, DeliveryError, MessageGone
from bot.model import Answer, Delivery

log = logging.getLogger(__name__)

EVENT_TYPE = "curbside_answer"
"""What the metadata of our answers is called."""

EDITS_PER_MINUTE = 45
APPENDS_PER_MINUTE = 90
"""A little less than what Slack takes of these methods from one workspace."""

BLOCK_ERRORS = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
        "msg_blocks_too_many",
    }
)

LOOK_AGAIN_SECONDS = 1.0
"""A post whose reply was lost may still be on its way into the history."""

HEALTH_SECONDS = 5.0

# Said with each text: Slack is to show what we send, and to guess nothing into it.
AS_IT_IS = {"parse": "none", "link_names": False}


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
        self._edited: dict[str, float] = {}
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
            _part(layout, answer, last=index == len(found) - 1)
            for index, layout in enumerate(found)
        ]

    async def post(self, delivery: Delivery, index: int, part: Part) -> str:
        """Post a part; its key travels in its metadata, or in its first step."""
        key = delivery.key(index)
        if part.extra["growing"]:
            began = self._streams.start(self._web, delivery, key, part.extra["grown"])
            if (ts := await began) is not None:
                self._pace(self._appended, ts)
                await self._sessions.begin(self._web, delivery.conversation)
                return ts
        posted = await self._write(
            "chat.postMessage",
            part,
            channel=delivery.conversation.channel,
            thread_ts=delivery.conversation.thread or None,
            metadata=_metadata(key),
            unfurl_links=False,
            unfurl_media=False,
        )
        if part.extra["complete"]:
            await self._sessions.end(self._web, delivery.conversation)
        return str(posted["ts"])

    async def find(self, delivery: Delivery, index: int) -> str | None:
        """Look for a part's key in the thread; twice, for Slack may be late."""
        found = await self._look(delivery, delivery.key(index))
        if found is None:
            await self._sleep(LOOK_AGAIN_SECONDS)
            found = await self._look(delivery, delivery.key(index))
        return found

    async def edit(self, delivery: Delivery, message_id: str, part: Part) -> None:
        """Bring a message up to date; its key stays with it."""
        channel, grown = delivery.conversation.channel, part.extra["grown"]
        keys = [delivery.key(p.index) for p in delivery.parts if p.id == message_id]
        metadata = _metadata(keys[0]) if keys else None
        if part.extra["growing"]:
            if await self._streams.append(self._web, channel, message_id, grown):
                self._pace(self._appended, message_id)
                return
        elif metadata is not None and await self._streams.stop(
            self._web, channel, message_id, grown, metadata
        ):
            if part.extra["complete"]:
                self._sessions.ended(delivery.conversation)
            return
        self._pace(self._edited, message_id)
        await self._update(channel, message_id, part, metadata)
        if part.extra["complete"]:
            await self._sessions.end(self._web, delivery.conversation)

    async def remove(self, delivery: Delivery, message_id: str) -> None:
        """Delete a message of ours."""
        # Slack tells us of this too, and then it must not look like a person's wish.
        self._removed.append(message_id)
        channel = delivery.conversation.channel
        self._streams.forget(channel, message_id)
        await self._sessions.end(self._web, delivery.conversation)
        web = await self._web(delivery)
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
            await web.write(
                "assistant.threads.setStatus",
                channel_id=place.channel,
                thread_ts=place.thread,
                status=f"is {step or 'thinking'} …",
            )
        except DeliveryError as error:
            log.debug("no status line in %s: %s", place, error)
        await self._sessions.begin(self._web, place)

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

    async def _update(
        self, channel: str, ts: str, part: Part, metadata: dict[str, Any] | None
    ) -> None:
        """Edit a message; one that still grows as a stream is ended first."""
        where = {"channel": channel, "ts": ts, "metadata": metadata}
        try:
            await self._write("chat.update", part, **where)
        except SlackRefused as error:
            if error.code != "streaming_state_conflict":
                raise
            await end(self._web, channel, ts)
            try:
                await self._write("chat.update", part, **where)
            except SlackRefused as again:
                if again.code != "streaming_state_conflict":
                    raise
                raise DeliveryLater(f"a stream is still open: {again}") from again

    async def _write(self, method: str, part: Part, **where: Any) -> dict[str, Any]:
        """Send a part as blocks; as Markdown alone where Slack refuses the blocks."""
        layout: Layout = part.extra["grown"].layout
        blocks = layout.blocks(growing=part.extra["growing"])
        try:
            return await self._web.write(
                method, text=part.text, blocks=blocks or None, **where, **AS_IT_IS
            )
        except SlackRefused as error:
            if error.code not in BLOCK_ERRORS:
                raise
            log.warning("blocks were refused, only the text is sent: %s", error)
            markdown = layout.markdown()[:MARKDOWN_LIMIT] or part.text
            return await self._web.write(method, markdown_text=markdown, **where)

    async def _look(self, delivery: Delivery, key: str) -> str | None:
        me = await (await self._web(delivery)).identify()
        async for message in self._history(delivery):
            metadata = message.get("metadata") or {}
            if message.get("user") != me.user_id:
                continue
            posted = metadata.get("event_type") == EVENT_TYPE
            if posted and metadata.get("event_payload", {}).get("key") == key:
                return str(message["ts"])
            # What still grows as a stream has its key in its first step alone.
            if any(b.get("task_id") == key for b in message.get("blocks") or ()):
                return str(message["ts"])
        return None

    async def _history(self, delivery: Delivery) -> AsyncIterator[dict[str, Any]]:
        """What was said since the question, where the answer belongs."""
        place = delivery.conversation
        method = "conversations.history"
        where = {"channel": place.channel, "oldest": delivery.question_id}
        if place.thread:
            method = "conversations.replies"
            where["ts"] = place.thread
        web, cursor = await self._web(delivery), None
        while True:
            try:
                page = await web.read(
                    method, include_all_metadata=True, limit=200, cursor=cursor, **where
                )
            except SlackRefused as error:
                if error.code == "thread_not_found":
                    return
                raise
            for message in page["messages"]:
                yield message
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return


def _missing_scopes(web: SlackWeb) -> list[str]:
    missing = ", ".join(sorted(SCOPES - web.scopes))
    if not missing:
        return []
    return [
        f"the bot token lacks the scopes {missing}; add them under OAuth & "
        "Permissions, then install the app again"
    ]


def _part(layout: Layout, answer: Answer, *, last: bool) -> Part:
    """A message of an answer, with all that its two ways of sending need."""
    growing = last and not answer.complete
    grown = Grown(
        layout,
        step=answer.step if growing else "",
        sources=answer.sources if last and answer.complete else (),
        last=last,
    )
    complete = last and answer.complete
    extra = {"grown": grown, "growing": growing, "complete": complete}
    return Part(layout.text(growing=growing), extra)


def _metadata(key: str) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}
