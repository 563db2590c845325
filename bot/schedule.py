"""What is done once a day or a week, by one of the processes that share a state."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from bot.errors import StateUnavailable
from bot.state.base import Record, Records

log = logging.getLogger(__name__)

KIND = "chore"
"""The kind of the records that say what was done already."""

LOOK_SECONDS = 60.0
KEPT = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Chore:
    """`do` is done once in each of the periods that `period` names."""

    name: str
    period: Callable[[datetime], str]
    do: Callable[[], Awaitable[None]]


def daily(now: datetime) -> str:
    """The period of a chore that is done each day."""
    return f"{now.astimezone(UTC):%Y-%m-%d}"


def weekly(zone: tzinfo, *, hour: int = 9) -> Callable[[datetime], str]:
    """The periods of a chore that is done each Monday from `hour` on."""

    def period(now: datetime) -> str:
        week = (now.astimezone(zone) - timedelta(hours=hour)).isocalendar()
        return f"{week.year}-W{week.week:02}"

    return period


@dataclass
class Schedule:
    """Looks every minute whether a chore is due, and does it if nobody else has."""

    records: Records
    chores: Sequence[Chore]
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    async def run(self) -> None:
        """Do what is due until cancelled."""
        while True:
            for chore in self.chores:
                try:
                    await self.look(chore)
                except StateUnavailable as error:
                    log.warning("%s waits for the state: %s", chore.name, error)
                except Exception:  # one that fails must not keep the others from work
                    log.exception("%s failed, it is tried again", chore.name)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self, chore: Chore) -> bool:
        """Do a chore unless it was done in this period; whether it was done now."""
        now = self.now()
        id = f"{chore.name} {chore.period(now)}"
        if not await self.records.put(Record(KIND, id, {}, at=now), only_new=True):
            return False
        try:
            await chore.do()
        except BaseException:
            await self.records.remove(KIND, id)
            raise
        await self.records.purge(KIND, now - KEPT)
        return True
