"""What was said while nobody listened: read from the history, handed in like events.

Slack sends an event again for some minutes, and then it is lost. What was answered
before is known by its key, so reading too much does no harm.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from adapters.slack.events import Identity, read
from adapters.slack.web import SlackRefused, SlackWeb
from bot.errors import CurbsideError, DeliveryError, DeliveryLater
from bot.model import Message
from bot.state.base import Record, Records

log = logging.getLogger(__name__)

PLACES = "public_channel,private_channel,mpim,im"
DAY = 86_400.0
LONGEST_GAP = 7 * DAY
PAGE = 100
LONGEST_PAUSE = 60.0
TRIES = 5

LIMITED_PAGE = 15
LIMITED_PAUSE = 30.0
LIMITED = (
    "slack: apps that are distributed outside the Marketplace may read 15 messages a "
    "minute; after a pause only direct messages are looked through, and what else was "
    "missed must be asked again"
)

CURSOR = "cursor"

JSON = dict[str, Any]


class Taker(Protocol):
    """Takes what the history holds."""

    async def take_event(self, web: SlackWeb, event: Mapping[str, Any]) -> None:
        """One that is to be answered."""
        ...

    async def take_missed(self, web: SlackWeb, event: Mapping[str, Any]) -> None:
        """One that is too old for an answer, but was never seen."""
        ...


class Presence:
    """When somebody last listened in a workspace, whichever process it was."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def last(self, team: str) -> float | None:
        """None if nobody ever did."""
        record = await self._records.get(CURSOR, f"slack:{team}")
        return None if record is None else float(record.data["listened"])

    async def note(self, team: str) -> None:
        """Somebody listens now."""
        name, now = f"slack:{team}", datetime.now(UTC)
        data = {"listened": now.timestamp()}
        await self._records.put(Record(CURSOR, name, data, now, workspace=name))


async def link_to(web: SlackWeb, asked: Message) -> str:
    """Where a message can be read; empty when Slack does not say."""
    place = asked.conversation
    try:
        link = await web.read(
            "chat.getPermalink", channel=place.channel, message_ts=asked.id
        )
    except DeliveryError as error:
        log.info("no link to %s: %s", asked.id, error)
        return ""
    return str(link["permalink"])


class CatchUp:
    """Reads what was said in one workspace since somebody listened there.

    The last `minutes` are answered, what is older is listed.
    """

    def __init__(
        self, web: SlackWeb, taker: Taker, presence: Presence, minutes: float
    ) -> None:
        self._web = web
        self._taker = taker
        self._presence = presence
        self._minutes = minutes
        self._limited = False

    async def run(self) -> None:
        """Hand in what was missed. Best effort: what fails is logged."""
        try:
            await self._read_all()
        except CurbsideError as error:
            log.warning("not all that was missed could be read: %s", error)

    async def _read_all(self) -> None:
        me, now = await self._web.identify(), time.time()
        answered = now - self._minutes * 60
        last = await self._presence.last(me.team_id)
        heard = max(last or answered, now - LONGEST_GAP)
        listing = self._all(
            "users.conversations", "channels", types=PLACES, exclude_archived=True
        )
        places = [place async for place in listing]
        # Private ones first: of a limited app nothing else can be read.
        for place in sorted(places, key=lambda place: not place["is_im"]):
            if self._limited and not place["is_im"]:
                continue
            try:
                await self._catch_up(place, min(heard, answered), answered, me)
            except SlackRefused as error:
                log.info("nothing to read in %s: %s", place["id"], error)
        await self._presence.note(me.team_id)

    async def _catch_up(
        self, place: JSON, oldest: float, answered: float, me: Identity
    ) -> None:
        """One channel: its new messages, and those in threads of the last day."""
        channel = place["id"]
        where = {
            "channel": channel,
            "channel_type": "im" if place["is_im"] else "",
            "is_ext_shared_channel": bool(place.get("is_ext_shared")),
        }
        missed: list[JSON] = []
        async for root in self._all(
            "conversations.history", "messages", channel=channel, oldest=oldest - DAY
        ):
            if float(root["ts"]) >= oldest:
                missed.append(root | where)
            # A thread where only we replied holds nothing that could be missed.
            alone = root.get("reply_users") == [me.user_id]
            if float(root.get("latest_reply") or 0) >= oldest and not alone:
                missed += await self._replies(root["ts"], where, oldest, me)
        for event in sorted(missed, key=lambda found: float(found["ts"])):
            if float(event["ts"]) >= answered:
                await self._taker.take_event(self._web, event)
            else:
                await self._taker.take_missed(self._web, event)

    async def _replies(
        self, thread: str, where: JSON, oldest: float, me: Identity
    ) -> list[JSON]:
        """What was said to us in a thread.

        Talk from before our first answer there was not for us, and is not now.
        """
        found, joined = [], False
        async for reply in self._all(
            "conversations.replies", "messages", channel=where["channel"], ts=thread
        ):
            joined = joined or reply.get("user") == me.user_id
            if reply["ts"] == thread or float(reply["ts"]) < oldest:
                continue
            reading = read(reply | where, me)
            if reading is not None and (joined or reading.certain):
                found.append(reply | where)
        return found

    async def _all(
        self, method: str, key: str, **arguments: Any
    ) -> AsyncIterator[JSON]:
        """The items of all pages, at the pace that Slack allows."""
        cursor = None
        while True:
            page = await self._page(method, cursor=cursor, limit=PAGE, **arguments)
            for item in page[key]:
                yield item
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            few = key == "messages" and len(page[key]) <= LIMITED_PAGE
            if cursor and few:
                self._limit()
            if not cursor or self._limited:
                return

    async def _page(self, method: str, **arguments: Any) -> JSON:
        for _ in range(TRIES):
            try:
                return await self._web.read(method, **arguments)
            except DeliveryLater as error:
                if error.retry_after > LONGEST_PAUSE:
                    raise
                if method != "users.conversations":
                    self._limit(error.retry_after)
                await asyncio.sleep(error.retry_after)
        return await self._web.read(method, **arguments)

    def _limit(self, pause: float = LIMITED_PAUSE) -> None:
        """Take notice that Slack gives us little of its history."""
        if pause >= LIMITED_PAUSE and not self._limited:
            self._limited = True
            log.warning(LIMITED)
