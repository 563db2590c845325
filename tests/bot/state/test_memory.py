"""Session memory: what is remembered, and that it is really forgotten."""

import asyncio
from datetime import UTC, datetime

import pytest

from bot.state.base import RememberedTurn, Session

TTL = 60.0


def turn(message_id, by="U1", answer="42"):
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return RememberedTurn(
        message_id, by, "Zoë", f"why {message_id}?", answer, at, answer_id="x"
    )


@pytest.fixture
def remember(state, place):
    async def remember(*turns, thread="a", ttl=TTL):
        for each in turns:
            await state.memory.remember(place(thread), each, ttl=ttl)

    return remember


async def test_recalls_turns_in_order(state, remember, place):
    await remember(turn("1"), turn("2"), turn("3"))

    assert await state.memory.recall(place("a")) == Session(
        (turn("1"), turn("2"), turn("3"))
    )
    assert await state.memory.recall(place("b")) == Session()


async def test_replaces_a_turn_in_its_place(state, remember, place):
    await remember(turn("1"), turn("2"), turn("1", answer="43"))

    session = await state.memory.recall(place("a"))

    assert session.turns == (turn("1", answer="43"), turn("2"))


async def test_forgets_a_session_after_its_time(state, remember, place):
    await remember(turn("1"), ttl=0.2)
    await remember(turn("2"), thread="b", ttl=0.2)
    await asyncio.sleep(0.1)
    await remember(turn("3"), thread="b", ttl=TTL)
    await asyncio.sleep(0.15)

    assert await state.memory.recall(place("a")) == Session()
    assert len((await state.memory.recall(place("b"))).turns) == 2
    assert await state.memory.reset(place("a")) == 0
    await remember(turn("4"))
    assert (await state.memory.recall(place("a"))).turns == (turn("4"),)


async def test_puts_a_summary_in_the_place_of_turns(state, remember, place):
    await remember(turn("1"), turn("2"), turn("3"))

    await state.memory.summarise(place("a"), "they greeted", ["1", "2"])
    assert await state.memory.recall(place("a")) == Session(
        (turn("3"),), "they greeted"
    )

    await state.memory.summarise(place("a"), "they met", ["3"])
    assert await state.memory.recall(place("a")) == Session((), "they met")


async def test_takes_no_summary_of_what_was_erased_meanwhile(state, remember, place):
    await remember(turn("1"), turn("2"), turn("3"))
    await state.memory.drop(place("a"), "1")

    await state.memory.summarise(place("a"), "holds the first", ["1", "2"])

    assert await state.memory.recall(place("a")) == Session((turn("2"), turn("3")))


async def test_takes_no_summary_of_a_session_that_is_over(state, remember, place):
    await remember(turn("1"))
    await state.memory.reset(place("a"))

    await state.memory.summarise(place("a"), "late", ["1"])
    await state.memory.summarise(place("a"), "late", [])

    assert await state.memory.recall(place("a")) == Session()


async def test_takes_no_summary_that_builds_on_a_forgotten_one(state, remember, place):
    await remember(turn("1"), turn("2"))
    await state.memory.summarise(place("a"), "first", ["1"], before="")
    await state.memory.summarise(place("a"), "of another", ["2"], before="another")
    assert await state.memory.recall(place("a")) == Session((turn("2"),), "first")

    await state.memory.summarise(place("a"), "second", ["2"], before="first")

    assert await state.memory.recall(place("a")) == Session((), "second")


async def test_drops_a_turn_and_the_summary(state, remember, place):
    await remember(turn("1"), turn("2"), turn("3"))
    await state.memory.summarise(place("a"), "they greeted", ["1"])

    assert await state.memory.drop(place("a"), "2")
    assert await state.memory.recall(place("a")) == Session((turn("3"),))
    assert not await state.memory.drop(place("a"), "2")


async def test_drops_a_summary_that_holds_the_message(state, remember, place):
    await remember(turn("1"), turn("2"))
    await state.memory.summarise(place("a"), "they greeted", ["1"])

    assert not await state.memory.drop(place("a"), "unknown")
    assert (await state.memory.recall(place("a"))).summary == "they greeted"
    assert await state.memory.drop(place("a"), "1")
    assert await state.memory.recall(place("a")) == Session((turn("2"),))


async def test_resets_a_session(state, remember, place):
    await remember(turn("1"), turn("2"), turn("3"))
    await state.memory.summarise(place("a"), "they greeted", ["1"])

    assert await state.memory.reset(place("a")) == 2
    assert await state.memory.recall(place("a")) == Session()


async def test_forgets_a_person_everywhere(state, remember, place):
    await remember(turn("1", "U1"), turn("2", "U2"), turn("3", "U1"))
    await remember(turn("4", "U1"), turn("5", "U2"), thread="b")
    await remember(turn("6", "U2"), turn("7", "U2"), thread="c")
    await state.memory.summarise(place("b"), "U1 said something", ["4"])
    await state.memory.summarise(place("c"), "U2 alone", ["6"])

    assert await state.memory.forget("slack", "U1") == 2
    assert await state.memory.forget("slack", "U1") == 0
    assert await state.memory.forget("discord", "U2") == 0

    assert await state.memory.recall(place("a")) == Session((turn("2", "U2"),))
    assert await state.memory.recall(place("b")) == Session((turn("5", "U2"),))
    assert await state.memory.recall(place("c")) == Session(
        (turn("7", "U2"),), "U2 alone"
    )


async def test_keeps_no_summary_over_one_that_is_gone(state, remember, place):
    await remember(turn("1"))
    await state.memory.summarise(place("a"), "first", ["1"], before="")
    await remember(turn("2"))

    await state.memory.summarise(place("a"), "over it", ["2"], before="forgotten")
    assert (await state.memory.recall(place("a"))).summary == "first"

    await state.memory.summarise(place("a"), "second", ["2"], before="first")
    assert (await state.memory.recall(place("a"))).summary == "second"
