"""What only Redis has: a server that hangs, dies, comes back, or loses its data."""

import asyncio
import time

import pytest
from redis import Redis
from servers.redis import RedisServer

from bot.adapter import Acceptance
from bot.errors import ClaimLost, StateTooNew, StateUnavailable
from bot.state.redis import RedisState

DAY = 86_400


@pytest.fixture
def server(redis_server, tmp_path):
    """A server of this test's own, to do harm to."""
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def raw(server):
    with Redis.from_url(server.url, decode_responses=True) as raw:
        yield raw


@pytest.fixture
async def state(server):
    state = RedisState(server.url)
    await state.open()
    yield state
    await state.aclose()


async def timed(awaitable):
    before = time.monotonic()
    try:
        result = await awaitable
    except StateUnavailable as error:
        result = error
    return result, time.monotonic() - before


async def test_all_keys_are_in_one_slot(state, raw, said, delivery):
    event = said("1")
    await state.inbox.accept(event, limit=5)
    work = await state.inbox.claim("w", lease=30, wait=0)
    await state.inbox.begin(work.claim, delivery(event, parts=("m1",)))
    await state.inbox.postpone(work.claim, [event.key], delay=9, reason="down")

    assert len(raw.keys()) > 5
    assert all(key.startswith("{curbside}:") for key in raw.scan_iter())


async def test_keeps_two_prefixes_apart(state, server, said):
    other = RedisState(server.url, prefix="staging")
    await other.open()
    await state.inbox.accept(said("1"), limit=5)

    assert await other.inbox.claim("w", lease=30, wait=0) is None
    assert await other.inbox.accept(said("1"), limit=5) is Acceptance.STORED
    await other.aclose()


async def test_everything_that_should_expire_does(state, raw, said, delivery):
    event = said("1")
    await state.inbox.accept(event, limit=5)
    [seen] = raw.keys("*:seen:*")
    work = await state.inbox.claim("w", lease=30, wait=0)
    assert raw.ttl(f"{{curbside}}:conversation:{event.conversation}") == -1
    done = delivery(event, parts=("m1",))
    await state.inbox.finish(work.claim, [event.key], done)

    assert 7 * DAY - 9 < raw.ttl(seen) <= 7 * DAY
    month = [
        f"{{curbside}}:conversation:{event.conversation}",
        f"{{curbside}}:delivery:{done.answer_id}",
        *raw.keys("*:message:*"),
    ]
    assert len(month) == 3
    for key in month:
        assert 30 * DAY - 9 < raw.ttl(key) <= 30 * DAY
    left = set(raw.keys()) - {seen, *month}
    assert left == {"{curbside}:schema", "{curbside}:ready"}
    assert raw.xlen("{curbside}:ready") == 0


@pytest.mark.parametrize("wait", [0.0, 5.0])
async def test_a_hung_server_is_unavailable_within_a_second(
    state, server, said, delivery, wait
):
    event = said("0")
    await state.inbox.accept(event, limit=5)
    work = await state.inbox.claim("w", lease=30, wait=0)
    server.pause()
    calls = [
        state.inbox.accept(said("1"), limit=5),
        state.inbox.claim("w", lease=30, wait=wait),
        state.inbox.extend([work.claim], lease=30),
        state.inbox.controls([work.claim]),
        state.inbox.begin(work.claim, delivery(event)),
        state.inbox.stats(),
        state.deliveries.get("x"),
        state.memory.recall(event.conversation),
        state.routes.all(),
        state.feedback.of_answer("x"),
        state.check(),
        *(state.inbox.accept(said(str(n)), limit=99) for n in range(50)),
    ]

    results = await asyncio.gather(*map(timed, calls))
    server.resume()

    for result, seconds in results:
        assert isinstance(result, StateUnavailable)
        assert seconds < 1.1
    assert "127.0.0.1" in str(results[0][0])
    _, seconds = await timed(state.inbox.reread(work.claim))
    assert seconds < 0.5


async def test_a_worker_that_waits_notices_a_hang(state, server):
    waiting = asyncio.create_task(timed(state.inbox.claim("w", lease=30, wait=9)))
    await asyncio.sleep(0.2)
    server.pause()

    result, seconds = await waiting
    server.resume()

    assert isinstance(result, StateUnavailable)
    assert seconds < 2


