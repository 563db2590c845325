"""Messages of ours in a workspace: written as blocks, known by the key they carry."""

import logging
from collections.abc import AsyncIterator
from typing import Any

from adapters.slack.blocks import MARKDOWN_LIMIT, Layout
from adapters.slack.streaming import Grown, end
from adapters.slack.web import SlackRefused, SlackWeb
from bot.adapter import Part
from bot.errors import DeliveryLater
from bot.model import Answer, Delivery

log = logging.getLogger(__name__)

JSON = dict[str, Any]

EVENT_TYPE = "curbside_answer"
"""What the metadata of our answers is called."""

BLOCK_ERRORS = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
        "msg_blocks_too_many",
    }
)

# Said with each text: Slack is to show what we send, and to guess nothing into it.
AS_IT_IS = {"parse": "none", "link_names": False}


def metadata_of(key: str) -> JSON:
    """What a message carries so that it is found again."""
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


def part_of(layout: Layout, answer: Answer, *, last: bool) -> Part:
    """One message of an answer, with all that its two ways of sending need."""
    growing = last and not answer.complete
    complete = last and answer.complete
    grown = Grown(
        layout,
        step=answer.step if growing else "",
        sources=answer.sources if complete else (),
        last=last,
    )
    extra = {"grown": grown, "growing": growing, "complete": complete}
    return Part(layout.text(growing=growing), extra)


async def write(web: SlackWeb, method: str, part: Part, **where: Any) -> JSON:
    """Send a part as blocks; as Markdown alone where Slack refuses the blocks."""
    layout: Layout = part.extra["grown"].layout
    blocks = layout.blocks(growing=part.extra["growing"])
    try:
        return await web.write(
            method, text=part.text, blocks=blocks or None, **where, **AS_IT_IS
        )
    except SlackRefused as error:
        if error.code not in BLOCK_ERRORS:
            raise
        log.warning("blocks were refused, only the text is sent: %s", error)
        markdown = layout.markdown()[:MARKDOWN_LIMIT] or part.text
        return await web.write(method, markdown_text=markdown, **where)


async def update(
    web: SlackWeb, channel: str, ts: str, part: Part, metadata: JSON | None
) -> bool:
    """Edit a message; whether it grew as a stream until now, which is ended first."""
    where = {"channel": channel, "ts": ts, "metadata": metadata}
    try:
        await write(web, "chat.update", part, **where)
    except SlackRefused as error:
        if error.code != "streaming_state_conflict":
            raise
    else:
        return False
    status = "active" if part.extra["complete"] else "processing"
    await end(web, channel, ts, status=status)
    try:
        await write(web, "chat.update", part, **where)
    except SlackRefused as error:
        if error.code != "streaming_state_conflict":
            raise
        raise DeliveryLater(f"a stream does not end: {error}") from error
    return True


async def look(web: SlackWeb, delivery: Delivery, key: str) -> str | None:
    """The message of ours that carries `key`, where the answer belongs."""
    me = await web.identify()
    async for message in _since_the_question(web, delivery):
        if message.get("user") != me.user_id:
            continue
        metadata = message.get("metadata") or {}
        posted = metadata.get("event_type") == EVENT_TYPE
        if posted and metadata.get("event_payload", {}).get("key") == key:
            return str(message["ts"])
        # What still grows as a stream has its key in its first step alone.
        blocks = message.get("blocks") or ()
        if any(block.get("task_id") == key for block in blocks):
            return str(message["ts"])
    return None


async def _since_the_question(web: SlackWeb, delivery: Delivery) -> AsyncIterator[JSON]:
    place = delivery.conversation
    method = "conversations.history"
    oldest = delivery.question_id
    if not oldest and delivery.begun_at is not None:
        # Slack's clock is not ours.
        oldest = f"{delivery.begun_at.timestamp() - 60:.6f}"
    where = {"channel": place.channel, "oldest": oldest}
    if place.thread:
        method = "conversations.replies"
        where["ts"] = place.thread
    cursor = None
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
