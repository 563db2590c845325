"""The weekly summary of what was not answered well, for a channel of moderators."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from backends.base import BackendError
from bot import gaps, unanswered
from bot.gaps import Gap
from bot.model import Announced, ConversationId
from bot.places import Places
from bot.policies import audience
from bot.state.base import Record, State
from bot.state.listing import all_records

log = logging.getLogger(__name__)

WEEK = timedelta(days=7)
MOST = 5_000

Embed = Callable[[list[str]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class WeeklySummary:
    """Announces, in each `summary_channel`, the gaps of the places that name it."""

    state: State
    places: Places
    embed: Embed

    async def post(self, now: datetime) -> None:
        """Announce the week before `now`; twice is once."""
        week = f"{now.isocalendar().year}-W{now.isocalendar().week:02}"
        for channel, found in (await self._by_channel(now - WEEK)).items():
            labels = audience(channel, self.places.settings.audience)
            text = await self._text(gaps.visible(found, labels))
            if text:
                announced = Announced(channel, f"gaps {week}", text)
                await self.state.inbox.accept(announced, limit=1)

    async def _by_channel(self, since: datetime) -> dict[ConversationId, list[Gap]]:
        found: dict[ConversationId, list[Gap]] = defaultdict(list)
        for gap in gaps.open_gaps(await self._records(since)):
            place = ConversationId.parse(gap.place)
            channel = (await self.places.of(place)).summary_channel
            if channel:
                found[replace(place, channel=channel, thread="")].append(gap)
        return found

    async def _records(self, since: datetime) -> list[Record]:
        found: list[Record] = []
        async for record in all_records(self.state.records, unanswered.KIND):
            if record.at < since or len(found) == MOST:
                break
            found.append(record)
        return found

    async def _text(self, found: list[Gap]) -> str:
        if not found:
            return ""
        vectors = None
        try:
            vectors = await self.embed([gap.question for gap in found])
        except BackendError as error:
            log.info("questions are grouped by words alone: %s", error)
        groups = await asyncio.to_thread(gaps.grouped, found, vectors)
        return gaps.weekly_summary(groups)