async def test_a_killed_server_loses_nothing(state, server, said, delivery):
    for number in range(20):
        await state.inbox.accept(said(str(number), str(number)), limit=5)
    work = await state.inbox.claim("w", lease=30, wait=0)
    begun = delivery(work.waiting[0].event)
    await state.inbox.begin(work.claim, begun)

    server.kill()
    result, seconds = await timed(state.inbox.accept(said("x"), limit=5))
    assert isinstance(result, StateUnavailable)
    assert seconds < 1
    server.start()

    assert (await state.inbox.reread(work.claim)).delivery == begun
    await state.inbox.finish(work.claim, begun.covers)
    threads = set()
    while (work := await state.inbox.claim("w", lease=30, wait=0)) is not None:
        threads.add(work.claim.conversation.thread)
    assert threads == {str(number) for number in range(1, 20)}
    assert await state.inbox.accept(said("5", "5"), limit=5) is Acceptance.DUPLICATE


async def test_goes_on_after_all_data_is_lost(state, raw, said):
    await state.inbox.accept(said("1"), limit=5)
    work = await state.inbox.claim("w", lease=30, wait=0)
    raw.flushall()

    assert await state.inbox.extend([work.claim], lease=30) == {work.claim}
    with pytest.raises(ClaimLost):
        await state.inbox.finish(work.claim, [])
    assert await state.inbox.claim("w", lease=30, wait=0.1) is None
    assert await state.inbox.accept(said("1"), limit=5) is Acceptance.STORED
    assert await state.inbox.claim("w", lease=30, wait=0) is not None


async def test_waiting_worker_survives_a_flush(state, raw, said):
    waiting = asyncio.create_task(state.inbox.claim("w", lease=30, wait=5))
    await asyncio.sleep(0.2)
    raw.flushall()
    await state.inbox.accept(said("1"), limit=5)

    assert await waiting is not None


async def test_builds_a_lost_queue_up_from_the_mailboxes(state, raw, said):
    for thread in ("claimed", "postponed", "ready"):
        await state.inbox.accept(said(thread, thread), limit=5)
    claimed = await state.inbox.claim("w", lease=30, wait=0)
    postponed = await state.inbox.claim("w", lease=30, wait=0)
    await state.inbox.postpone(postponed.claim, [], delay=60, reason="down")
    raw.delete("{curbside}:ready")
    await state.inbox.accept(said("new", "new"), limit=5)

    works = [await state.inbox.claim("w", lease=30, wait=0) for _ in range(3)]

    threads = {work.claim.conversation.thread for work in works}
    assert threads == {"claimed", "ready", "new"}
    assert await state.inbox.claim("w", lease=30, wait=0) is None
    with pytest.raises(ClaimLost):
        await state.inbox.reread(claimed.claim)


async def test_an_entry_read_but_not_taken_comes_back(state, raw, said):
    """Its worker died between the read and the claim."""
    await state.inbox.accept(said("1"), limit=5)
    raw.xreadgroup("workers", "worker", {"{curbside}:ready": ">"}, count=1)
    assert await state.inbox.claim("w", lease=0.4, wait=0) is None

    assert await state.inbox.claim("w", lease=0.4, wait=3) is not None


async def test_a_stray_entry_does_no_harm(state, raw, said):
    conversation = str(said("1").conversation)
    raw.xadd("{curbside}:ready", {"conversation": conversation})
    await state.inbox.accept(said("1"), limit=5)

    assert await state.inbox.claim("w", lease=30, wait=0) is not None
    assert await state.inbox.claim("w", lease=30, wait=0) is None
    assert raw.xlen("{curbside}:ready") == 1


async def test_refuses_a_newer_schema(state, server, raw):
    raw.set("{curbside}:schema", "99")

    with pytest.raises(StateTooNew, match=r"schema 99.*knows 1.*update Curbside"):
        await RedisState(server.url).open()


async def test_is_unavailable_when_nobody_listens(said):
    state = RedisState("redis://:secret@127.0.0.1:1/0")

    result, seconds = await timed(state.open())
    await state.aclose()

    assert isinstance(result, StateUnavailable)
    assert seconds < 1
    assert "127.0.0.1:1" in str(result)
    assert "secret" not in str(result)


async def test_a_full_server_is_unavailable(state, raw, said):
    raw.config_set("maxmemory", "1")

    with pytest.raises(StateUnavailable, match="maxmemory"):
        await state.inbox.accept(said("1"), limit=5)
    raw.config_set("maxmemory", "0")


async def test_describes_itself_and_what_would_lose_questions(state, raw, server):
    assert await state.check() == (
        f"Redis {raw.info()['redis_version']} at 127.0.0.1:{server.port}/0"
    )
    raw.config_set("maxmemory", "100mb")
    raw.config_set("maxmemory-policy", "allkeys-lru")
    raw.config_set("appendonly", "no")

    line = await state.check()

    assert "no append-only file" in line
    assert "allkeys-lru may evict questions" in line
