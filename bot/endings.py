"""Warns, in the chat, of models that their vendors turn off."""

import asyncio
from dataclasses import dataclass, replace
from datetime import date

from bot import answers
from bot.model import Announced, ConversationId
from bot.places import Places
from bot.profiles import Profiles
from bot.state.base import State
from bot.wire import from_data
from bot.words import say

WARNED_DAYS = (60, 30, 7, 0)
"""So many days before the end, and at the end, it is said once."""

LOOKED_AT = 500
"""The channels of so many of the last answers are thought of."""


@dataclass(frozen=True, slots=True)
class Endings:
    """Announces in each `summary_channel` what ends soon and is in use."""

    state: State
    places: Places
    profiles: Profiles

    async def warn(self, today: date) -> None:
        """Say what is to be said today; twice is once."""
        ending = await self._ending(today)
        if not ending:
            return
        for channel in await self._channels():
            for name, model, ends, days in ending:
                key = "model_ended" if days == 0 else "model_ends"
                left = (ends - today).days
                text = say(key, name=name, model=model, day=ends, count=left)
                notice = Announced(channel, f"ends {name} {ends} {days}", text)
                await self.state.inbox.accept(notice, limit=1)

    async def _ending(self, today: date) -> list[tuple[str, str, date, int]]:
        """Name, model, last day, and which of the warnings is due."""
        names = await self._in_use()
        healths = await asyncio.gather(*map(self.profiles.model_health, names))
        found = []
        for name, health in zip(names, healths, strict=True):
            ends = health.shutdown_date if health else None
            if health is None or ends is None:
                continue
            due = [days for days in WARNED_DAYS if (ends - today).days <= days]
            if due:
                found.append((name, health.model, ends, min(due)))
        return found

    async def _in_use(self) -> list[str]:
        """The profiles that routes name, the default, and their fallbacks."""
        names = {self.profiles.default}
        for route in (await self.state.routes.all()).values():
            names |= {route.profile or "", route.canary or ""}
        known = names & set(self.profiles.names())
        fallbacks = {self.profiles.profile(name).fallback or "" for name in known}
        return sorted(known | (fallbacks - {""}))

    async def _channels(self) -> list[ConversationId]:
        """The channels for such news, of the workspaces where we are asked."""
        found = {}
        records = await self.state.records.newest(answers.KIND, limit=LOOKED_AT)
        for record in records:
            place = from_data(answers.KeptAnswer, record.data).conversation
            channel = (await self.places.of(place)).summary_channel
            if channel:
                where = replace(place, channel=channel, thread="")
                found[str(where)] = where
        return list(found.values())
