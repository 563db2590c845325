"""Examples as records: all of them are found, however they came in."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.state.base import Record, State
from bot.state.listing import PAGE, all_records

NOW = datetime(2026, 11, 2, 9, 30, 15, 123457, UTC)


@pytest.mark.parametrize(
    "times",
    [
        pytest.param([NOW] * (2 * PAGE + 3), id="one file"),
        pytest.param([NOW] * PAGE, id="just a page"),
        pytest.param(
            [NOW + timedelta(microseconds=n // 7) for n in range(PAGE + 5)],
            id="in bursts",
        ),
    ],
)
async def test_records_of_the_same_time_are_all_found(
    state: State, times: list[datetime]
) -> None:
    for number, at in enumerate(times):
        await state.records.put(Record("example", f"{number:05}", {}, at))
    found = [record.id async for record in all_records(state.records, "example")]
    assert sorted(found) == [f"{number:05}" for number in range(len(times))]
