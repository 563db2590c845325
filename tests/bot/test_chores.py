"""What a bot does once a day, and once a week."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from house import PLACE, House, Start, until

from backends.base import BackendUnavailable
from bot.model import ConversationId
from bot.state.base import Record, State
from bot.summary import WeeklySummary

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


NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


async def no_vectors(texts: list[str]) -> None:
    raise BackendUnavailable("no weights")


def gap(id: str, question: str, **changes: object) -> Record:
    data = {
        "question": question,
        "reason": "abstained",
        "place": str(PLACE),
        "labels": ["public"],
        "state": "open",
    }
    at = NOW - timedelta(days=1)
    return Record("gap", id, data | changes, at, workspace="memory:w")


async def summary(house: House) -> None:
    app = house.app
    places = app.worker.desk.places
    await WeeklySummary(app.state, places, no_vectors).post(NOW)
    await house.quiet()


async def test_a_week_is_summed_up_where_the_place_says(start: Start) -> None:
    house = await start(place={"summary_channel": "mods"})
    records = house.app.state.records
    for record in (
        gap("1", "Where do we park?"),
        gap("2", "where do we park"),
        gap("3", "Who pays salaries?", labels=["staff"]),
        gap("4", "Is this closed?", state="answered"),
        replace(gap("5", "Is this old?"), at=NOW - timedelta(days=8)),
    ):
        await records.put(record)

    await summary(house)
    await summary(house)

    [shown] = house.platform.messages
    assert shown.place == str(ConversationId("memory", "w", "mods"))
    assert "park" in shown.text
    assert "2 without an answer" in shown.text
    for hidden in ("salaries", "closed", "old"):
        assert hidden not in shown.text


async def test_without_a_channel_or_a_gap_there_is_no_summary(start: Start) -> None:
    house = await start(place={"summary_channel": "mods"})
    await summary(house)
    assert house.platform.messages == []

    other = await start()
    await other.app.state.records.put(gap("1", "Where do we park?"))
    await summary(other)
    assert other.platform.messages == []
