"""What was said while nobody listened: read from the history, handed in like events.

Slack sends an event again for some minutes, and then it is lost. What was answered
before is known by its key, so reading too much does no harm.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from adapters.slack.events import Identity, read
from adapters.slack.web import SlackRefused, SlackWeb
from bot.errors import CurbsideError, DeliveryLater

log = logging.getLogger(__name__)

PLACES = "public_channel,private_channel,mpim,im"
DAY = 86_400.0
PAGE = 100
LONGEST_PAUSE = 60.0
TRIES = 5

JSON = dict[str, Any]


class CatchUp:
    """Reads the last `minutes` of each conversation that the app is in."""

    def __init__(
        self,
        web: SlackWeb,
        take: Callable[[SlackWeb, Mapping[str, Any]], Awaitable[None]],
        minutes: float,
    ) -> None:
        self._web = web
        self._take = take
        self._minutes = minutes

    async def run(self) -> None:
        """Hand in what was missed. Best effort: what fails is logged."""
        oldest = time.time() - self._minutes * 60
        try:
            me = await self._web.identify()
            async for place in self._all(
                "users.conversations", "channels", types=PLACES, exclude_archived=True
            ):
                try:
                    await self._catch_up(place, oldest, me)
                except SlackRefused as error:
                    log.info("nothing to read in %s: %s", place["id"], error)
        except CurbsideError as error:
            log.warning("not all that was missed could be read: %s", error)

    async def _catch_up(self, place: JSON, oldest: float, me: Identity) -> None:
        """One channel: its new messages, and those in threads of the last day."""
        channel = place["id"]
        where = {"channel": channel, "channel_type": "im" if place["is_im"] else ""}
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
            await self._take(self._web, event)

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
            if not cursor:
                return

    async def _page(self, method: str, **arguments: Any) -> JSON:
        for _ in range(TRIES):
            try:
                return await self._web.read(method, **arguments)
            except DeliveryLater as error:
                if error.retry_after > LONGEST_PAUSE:
                    raise
                await asyncio.sleep(error.retry_after)
        return await self._web.read(method, **arguments)
