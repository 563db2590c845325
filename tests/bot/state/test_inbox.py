"""The mailbox: what goes in comes out, once, in order."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.adapter import Acceptance
from bot.errors import ClaimLost
from bot.model import Author, Deleted, Edited, Rated, Stopped

LEASE = 30.0


async def claim(state, wait=0.0):
    return await state.inbox.claim("w", lease=LEASE, wait=wait)


def ids(work):
    return [entry.event.message.id for entry in work.waiting]


async def test_gives_back_what_was_said(state, said):
    event = said("1")

    assert await state.inbox.accept(event, limit=5) is Acceptance.STORED
    work = await claim(state)

    assert [entry.event for entry in work.waiting] == [event]
    assert (work.waiting[0].starts, work.waiting[0].failures) == (0, 0)
    assert (work.delivery, work.controls) == (None, 0)
    assert work.claim.conversation == event.conversation


async def test_gives_nothing_when_nothing_waits(state):
    assert await claim(state) is None


async def test_takes_the_same_event_once(state, other, said):
    await state.inbox.accept(said("1"), limit=5)

    assert await other.inbox.accept(said("1"), limit=5) is Acceptance.DUPLICATE
    work = await claim(state)
    await state.inbox.finish(work.claim, [work.waiting[0].event.key])
    assert await state.inbox.accept(said("1"), limit=5) is Acceptance.DUPLICATE
    assert await claim(state) is None


async def test_keeps_the_order_within_a_conversation(state, said):
    for number in range(5):
        await state.inbox.accept(said(str(number)), limit=9)

    assert ids(await claim(state)) == ["0", "1", "2", "3", "4"]


async def test_gives_the_longest_waiting_conversation_first(state, said):
    for thread in ("c", "a", "b"):
        await state.inbox.accept(said("1" + thread, thread), limit=9)
    await state.inbox.accept(said("2c", "c"), limit=9)

    works = [await claim(state) for _ in range(3)]

    assert [work.claim.conversation.thread for work in works] == ["c", "a", "b"]


async def test_puts_a_conversation_with_more_to_the_end_of_the_queue(state, said):
    await state.inbox.accept(said("1", "a"), limit=9)
    await state.inbox.accept(said("2", "a"), limit=9)
    await state.inbox.accept(said("3", "b"), limit=9)

    first = await claim(state)
    await state.inbox.finish(first.claim, [first.waiting[0].event.key])

    assert ids(await claim(state)) == ["3"]
    assert ids(await claim(state)) == ["2"]


async def test_gives_a_conversation_to_one_worker_at_a_time(state, other, said):
    await state.inbox.accept(said("1"), limit=9)
    work = await claim(state)
    await state.inbox.accept(said("2"), limit=9)

    assert await claim(other) is None
    assert ids(await state.inbox.reread(work.claim)) == ["1", "2"]


async def test_says_full_and_does_not_remember_the_key(state, said):
    await state.inbox.accept(said("1"), limit=2)
    await state.inbox.accept(said("2"), limit=2)

    assert await state.inbox.accept(said("3"), limit=2) is Acceptance.FULL
    assert await state.inbox.accept(said("1"), limit=2) is Acceptance.DUPLICATE
    assert await state.inbox.accept(said("5", "b"), limit=2) is Acceptance.STORED

    work = await claim(state)
    assert ids(work) == ["1", "2"]
    await state.inbox.finish(work.claim, [work.waiting[0].event.key])
    assert await state.inbox.accept(said("4"), limit=2) is Acceptance.STORED
    assert await state.inbox.accept(said("3"), limit=3) is Acceptance.STORED


async def test_always_has_room_for_what_is_no_question(state, said, place):
    question = said("1")
    await state.inbox.accept(question, limit=1)
    somebody = Author("U2")
    others = [
        Edited(question.message, "v2"),
        Deleted(place("a"), "1"),
        Stopped(place("a"), somebody, "s1"),
        Rated(place("a"), somebody, "m1", "good", "r1"),
    ]

    for event in others:
        assert await state.inbox.accept(event, limit=1) is Acceptance.STORED
    work = await claim(state)

    assert [entry.event for entry in work.waiting] == [question, *others]
    assert work.controls == 3


async def test_counts_controls_while_somebody_works(state, said, place):
    await state.inbox.accept(said("1"), limit=5)
    work = await claim(state)
    assert await state.inbox.controls([work.claim]) == {work.claim: 0}

    await state.inbox.accept(Stopped(place("a"), Author("U2"), "s1"), limit=5)
    await state.inbox.accept(Stopped(place("a"), Author("U2"), "s1"), limit=5)
    await state.inbox.accept(said("2"), limit=5)

    assert await state.inbox.controls([work.claim]) == {work.claim: 1}
    assert (await state.inbox.reread(work.claim)).controls == 1
    assert await state.inbox.controls([]) == {}


async def test_never_counts_controls_back(state, said, place):
    await state.inbox.accept(Deleted(place("a"), "1"), limit=5)
    work = await claim(state)
    await state.inbox.finish(work.claim, [work.waiting[0].event.key])
    await state.inbox.accept(said("2"), limit=5)

    assert (await claim(state)).controls == 1


async def test_counts_starts_and_keeps_the_delivery_until_it_is_finished(
    state, said, delivery
):
    asked = [said("1"), said("2"), said("3")]
    for event in asked:
        await state.inbox.accept(event, limit=5)
    work = await claim(state)
    begun = delivery(*asked[:2])

    await state.inbox.begin(work.claim, begun)
    seen = await state.inbox.reread(work.claim)
    assert [entry.starts for entry in seen.waiting] == [1, 1, 0]
    assert seen.delivery == begun

    sent = delivery(*asked[:2], parts=("m1",))
    await state.inbox.record(work.claim, sent)
    await state.inbox.release(work.claim)
    work = await claim(state)
    assert work.delivery == sent

    await state.inbox.begin(work.claim, sent)
    await state.inbox.finish(work.claim, begun.covers, sent)
    work = await claim(state)
    assert ids(work) == ["3"]
    assert work.delivery is None
    assert work.waiting[0].starts == 0


async def test_finishes_what_never_was_begun(state, said):
    await state.inbox.accept(said("1"), limit=5)
    work = await claim(state)

    await state.inbox.finish(work.claim, ["no such key"])

    assert ids(await claim(state)) == ["1"]


async def test_ends_the_claim_with_finish(state, said):
    await state.inbox.accept(said("1"), limit=5)
    work = await claim(state)
    await state.inbox.finish(work.claim, [work.waiting[0].event.key])

    with pytest.raises(ClaimLost):
        await state.inbox.reread(work.claim)


async def test_postpones_and_counts_the_failure(state, store, said, delivery):
    asked = [said("1"), said("2")]
    for event in asked:
        await state.inbox.accept(event, limit=5)
    await state.inbox.accept(said("3", "b"), limit=5)
    work = await claim(state)
    await state.inbox.begin(work.claim, delivery(asked[0]))

    await state.inbox.postpone(work.claim, [asked[0].key], delay=60, reason="down")
    await state.inbox.accept(said("4"), limit=5)

    assert ids(await claim(state)) == ["3"]
    assert await claim(state) is None
    store.hasten()
    work = await claim(state)
    assert ids(work) == ["1", "2", "4"]
    assert [(e.starts, e.failures) for e in work.waiting] == [(1, 1), (0, 0), (0, 0)]
    assert work.delivery == delivery(asked[0])


async def test_is_claimable_soon_after_the_delay(state, said, stopwatch):
    await state.inbox.accept(said("1"), limit=5)
    work = await claim(state)
    await state.inbox.postpone(work.claim, [], delay=0.3, reason="down")
    before = stopwatch()

    assert await claim(state) is None
    assert await claim(state, wait=3) is not None
    assert 0.2 < stopwatch() - before < 1.2


async def test_postpones_in_the_order_of_the_times(state, store, said):
    for thread, delay in (("a", 300), ("b", 100), ("c", 200)):
        await state.inbox.accept(said("1" + thread, thread), limit=5)
        work = await claim(state)
        await state.inbox.postpone(work.claim, [], delay=delay, reason="down")
    assert await claim(state) is None

    stats = await state.inbox.stats()
    assert (stats.waiting, stats.conversations, stats.claimed) == (3, 3, 0)


async def test_buries_and_revives(state, said, delivery):
    asked = [said("1"), said("2"), said("3")]
    for event in asked:
        await state.inbox.accept(event, limit=5)
    work = await claim(state)
    await state.inbox.begin(work.claim, delivery(*asked[:2]))
    keys = [asked[1].key, asked[0].key]

    apology = delivery(*asked[:2], parts=("m1",))
    await state.inbox.bury(work.claim, keys, "four failures", apology)

    [letter] = await state.inbox.dead_letters()
    assert letter.events == (asked[0], asked[1])
    assert letter.reason == "four failures"
    assert datetime.now(UTC) - letter.at < timedelta(minutes=1)
    assert await state.deliveries.get(apology.answer_id) == apology
    work = await claim(state)
    assert (ids(work), work.delivery) == (["3"], None)

    assert await state.inbox.revive(letter.id)
    assert not await state.inbox.revive(letter.id)
    assert await state.inbox.dead_letters() == []
    work = await state.inbox.reread(work.claim)
    assert ids(work) == ["3", "1", "2"]
    assert [entry.starts for entry in work.waiting] == [0, 0, 0]


async def test_revives_into_an_empty_conversation(state, said):
    await state.inbox.accept(said("1"), limit=5)
    work = await claim(state)
    await state.inbox.bury(work.claim, [work.waiting[0].event.key], "bug")
    assert await claim(state) is None

    [letter] = await state.inbox.dead_letters()
    await state.inbox.revive(letter.id)

    assert ids(await claim(state)) == ["1"]


async def test_lists_dead_letters_newest_first(state, said):
    for number in range(4):
        await state.inbox.accept(said(str(number), str(number)), limit=5)
        work = await claim(state)
        await state.inbox.bury(work.claim, [work.waiting[0].event.key], f"r{number}")

    letters = await state.inbox.dead_letters(limit=3)

    assert [letter.reason for letter in letters] == ["r3", "r2", "r1"]
    assert (await state.inbox.stats()).dead == 4


async def test_gives_back_what_is_released(state, other, said, delivery):
    event = said("1")
    await state.inbox.accept(event, limit=5)
    work = await claim(state)
    await state.inbox.begin(work.claim, delivery(event))

    await state.inbox.release(work.claim)

    work = await claim(other)
    assert ids(work) == ["1"]
    assert work.delivery == delivery(event)


async def test_counts_what_waits(state, said):
    assert (await state.inbox.stats()).oldest_seconds == 0
    await state.inbox.accept(said("1", "a"), limit=5)
    await state.inbox.accept(said("2", "a"), limit=5)
    await state.inbox.accept(said("3", "b"), limit=5)
    work = await claim(state)

    stats = await state.inbox.stats()

    assert (stats.waiting, stats.conversations) == (3, 2)
    assert (stats.claimed, stats.dead) == (1, 0)
    assert 0 <= stats.oldest_seconds < 5
    await state.inbox.finish(work.claim, [entry.event.key for entry in work.waiting])
    stats = await state.inbox.stats()
    assert (stats.waiting, stats.conversations, stats.claimed) == (1, 1, 0)
