"""What only the state file has: locks, disks, schemas, old rows."""

import asyncio
import sqlite3
import stat
import time

import pytest

from bot.adapter import Acceptance
from bot.errors import ClaimLost, StateTooNew, StateUnavailable
from bot.state.base import Session
from bot.state.sqlite import SqliteState
from bot.state.sqlite.engine import Engine
from bot.state.sqlite.mailbox import LAST_PLACE
from bot.state.sqlite.purge import Purge
from bot.state.sqlite.schema import MIGRATIONS, prepare

DAY = 86_400.0


class Clock:
    def __init__(self):
        self.now = time.time()

    def __call__(self):
        return self.now


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "state.db"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def state(path, clock):
    state = SqliteState(path, clock=clock)
    await state.open()
    yield state
    await state.aclose()


def sql(path, *statements):
    connection = sqlite3.connect(path, isolation_level=None)
    rows = [connection.execute(statement).fetchall() for statement in statements]
    connection.close()
    return rows[-1]


async def test_keeps_everything_over_a_restart(state, path, said):
    await state.inbox.accept(said("1"), limit=5)
    await state.aclose()
    again = SqliteState(path)
    await again.open()

    work = await again.inbox.claim("w", lease=30, wait=0)
    await again.aclose()

    assert [entry.event.message.id for entry in work.waiting] == ["1"]


