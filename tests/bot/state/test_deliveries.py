"""The ledger of answers."""

from dataclasses import replace

from bot.model import ConversationId


async def begun(state, event, delivery):
    await state.inbox.accept(event, limit=5)
    work = await state.inbox.claim("w", lease=30, wait=0)
    await state.inbox.begin(work.claim, delivery)
    return work.claim


async def test_keeps_finished_and_unfinished_deliveries(state, said, delivery):
    claim = await begun(state, said("1", "a"), delivery(said("1", "a")))
    one = delivery(said("1", "a"), parts=("m1",))
    await state.inbox.finish(claim, one.covers, one)
    two = delivery(said("2", "b"))
    await begun(state, said("2", "b"), two)

    assert await state.deliveries.get(one.answer_id) == one
    assert await state.deliveries.get(two.answer_id) == two
    assert await state.deliveries.get("no such") is None


async def test_finds_the_delivery_of_a_message(state, said, delivery, place):
    event = said("1")
    claim = await begun(state, event, delivery(event))
    sent = delivery(event, parts=("m1", "m2", ""))
    await state.inbox.record(claim, sent)

    assert await state.deliveries.of_message(place("a"), "m1") == sent
    assert await state.deliveries.of_message(place("a"), "m2") == sent
    assert await state.deliveries.of_message(place("a"), "m3") is None
    assert await state.deliveries.of_message(place("a"), "") is None
    elsewhere = replace(place("a"), channel="C2")
    assert await state.deliveries.of_message(elsewhere, "m1") is None


async def test_finds_it_without_knowing_the_thread(state, said, delivery, place):
    """A reaction's event names the channel and the message only."""
    event = said("1")
    claim = await begun(state, event, delivery(event))
    sent = delivery(event, parts=("m1",))
    await state.inbox.record(claim, sent)

    assert await state.deliveries.of_message(place(""), "m1") == sent


async def test_a_part_taken_back_is_nobodys_message(state, said, delivery, place):
    event = said("1")
    claim = await begun(state, event, delivery(event))
    sent = delivery(event, parts=("m1", "m2"))
    await state.inbox.record(claim, sent)
    await state.inbox.finish(claim, [event.key], sent.without_part(1))

    assert await state.deliveries.of_message(place("a"), "m2") is None
    assert await state.deliveries.of_message(place("a"), "m1") is not None


async def test_answers_anew_in_the_same_delivery(state, said, delivery):
    event = said("1")
    claim = await begun(state, event, delivery(event))
    done = replace(delivery(event, parts=("m1",)), complete=True)
    await state.inbox.finish(claim, [event.key], done)
    again = said("2")
    await begun(state, again, replace(done, covers=(again.key,), complete=False))

    found = await state.deliveries.get(done.answer_id)
    assert (found.covers, found.complete) == ((again.key,), False)


async def test_knows_where_it_takes_part(state, said, delivery, place):
    assert not await state.deliveries.takes_part(place("a"))
    await begun(state, said("1"), delivery(said("1")))

    assert await state.deliveries.takes_part(place("a"))
    assert not await state.deliveries.takes_part(place("b"))
    assert not await state.deliveries.takes_part(ConversationId("slack", "T", "C"))
