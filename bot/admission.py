"""Who is answered where: blocked people, quiet hours, limits of a place."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.adapter import Listening
from bot.admin import is_command
from bot.model import Message, Said
from bot.place_settings import PlaceSettings
from bot.places import Places, is_quiet
from bot.words import say

KEPT_MOST = 20_000
"""People and channels whose last questions are counted here."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a message is taken in; `words` is what its author hears if not."""

    admitted: bool
    words: str = ""


ADMITTED = Verdict(admitted=True)
IGNORED = Verdict(admitted=False)


@dataclass
class Admission:
    """Judges what was said, before it is stored.

    The counts are this process's own: events of one workspace come in at one process
    (with several, each of them admits the limit).
    """

    places: Places
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _counts: dict[str, deque[tuple[float, str]]] = field(default_factory=dict)

    async def judge(self, said: Said) -> Verdict:
        """What becomes of a message. The same one twice is judged alike."""
        message = said.message
        place = await self.places.of(message.conversation)
        if _blocked(message, place):
            return IGNORED
        if is_command(message.text):
            return ADMITTED
        if place.listen is Listening.OFF:
            return IGNORED
        if not message.direct and is_quiet(place, self.now()):
            return IGNORED
        return self._within_limits(said, place)

    def _within_limits(self, said: Said, place: PlaceSettings) -> Verdict:
        where, author = said.conversation, said.message.author
        window = place.limit_minutes * 60
        person = f"{where.platform}:{where.workspace} {author.id}"
        channel = f"{where.platform}:{where.workspace}:{where.channel}"
        limits = {
            person: _person_limit(said.message, place),
            channel: place.channel_limit,
        }
        for who, limit in limits.items():
            wait = self._wait(who, said.key, limit, window)
            if wait and not said.message.direct:
                return IGNORED
            if wait:
                key = "person_limit" if who == person else "channel_limit"
                minutes = math.ceil(wait / 60)
                return Verdict(admitted=False, words=say(key, count=minutes))
        for who, limit in limits.items():
            if limit:
                self._count(who, said.key)
        return ADMITTED

    def _wait(self, who: str, key: str, limit: int, window: float) -> float:
        """Seconds until `who` may ask again; 0 for now."""
        asked = self._counts.get(who)
        if not limit or asked is None:
            return 0
        now = self.clock()
        while asked and asked[0][0] <= now - window:
            asked.popleft()
        if len(asked) < limit or any(key == counted for _, counted in asked):
            return 0
        return asked[-limit][0] + window - now

    def _count(self, who: str, key: str) -> None:
        asked = self._counts.pop(who, None) or deque()
        if all(key != counted for _, counted in asked):
            asked.append((self.clock(), key))
        # Whoever asked last is last: what is dropped is what was quiet the longest.
        self._counts[who] = asked
        if len(self._counts) > KEPT_MOST:
            del self._counts[next(iter(self._counts))]


def _blocked(message: Message, place: PlaceSettings) -> bool:
    names = {message.author.id, *message.author.roles}
    return not names.isdisjoint(place.blocked)


def _person_limit(message: Message, place: PlaceSettings) -> int:
    """The limit of the author's roles, the most generous of them, or everybody's."""
    limits = [
        limit
        for role, limit in place.role_limits.items()
        if role in message.author.roles
    ]
    if not limits:
        return place.person_limit
    return 0 if 0 in limits else max(limits)
