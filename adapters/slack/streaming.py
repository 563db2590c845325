"""Answers that grow in a message of their own: Slack's streams, and their limits.

What was sent of each is remembered here alone. Whoever does not know a stream, because
another process began it, ends it and edits the message.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.slack.blocks import Layout
from adapters.slack.settling import extension, settled
from adapters.slack.web import SlackRefused, SlackWeb
from bot.errors import DeliveryError, DeliveryLater, MessageGone
from bot.model import ConversationId, Delivery, Source
from bot.words import say

log = logging.getLogger(__name__)

JSON = dict[str, Any]

LIFE_SECONDS = 240.0
"""Slack ends a stream after about five minutes, whatever is sent."""

STARTS_PER_MINUTE = 18
"""A little less than what Slack takes of one workspace."""

REFUSED_SECONDS = 600.0
"""Where a stream was refused, none is tried for so long."""

OF_THE_THREAD = frozenset({"thread_not_found", "cannot_reply_to_message"})
"""Refusals that say nothing about other threads of the channel."""

TITLE_LIMIT = 200
TASK_SOURCES = 5


@dataclass
class Stream:
    """A message that grows. `content` are the blocks that were sent of it."""

    channel: str
    began: float
    content: list[JSON] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    key: str = ""
    ended: bool = False
    """Slack takes no more for it: from here on it is edited."""


@dataclass(frozen=True, slots=True)
class Grown:
    """One moment of an answer, as far as a stream shows it."""

    layout: Layout
    step: str = ""
    sources: Sequence[Source] = ()
    last: bool = True
    """Whether the answer ends with this message."""


class Streams:
    """The streams of this process, in all workspaces."""

    def __init__(
        self,
        *,
        life_seconds: float = LIFE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._life = life_seconds
        self._clock = clock
        self._streams: dict[tuple[str, str], Stream] = {}
        self._starts: dict[str, deque[float]] = {}
        self._refused: dict[tuple[str, str], float] = {}

    async def start(
        self, web: SlackWeb, delivery: Delivery, key: str, grown: Grown
    ) -> str | None:
        """Begin a message; None when it is to be posted instead.

        Raises DeliveryUnclear: then `key`, the id of its first step, tells it.
        """
        place = delivery.conversation
        recipient = _recipient(delivery)
        if not place.thread or recipient is None or not self._may_start(delivery):
            return None
        step = grown.step or say("thinking")
        content = settled(grown.layout)
        team, user = recipient
        try:
            started = await web.write(
                "chat.startStream",
                channel=place.channel,
                thread_ts=place.thread,
                recipient_team_id=team,
                recipient_user_id=user,
                task_display_mode="timeline",
                chunks=[_task(key, step), *(extension([], content) or [])],
            )
        except (SlackRefused, MessageGone, DeliveryLater) as error:
            log.info("no stream in %s, the answer is edited: %s", place, error)
            self._note_refusal(place, error)
            return None
        ts = str(started["ts"])
        self._drop_old()
        stream = Stream(place.channel, self._clock(), content, [step], key)
        self._streams[place.channel, ts] = stream
        return ts

    async def append(
        self, web: SlackWeb, message: tuple[str, str], grown: Grown
    ) -> bool:
        """Add what is new; False when the message is to be edited instead."""
        channel, ts = message
        stream = self._streams.get(message)
        if stream is None or stream.ended:
            return False
        content = settled(grown.layout)
        if extension(content, stream.content) is not None:
            content = stream.content  # its end may turn into something else yet
        chunks = extension(stream.content, content)
        if chunks is None or self._clock() - stream.began > self._life:
            await self._end(web, stream, ts)
            return False
        if grown.step and grown.step not in stream.steps:
            id_ = f"{stream.key}/{len(stream.steps)}"
            chunks = [_task(id_, grown.step), *chunks]
        if not chunks:
            return True
        try:
            await web.write("chat.appendStream", channel=channel, ts=ts, chunks=chunks)
        except DeliveryLater:
            raise
        except MessageGone:
            self.forget(message)
            raise
        except DeliveryError as error:
            # What was sent may be there or not: only an edit puts it right.
            log.info("a stream broke off, its message is edited: %s", error)
            await self._end(web, stream, ts)
            return not isinstance(error, SlackRefused)
        stream.content = content
        if grown.step and grown.step not in stream.steps:
            stream.steps.append(grown.step)
        return True

    async def stop(
        self,
        web: SlackWeb,
        message: tuple[str, str],
        grown: Grown,
        metadata: JSON | None,
    ) -> bool:
        """Send the rest and end it; False when the message is to be edited instead.

        Raises DeliveryUnclear, and then the next call says False.
        """
        stream = self._streams.pop(message, None)
        if stream is None:
            return False
        channel, ts = message
        content = [item.block for item in grown.layout.content]
        rest = extension(stream.content, content)
        if stream.ended:
            return False
        if rest is None or (not content and not stream.content):
            await self._end(web, stream, ts)
            return False
        finished = _task(stream.key, stream.steps[0], grown.sources)
        try:
            await web.write(
                "chat.stopStream",
                channel=channel,
                ts=ts,
                chunks=[finished, *rest],
                blocks=list(grown.layout.tail) or None,
                metadata=metadata,
                session_status="active" if grown.last else "processing",
            )
        except DeliveryLater:
            self._streams[message] = stream
            raise
        except SlackRefused as error:
            log.info("a stream had ended, its message is edited: %s", error)
            return False
        return True

    def forget(self, message: tuple[str, str]) -> None:
        """A message (its channel and id) was removed."""
        self._streams.pop(message, None)

    def _note_refusal(self, place: ConversationId, error: DeliveryError) -> None:
        """Where a stream was refused, the next ones would be too for a while."""
        now = self._clock()
        if isinstance(error, DeliveryLater):
            self._refused[place.workspace, ""] = now + error.retry_after
        elif isinstance(error, SlackRefused) and error.code not in OF_THE_THREAD:
            self._refused[place.workspace, place.channel] = now + REFUSED_SECONDS

    def _drop_old(self) -> None:
        """Answers that were given up leave their streams behind."""
        oldest = self._clock() - 2 * self._life
        for key in [k for k, old in self._streams.items() if old.began < oldest]:
            del self._streams[key]

    async def _end(self, web: SlackWeb, stream: Stream, ts: str) -> None:
        """End a stream as it is, so that its message can be edited."""
        stream.ended = True
        try:
            await end(web, stream.channel, ts, status="processing")
        except DeliveryError as error:
            # The edit that follows finds out whether it is open still.
            log.debug("the stream %s was not ended: %s", ts, error)

    def _may_start(self, delivery: Delivery) -> bool:
        """Whether the workspace has starts left, and did not refuse one lately."""
        now = self._clock()
        place = delivery.conversation
        for channel in ("", place.channel):
            if self._refused.get((place.workspace, channel), 0.0) > now:
                return False
        starts = self._starts.setdefault(place.workspace, deque())
        while starts and now - starts[0] >= 60:
            starts.popleft()
        if len(starts) >= STARTS_PER_MINUTE:
            return False
        starts.append(now)
        return True


async def end(web: SlackWeb, channel: str, ts: str, *, status: str) -> None:
    """End a stream without adding to it; one that has ended is no error."""
    try:
        await web.write(
            "chat.stopStream", channel=channel, ts=ts, session_status=status
        )
    except SlackRefused as error:
        log.debug("the stream %s had ended: %s", ts, error)


def _task(id_: str, title: str, sources: Sequence[Source] = ()) -> JSON:
    """A step that is done. The first one's id says which part of which answer it is."""
    task: JSON = {
        "type": "task_update",
        "id": id_,
        "title": (title[:1].upper() + title[1:])[:TITLE_LIMIT],
        "status": "complete",
    }
    linked = [
        {"type": "url", "url": source.url, "text": source.title[:TITLE_LIMIT]}
        for source in sources
        if source.url.startswith("https://")
    ]
    return task | ({"sources": linked[:TASK_SOURCES]} if linked else {})


def _recipient(delivery: Delivery) -> tuple[str, str] | None:
    """Who asked; Slack wants to know for whom an answer grows."""
    team, _, user = delivery.reply_token.partition(":")
    return (team, user) if user else None
