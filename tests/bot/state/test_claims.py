"""Claims: taken over after the lease, and never written through by who lost them."""

import asyncio

import pytest

from bot.errors import ClaimLost


async def take(state, lease=30.0, wait=0.0, worker="w"):
    return await state.inbox.claim(worker, lease=lease, wait=wait)


async def test_is_taken_over_after_the_lease(state, other, said, stopwatch):
    await state.inbox.accept(said("1"), limit=5)
    await take(state, lease=0.6)
    before = stopwatch()

    assert await take(other, lease=0.6, wait=0.2) is None
    work = await take(other, lease=0.6, wait=5)

    assert work is not None
    assert 0.5 < stopwatch() - before < 1.5


async def test_is_taken_over_on_a_busy_queue_too(state, other, said):
    await state.inbox.accept(said("0", "lapsed"), limit=5)
    await take(state, lease=0.4)
    await asyncio.sleep(0.5)
    for number in range(30):
        await state.inbox.accept(said(str(number), f"busy-{number}"), limit=5)

    taken = []
    for _ in range(10):
        work = await take(other, lease=0.4)
        taken.append(work.claim.conversation.thread)
        await asyncio.sleep(0.02)

    assert "lapsed" in taken


async def test_is_kept_by_extending(state, other, said):
    await state.inbox.accept(said("1"), limit=5)
    work = await take(state, lease=0.5)
    for _ in range(8):
        await asyncio.sleep(0.12)
        assert await state.inbox.extend([work.claim], lease=0.5) == set()

    assert await take(other, lease=0.5) is None


async def test_heartbeat_does_not_steal_back(state, other, store, said):
    await state.inbox.accept(said("1", "a"), limit=5)
    await state.inbox.accept(said("2", "b"), limit=5)
    old = await take(state)
    kept = await take(state)
    store.lapse()
    await state.inbox.extend([kept.claim], lease=30)
    new = await take(other)
    assert new.claim.conversation == old.claim.conversation

    assert await state.inbox.extend([old.claim, kept.claim], lease=30) == {old.claim}

    await other.inbox.reread(new.claim)
    assert await take(state) is None
    assert await state.inbox.extend([], lease=30) == set()


async def test_lapsed_claim_is_good_until_somebody_takes_it(state, store, said):
    await state.inbox.accept(said("1"), limit=5)
    work = await take(state)
    store.lapse()

    assert await state.inbox.extend([work.claim], lease=30) == set()
    assert await take(state) is None
    await state.inbox.finish(work.claim, [work.waiting[0].event.key])
    assert await take(state) is None


@pytest.mark.parametrize(
    "zombie",
    [
        lambda inbox, claim, key, d: inbox.reread(claim),
        lambda inbox, claim, key, d: inbox.begin(claim, d),
        lambda inbox, claim, key, d: inbox.record(claim, d),
        lambda inbox, claim, key, d: inbox.finish(claim, [key], d),
        lambda inbox, claim, key, d: inbox.bury(claim, [key], "no", d),
        lambda inbox, claim, key, d: inbox.postpone(claim, [key], delay=1, reason="x"),
        lambda inbox, claim, key, d: inbox.release(claim),
    ],
    ids=["reread", "begin", "record", "finish", "bury", "postpone", "release"],
)
async def test_fences_a_zombie_off(state, store, said, delivery, zombie):
    """The worker's own name does not help: the token is what counts."""
    event = said("1")
    await state.inbox.accept(event, limit=5)
    old = await take(state, worker="same")
    store.lapse()
    new = await take(state, worker="same")
    wrong = delivery(event, parts=("written by the zombie",))

    with pytest.raises(ClaimLost, match="taken"):
        await zombie(state.inbox, old.claim, event.key, wrong)

    assert await state.inbox.reread(new.claim) == new
    assert await state.deliveries.get(wrong.answer_id) is None
    assert await state.inbox.dead_letters() == []


async def test_fences_an_ended_claim_off(state, said, delivery):
    event = said("1")
    await state.inbox.accept(event, limit=5)
    work = await take(state)
    await state.inbox.release(work.claim)

    with pytest.raises(ClaimLost):
        await state.inbox.begin(work.claim, delivery(event))
    assert await state.inbox.extend([work.claim], lease=30) == {work.claim}


async def test_hands_the_delivery_on_to_who_takes_over(
    state, other, store, said, delivery
):
    event = said("1")
    await state.inbox.accept(event, limit=5)
    old = await take(state)
    await state.inbox.begin(old.claim, delivery(event, parts=("",)))
    await state.inbox.record(old.claim, delivery(event, parts=("m1", "")))
    store.lapse()

    new = await take(other)

    assert new.delivery == delivery(event, parts=("m1", ""))
    assert [entry.starts for entry in new.waiting] == [1]


async def test_wakes_up_when_something_comes_in(state, said, stopwatch):
    waiting = asyncio.create_task(take(state, wait=5))
    await asyncio.sleep(0.25)
    before = stopwatch()
    await state.inbox.accept(said("1"), limit=5)

    assert await waiting is not None
    assert stopwatch() - before < 0.09


async def test_notices_what_another_process_took_in(state, other, said, stopwatch):
    waiting = asyncio.create_task(take(state, wait=5))
    await asyncio.sleep(0.25)
    before = stopwatch()
    await other.inbox.accept(said("1"), limit=5)

    assert await waiting is not None
    assert stopwatch() - before < 0.3


async def test_waits_no_longer_than_asked(state, stopwatch):
    before = stopwatch()

    assert await take(state, wait=0.3) is None
    assert 0.25 < stopwatch() - before < 0.8


async def test_each_conversation_has_one_of_many_claimers(state, other, said):
    for number in range(40):
        await state.inbox.accept(said(str(number), str(number)), limit=5)

    claims = [take(each, wait=0.5) for each in (state, other) for _ in range(25)]
    works = [work for work in await asyncio.gather(*claims) if work is not None]

    assert len({work.claim.conversation for work in works}) == len(works) == 40
