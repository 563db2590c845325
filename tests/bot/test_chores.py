"""What a bot does once a day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from house import Start, until

from bot.state.base import Record, State

LONG_AGO = datetime.now(UTC) - timedelta(days=40)


async def test_answers_are_not_kept_for_ever(state: State, start: Start) -> None:
    old = Record("answer", "1", {}, LONG_AGO)
    for kind in ("answer", "asked", "gap", "case", "correction"):
        await state.records.put(replace(old, kind=kind))
    ancient = replace(old, kind="gap", id="2", at=LONG_AGO - timedelta(days=200))
    await state.records.put(ancient)
    await start()

    async def purged() -> bool:
        return not await state.records.newest("answer")

    await until(purged)
    await until(lambda: _gone(state, "gap", "2"))
    assert await state.records.newest("asked") == []
    for kind in ("gap", "case", "correction"):
        assert await state.records.get(kind, "1") is not None, kind


async def _gone(state: State, kind: str, id: str) -> bool:
    return await state.records.get(kind, id) is None
