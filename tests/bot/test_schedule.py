"""Chores: each once in its period, whichever process looks first."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.schedule import Chore, Schedule, daily, weekly
from bot.state.sqlite import SqliteState


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[SqliteState]:
    state = SqliteState(tmp_path / "state.db")
    await state.open()
    yield state
    await state.aclose()


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_a_chore_is_done_once_a_day_by_one_of_many(state: SqliteState) -> None:
    done: list[str] = []
    clock = Clock()

    def schedule(name: str) -> tuple[Schedule, Chore]:
        async def do() -> None:
            await asyncio.sleep(0)
            done.append(name)

        chore = Chore("count", daily, do)
        return Schedule(state.records, [chore], clock), chore

    schedules = [schedule(name) for name in "abc"]
    for _ in range(3):
        await asyncio.gather(*(each.look(chore) for each, chore in schedules))
    assert len(done) == 1
    clock.now += timedelta(days=1)
    await asyncio.gather(*(each.look(chore) for each, chore in schedules))
    assert len(done) == 2


async def test_a_chore_that_fails_is_tried_again(state: SqliteState) -> None:
    tries: list[int] = []

    async def do() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("not now")

    chore = Chore("count", daily, do)
    schedule = Schedule(state.records, [chore], Clock())
    with pytest.raises(OSError, match="not now"):
        await schedule.look(chore)
    assert await schedule.look(chore)
    assert not await schedule.look(chore)


@pytest.mark.parametrize(
    ("moment", "week"),
    [
        (datetime(2026, 11, 23, 7, 59, tzinfo=UTC), "2026-W47"),
        (datetime(2026, 11, 23, 8, 0, tzinfo=UTC), "2026-W48"),  # 9:00 in Berlin
        (datetime(2026, 11, 29, 23, 0, tzinfo=UTC), "2026-W48"),
    ],
)
def test_a_week_begins_on_monday_morning_where_the_people_are(
    moment: datetime, week: str
) -> None:
    assert weekly(ZoneInfo("Europe/Berlin"))(moment) == week
