"""Records: of many kinds, found by time, workspace and person."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.state.base import Record

NOON = datetime(2026, 1, 2, 12, 0, 0, 123_456, tzinfo=UTC)
CASE = Record(
    "case", "1", {"question": "é?", "open": True}, NOON, "slack:U1", "slack:T1"
)


def later(seconds: float, id: str, **changes: object) -> Record:
    return replace(CASE, id=id, at=NOON + timedelta(seconds=seconds), **changes)


async def test_gives_back_what_was_put(state, other):
    assert await state.records.put(CASE)

    assert await other.records.get("case", "1") == CASE
    assert await state.records.get("case", "2") is None
    assert await state.records.get("gap", "1") is None


async def test_replaces_a_record_and_all_it_was_found_by(state):
    moved = replace(CASE, data={}, at=NOON, person="slack:U2", workspace="slack:T2")
    await state.records.put(CASE)
    assert await state.records.put(moved)

    assert await state.records.get("case", "1") == moved
    assert await state.records.newest("case", workspace="slack:T1") == []
    assert await state.records.newest("case", workspace="slack:T2") == [moved]
    assert await state.records.forget("slack", "U1") == 0
    assert await state.records.forget("slack", "U2") == 1


async def test_only_new_leaves_the_first(state):
    assert await state.records.put(CASE, only_new=True)
    assert not await state.records.put(replace(CASE, data={}), only_new=True)

    assert await state.records.get("case", "1") == CASE


async def test_the_newest_come_first_and_older_ones_by_pages(state):
    records = [later(number, str(number)) for number in range(5)]
    for record in [*records[2:], *records[:2]]:
        await state.records.put(record)
    await state.records.put(replace(CASE, kind="gap"))

    newest = await state.records.newest("case", limit=2)
    assert newest == [records[4], records[3]]
    rest = await state.records.newest("case", before=newest[-1].at)
    assert rest == [records[2], records[1], records[0]]


async def test_the_newest_of_one_workspace(state):
    theirs = later(1, "2", workspace="slack:T10")
    nobodys = later(2, "3", workspace="")
    for record in (CASE, theirs, nobodys):
        await state.records.put(record)

    assert await state.records.newest("case", workspace="slack:T1") == [CASE]
    assert await state.records.newest("case") == [nobodys, theirs, CASE]


async def test_removes_one(state):
    await state.records.put(CASE)

    assert await state.records.remove("case", "1")
    assert not await state.records.remove("case", "1")
    assert await state.records.newest("case", workspace="slack:T1") == []


async def test_purges_what_is_older(state):
    young = later(10, "young")
    for record in (CASE, later(1, "2"), young, replace(CASE, kind="gap")):
        await state.records.put(record)

    assert await state.records.purge("case", young.at) == 2
    assert await state.records.newest("case") == [young]
    assert await state.records.get("gap", "1") is not None
    assert await state.records.forget("slack", "U1") == 2


async def test_purges_more_than_a_portion(state):
    for number in range(1_100):
        await state.records.put(later(number, str(number)))

    assert await state.records.purge("case", NOON + timedelta(seconds=1_050)) == 1_050


async def test_forgets_a_person_and_nobody_else(state):
    theirs = later(1, "2", person="slack:U2")
    namesake = later(2, "3", person="discord:U1")
    nobodys = later(3, "4", person="")
    for record in (CASE, replace(CASE, kind="gap"), theirs, namesake, nobodys):
        await state.records.put(record)

    assert await state.records.forget("slack", "U1") == 2
    assert await state.records.newest("case") == [nobodys, namesake, theirs]
    assert await state.records.newest("gap") == []
