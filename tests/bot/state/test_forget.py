"""Forget me: nothing a person wrote stays behind, in any part of the state."""

import pytest

from bot.model import Author, Rated, Stopped


@pytest.fixture
def talk(state, said, delivery):
    async def talk():
        """U1 and U2 speak; some waits, some is dead."""
        for event in (said("1"), said("2", by="U2"), said("3", "b")):
            await state.inbox.accept(event, limit=5)
        work = await state.inbox.claim("w", lease=30, wait=0)
        keys = [entry.event.key for entry in work.waiting]
        await state.inbox.bury(work.claim, keys, "bug")
        await state.inbox.accept(said("4", by="U2"), limit=5)
        await state.inbox.accept(said("5"), limit=5)

    return talk


async def test_erases_what_waits_and_what_is_dead(state, talk, said):
    await talk()

    assert await state.inbox.forget("slack", "U1") == 3

    stats = await state.inbox.stats()
    assert (stats.waiting, stats.conversations, stats.dead) == (1, 1, 1)
    [letter] = await state.inbox.dead_letters()
    assert [event.message.id for event in letter.events] == ["2"]
    work = await state.inbox.claim("w", lease=30, wait=0)
    assert [entry.event.message.id for entry in work.waiting] == ["4"]
    assert await state.inbox.claim("w", lease=30, wait=0) is None
    assert await state.inbox.forget("discord", "U2") == 0


async def test_erases_a_dead_letter_of_which_nothing_is_left(state, talk):
    await talk()
    await state.inbox.forget("slack", "U1")

    assert await state.inbox.forget("slack", "U2") == 2
    assert await state.inbox.dead_letters() == []
    assert (await state.inbox.stats()).waiting == 0


async def test_erases_stops_and_ratings_too(state, place):
    somebody = Author("U1", "Zoë")
    await state.inbox.accept(Stopped(place("a"), somebody, "s1"), limit=5)
    await state.inbox.accept(Rated(place("a"), somebody, "m", "bad", "r1"), limit=5)

    assert await state.inbox.forget("slack", "U1") == 2
    assert await state.inbox.claim("w", lease=30, wait=0) is None


async def test_erases_under_the_hands_of_a_worker(state, said, delivery):
    event = said("1")
    await state.inbox.accept(event, limit=5)
    work = await state.inbox.claim("w", lease=30, wait=0)
    await state.inbox.begin(work.claim, delivery(event))

    assert await state.inbox.forget("slack", "U1") == 1

    assert (await state.inbox.reread(work.claim)).waiting == ()
    await state.inbox.finish(work.claim, [event.key], delivery(event))
    assert await state.inbox.claim("w", lease=30, wait=0) is None


async def test_a_conversation_lives_on_after_it(state, said):
    await state.inbox.accept(said("1"), limit=5)
    await state.inbox.forget("slack", "U1")
    await state.inbox.accept(said("2"), limit=5)

    work = await state.inbox.claim("w", lease=30, wait=0)

    assert [entry.event.message.id for entry in work.waiting] == ["2"]