async def test_nobody_else_may_read_the_file(state, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_describes_itself(state, path):
    assert await state.check() == (
        f"SQLite {sqlite3.sqlite_version} at {path}, schema {len(MIGRATIONS)}"
    )


async def test_notices_that_the_file_is_gone(state, path):
    path.unlink()

    with pytest.raises(StateUnavailable, match="removed"):
        await state.check()


async def test_refuses_a_newer_schema(state, path):
    await state.aclose()
    sql(path, "PRAGMA user_version = 99")

    words = rf"schema 99.* knows {len(MIGRATIONS)}.*update Curbside"
    with pytest.raises(StateTooNew, match=words):
        await SqliteState(path).open()


async def test_refuses_another_programs_database(path):
    path.parent.mkdir()
    sql(path, "CREATE TABLE theirs (x)")

    with pytest.raises(StateUnavailable, match="another program"):
        await SqliteState(path).open()


async def test_refuses_what_is_no_database(path):
    path.parent.mkdir()
    path.write_text("hello" * 1000)

    with pytest.raises(StateUnavailable, match=str(path)):
        await SqliteState(path).open()


async def test_names_the_path_that_it_cannot_write(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "state.db"

    with pytest.raises(StateUnavailable, match=f"{path.parent} is a file; set"):
        await SqliteState(path).open()


def test_migrates_an_older_file_in_one_step(tmp_path):
    path = tmp_path / "state.db"
    later = (*MIGRATIONS, "ALTER TABLE seen ADD COLUMN x;\nCREATE TABLE y (z);")
    connection = sqlite3.connect(path, isolation_level=None)
    prepare(connection, path)
    broken = (*later, "CREATE TABLE again (z);\nCREATE TABLE again (z);")
    with pytest.raises(sqlite3.Error):
        prepare(connection, path, broken)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)

    prepare(connection, path, later)
    prepare(connection, path, later)

    assert connection.execute("PRAGMA user_version").fetchone() == (len(later),)
    connection.execute("SELECT x FROM seen, y")
    connection.close()


async def test_a_locked_file_is_unavailable_within_a_second(state, path, said):
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    before = time.monotonic()

    accepted = [state.inbox.accept(said(str(n)), limit=99) for n in range(30)]
    results = await asyncio.gather(*accepted, return_exceptions=True)

    assert time.monotonic() - before < 1.3
    assert {type(result) for result in results} == {StateUnavailable}
    assert "lock" in str(results[0])
    assert str(path) in str(results[0])
    lock.execute("ROLLBACK")
    lock.close()
    assert await state.inbox.accept(said("1"), limit=5) is Acceptance.STORED


async def test_a_full_disk_is_unavailable_and_loses_nothing(state, path, said):
    await state._engine.read(lambda db: db.execute("PRAGMA max_page_count = 60"))
    stored = []

    async def accept_for_ever():
        while True:
            event = said(str(len(stored)), str(len(stored)))
            stored.append(await state.inbox.accept(event, limit=5))

    with pytest.raises(StateUnavailable, match="full") as caught:
        await accept_for_ever()
    assert str(path) in str(caught.value)

    await state._engine.read(lambda db: db.execute("PRAGMA max_page_count = 100000"))
    [(count,)] = sql(path, "SELECT count(*) FROM waiting")
    assert count == len(stored) > 0
    again = said(str(len(stored)), "x")
    assert await state.inbox.accept(again, limit=5) is Acceptance.STORED


async def test_one_that_fails_does_not_take_others_along(state, said, delivery):
    """They share a transaction, but each stands for itself."""
    await state.inbox.accept(said("0"), limit=5)
    work = await state.inbox.claim("w", lease=30, wait=0)
    await state.inbox.release(work.claim)

    def bug(db):
        db.execute("DELETE FROM waiting")
        raise ValueError("bug")

    results = await asyncio.gather(
        state.inbox.accept(said("1"), limit=5),
        state.inbox.begin(work.claim, delivery(said("0"))),
        state._engine.write(bug),
        state.inbox.accept(said("2"), limit=5),
        return_exceptions=True,
    )

    assert [type(result) for result in results] == [
        Acceptance,
        ClaimLost,
        ValueError,
        Acceptance,
    ]
    assert (await state.inbox.stats()).waiting == 3


async def test_does_not_do_what_nobody_waits_for_any_more(state, path, said):
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    first = asyncio.create_task(state.inbox.accept(said("1"), limit=5))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(state.inbox.accept(said("2"), limit=5))
    await asyncio.sleep(0)
    second.cancel()
    lock.execute("ROLLBACK")
    lock.close()
    await first

    assert (await state.inbox.stats()).waiting == 1


async def test_is_unavailable_once_closed(path, said):
    state = SqliteState(path)
    with pytest.raises(StateUnavailable, match="not open"):
        await state.inbox.accept(said("1"), limit=5)
    await state.open()
    await state.aclose()
    await state.aclose()

    with pytest.raises(StateUnavailable, match="not open"):
        await state.inbox.accept(said("1"), limit=5)


async def test_a_clock_set_back_holds_no_question_up(state, clock, said):
    await state.inbox.accept(said("1", "a"), limit=5)
    clock.now -= 3600
    await state.inbox.accept(said("2", "b"), limit=5)

    works = [await state.inbox.claim("w", lease=30, wait=0) for _ in range(2)]

    assert [work.claim.conversation.thread for work in works] == ["a", "b"]
    assert (await state.inbox.stats()).oldest_seconds == 0


async def test_forgets_what_has_had_its_time(state, path, clock, said, delivery):
    event = said("1")
    await state.inbox.accept(event, limit=5)
    work = await state.inbox.claim("w", lease=30, wait=0)
    done = delivery(event, parts=("m1",))
    await state.inbox.begin(work.claim, done)
    await state.inbox.finish(work.claim, [event.key], done)
    place = event.conversation

    clock.now += 6.9 * DAY
    assert await state.inbox.accept(event, limit=5) is Acceptance.DUPLICATE
    clock.now += 0.2 * DAY
    assert await state.inbox.accept(event, limit=5) is Acceptance.STORED
    clock.now += 22.8 * DAY
    assert await state.deliveries.get(done.answer_id) == done
    clock.now += 0.2 * DAY
    assert await state.deliveries.get(done.answer_id) is None
    assert await state.deliveries.of_message(place, "m1") is None
    assert not await state.deliveries.takes_part(place)


async def test_purges_little_by_little(path, clock, said, delivery, place):
    engine = Engine(path, clock)
    state = SqliteState(path, clock=clock)
    await engine.open()
    await state.open()
    await state.inbox.accept(said("still waits", "w"), limit=5)
    lease = 90 * DAY
    first = await state.inbox.claim("w", lease=lease, wait=0)
    await state.inbox.accept(said("1", "a"), limit=5)
    work = await state.inbox.claim("w", lease=30, wait=0)
    done = delivery(said("1", "a"), parts=("m1",))
    await state.inbox.finish(work.claim, done.covers, done)

    clock.now += 31 * DAY
    await Purge(engine).once()

    for table, left in [
        ("seen", 0),
        ("deliveries", 0),
        ("messages", 0),
        ("conversations", 1),
        ("waiting", 1),
    ]:
        [(count,)] = sql(path, f"SELECT count(*) FROM {table}")
        assert (table, count) == (table, left)
    assert (await state.inbox.reread(first.claim)).waiting
    assert await state.memory.recall(place("a")) == Session()
    await state.aclose()
    await engine.aclose()


async def test_purges_while_it_waits_for_work(state, path, clock, said):
    await state.inbox.accept(said("1"), limit=5)
    clock.now += 8 * DAY

    await state.inbox.claim("w", lease=30, wait=0)

    assert sql(path, "SELECT count(*) FROM seen") == [(0,)]


async def test_looks_for_work_by_index(state):
    queries = [
        "SELECT id FROM conversations WHERE until <= 1 ORDER BY until LIMIT 1",
        """SELECT id FROM conversations WHERE place IS NOT NULL
           ORDER BY place LIMIT 1""",
        f"SELECT {LAST_PLACE}",
    ]
    for query in queries:
        plan = await state._engine.read(
            lambda db, query=query: db.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
        )
        assert "conversations_by_" in str(plan)
        assert "TEMP B-TREE" not in str(plan)
