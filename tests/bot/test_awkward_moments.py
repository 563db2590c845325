"""What comes in, or goes wrong, just when it suits least."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from house import ANN, BOSS, PLACE, House, Start, until

from backends.base import (
    BackendMisconfigured,
    BackendUnavailable,
    Chunk,
    End,
    Text,
    Turn,
)
from bot.adapter import Part
from bot.errors import DeliveryImpossible, DeliveryLater
from bot.model import Author, Deleted, Delivery, Edited, Message, Said, Stopped
from bot.settings import WorkerSettings
from bot.testing import RecordingAdapter, ScriptedBackend, says

BOB = Author("bob", "Bob")


def echo() -> ScriptedBackend:
    return ScriptedBackend(lambda turn: [Text(turn.question), End()])


async def questions(house: House) -> list[str]:
    session = await house.app.state.memory.recall(PLACE)
    return [turn.question for turn in session.turns]


async def edit(house: House, message: Message, text: str, version: str = "1") -> None:
    edited = Edited(replace(message, text=text), version)
    await house.app.reception.accept(edited)


# What is forgotten


async def test_what_is_forgotten_while_it_is_answered_is_not_remembered(
    start: Start,
) -> None:
    house = await start(
        slow=ScriptedBackend(lambda turn: [Text("so "), 0.4, Text("far"), End()])
    )
    await house.say("my secret")
    await asyncio.sleep(0.2)

    await house.app.reception.command(house.message("forget me"))
    await asyncio.sleep(0.6)
    await house.ask("his", BOB)

    assert await questions(house) == ["his"]


async def test_an_answer_begun_for_a_forgotten_question_is_not_written_over(
    start: Start,
) -> None:
    tries: list[float | Chunk | Exception] = [Text("half"), 0.1, BackendUnavailable("")]
    backend = ScriptedBackend(
        lambda turn: tries if turn.question == "mine" else [Text("his answer"), End()]
    )
    house = await start(
        backend=backend, worker=WorkerSettings(retry_seconds=0.4, lease_seconds=2)
    )
    await house.say("mine")
    await asyncio.sleep(0.25)
    await house.say("his", BOB)

    await house.app.reception.command(house.message("forget me"))
    await house.quiet()

    assert house.platform.texts() == ["half", "his answer"]


async def test_a_summary_does_not_bring_back_what_was_forgotten(start: Start) -> None:
    going, written = asyncio.Event(), asyncio.Event()

    class Summing(ScriptedBackend):
        async def summarise(self, summary: str, turns: tuple[object, ...]) -> str:
            if summary:
                going.set()
                await written.wait()
            return f"{summary} and more" if summary else "what Bob said"

    house = await start(tokens=20, summing=Summing(says("words " * 12)))
    await house.ask("first", BOB)

    async def summed() -> bool:
        return bool((await house.app.state.memory.recall(PLACE)).summary)

    await until(summed)
    await house.ask("second")
    await asyncio.wait_for(going.wait(), 5)
    await house.app.state.memory.forget("memory", "bob")
    written.set()
    await asyncio.sleep(0.2)

    assert (await house.app.state.memory.recall(PLACE)).summary == ""


# Edits


async def test_an_edited_question_does_not_know_its_own_former_answer(
    start: Start,
) -> None:
    house = await start()
    await house.ask("before")
    message = await house.say("one")
    await house.quiet()
    await house.ask("after")

    await edit(house, message, "two")
    await house.quiet()

    turn = house.backends["plain"].turns[-1]
    assert turn.question == "two"
    assert [past.question for past in turn.history] == ["before"]


async def test_a_question_edited_and_deleted_takes_its_answer_along(
    start: Start,
) -> None:
    busy = ScriptedBackend(
        lambda turn: [0.3 if turn.question == "wait" else 0, Text("a"), End()]
    )
    house = await start(busy=busy)
    message = await house.say("one")
    await house.quiet()
    await house.say("wait")
    await asyncio.sleep(0.1)

    await edit(house, message, "two")
    await house.app.reception.accept(Deleted(PLACE, message.id))
    await house.quiet()

    assert len(house.platform.messages) == 1
    assert await questions(house) == ["wait"]


async def test_a_question_edited_into_a_command_leaves_memory(start: Start) -> None:
    house = await start()
    message = await house.say("one")
    await house.quiet()

    await edit(house, message, "whoami")
    await house.quiet()

    assert "`memory:ann`" in house.platform.texts()[0]
    assert await questions(house) == []


async def test_a_switch_edited_into_another_switches_again(start: Start) -> None:
    house = await start(plain=echo(), tuned=echo(), third=echo())
    message = await house.say("use tuned", BOSS)
    await house.quiet()

    await edit(house, message, "use third")
    await house.quiet()

    assert "`third` answers" in house.platform.texts()[0]
    (route,) = (await house.app.state.routes.all()).values()
    assert route.profile == "third"


async def test_a_switch_that_is_not_made_again_does_not_say_so(start: Start) -> None:
    house = await start(plain=echo(), tuned=echo())
    message = await house.say("use tuned", BOSS)
    await house.quiet()
    await house.ask("use plain", BOSS)

    await edit(house, message, "use tuned!", "1")
    await edit(house, message, "use tuned", "2")
    await house.quiet()

    assert "has made that switch before" in house.platform.texts()[0]


async def test_a_question_edited_to_stop_is_stopped(start: Start) -> None:
    slow = ScriptedBackend(lambda turn: [Text("so far"), 5, End()])
    house = await start(slow=slow)
    message = await house.say("tell me everything")
    await asyncio.sleep(0.2)

    await edit(house, message, "stop")
    await house.quiet()

    assert house.platform.texts() == ["so far\nStopped."]


# Bursts


async def test_the_first_of_a_burst_is_deleted(start: Start) -> None:
    house = await start(echo=echo(), worker=WorkerSettings(burst_seconds=0.4))
    first = await house.say("oops")
    second = await house.say("walk-ins?")

    await house.app.reception.accept(Deleted(PLACE, first.id))
    await house.quiet()
    assert house.platform.texts() == ["walk-ins?"]

    await house.app.reception.accept(Deleted(PLACE, second.id))
    await house.quiet()
    assert house.platform.texts() == []


async def test_a_platform_whose_clock_is_ahead_does_not_hold_an_answer_up(
    start: Start,
) -> None:
    house = await start(worker=WorkerSettings(burst_seconds=0.1))
    message = house.message("hello")
    ahead = replace(message, sent_at=datetime.now(UTC) + timedelta(hours=1))

    await house.app.reception.accept(Said(ahead))
    await house.quiet()

    assert house.platform.texts() == ["plain answer"]


# Stops


async def test_a_stop_while_a_failed_question_waits_for_its_next_attempt(
    start: Start,
) -> None:
    down = ScriptedBackend(lambda turn: [Text("half"), 0.1, BackendUnavailable("")])
    house = await start(
        down=down, worker=WorkerSettings(retry_seconds=0.5, lease_seconds=2)
    )
    await house.say("one")
    await asyncio.sleep(0.3)

    await house.say("stop")
    await house.quiet()

    assert len(down.turns) == 1
    assert house.platform.texts() == ["Stopped."]


async def test_a_stop_when_nothing_runs_is_no_stop_of_what_comes_next(
    start: Start,
) -> None:
    house = await start()

    await house.app.reception.accept(Stopped(PLACE, ANN, "s1"))
    await house.quiet()

    assert await house.ask("one") == "plain answer"


class Stubborn(ScriptedBackend):
    """Heeds no cancellation."""

    async def answer(self, turn: Turn) -> AsyncIterator[Chunk]:
        self.turns.append(turn)
        yield Text("so far")
        for number in range(100):
            try:
                await asyncio.sleep(0.1)
            except asyncio.CancelledError:
                self.cancelled += 1
            yield Text(f" {number}")
        yield End()


async def test_a_backend_that_does_not_heed_cancellation_is_stopped_all_the_same(
    start: Start,
) -> None:
    house = await start(stubborn=Stubborn(says("")))
    await house.say("tell me everything")
    await asyncio.sleep(0.3)

    await house.say("stop")
    await house.quiet()
    before = house.platform.texts()
    await asyncio.sleep(0.4)

    assert house.platform.texts() == before
    assert before[0].endswith("Stopped.")


# Failures


class Slow(RecordingAdapter):
    """A platform that takes its time for a write."""

    async def post(self, delivery: Delivery, index: int, part: Part) -> str:
        await asyncio.sleep(0.2)
        return await super().post(delivery, index, part)

    async def edit(self, delivery: Delivery, message_id: str, part: Part) -> None:
        await asyncio.sleep(0.2)
        await super().edit(delivery, message_id, part)


async def test_an_apology_stands_alone(start: Start) -> None:
    house = await start(
        bad=ScriptedBackend(
            lambda turn: [Text("half"), 0.05, BackendUnavailable("down")]
        ),
        worker=WorkerSettings(attempts=1),
        platform=Slow(),
    )

    words = await house.ask("one")
    await asyncio.sleep(0.4)

    assert "cannot answer right now" in words
    assert house.platform.texts() == [words]
    assert not [t for t in asyncio.all_tasks() if t.get_name() == "delivery"]


@pytest.mark.parametrize("moment", [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65])
async def test_an_edit_at_any_moment_is_what_is_answered_in_the_end(
    start: Start, moment: float
) -> None:
    def script(turn: Turn) -> list[Chunk | Exception | float]:
        return [Text(turn.question[:3]), 0.1, Text(turn.question[3:]), End()]

    house = await start(echo=ScriptedBackend(script), platform=Slow(limit=12))
    message = await house.say("one, a long question in parts")
    await asyncio.sleep(moment)

    await edit(house, message, "two, short")
    await house.quiet()

    assert house.platform.texts() == ["two, short"]
    assert await questions(house) == ["two, short"]


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65])
async def test_a_deletion_at_any_moment_leaves_nothing(
    start: Start, moment: float
) -> None:
    def script(turn: Turn) -> list[Chunk | Exception | float]:
        return [Text(turn.question[:3]), 0.1, Text(turn.question[3:]), End()]

    house = await start(echo=ScriptedBackend(script), platform=Slow(limit=12))
    message = await house.say("one, a long question in parts")
    await asyncio.sleep(moment)

    await house.app.reception.accept(Deleted(PLACE, message.id))
    await house.quiet()

    assert house.platform.texts() == []
    assert await questions(house) == []


async def test_nobody_is_apologised_to_for_what_they_deleted(start: Start) -> None:
    house = await start(
        slow=ScriptedBackend(lambda turn: [Text("so far"), 5, End()]),
        worker=WorkerSettings(attempts=1),
    )
    message = await house.say("one")
    await asyncio.sleep(0.2)
    house.platform.before = lambda call, key: (
        DeliveryLater("closed", 100) if call == "remove" else None
    )

    await house.app.reception.accept(Deleted(PLACE, message.id))
    await house.quiet()

    assert house.platform.texts() == ["so far"]


async def test_what_fails_even_in_its_apology_is_a_dead_letter(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    house = await start(worker=WorkerSettings(attempts=1))
    house.platform.before = lambda call, key: ZeroDivisionError("a bug")

    await house.say("one")
    await house.quiet()

    (letter,) = await house.app.state.inbox.dead_letters()
    assert letter.reason == "ZeroDivisionError: a bug"
    assert "never retrieved" not in caplog.text


async def test_a_stream_that_does_not_close_does_not_spoil_the_answer(
    start: Start,
) -> None:
    class Unclosing(ScriptedBackend):
        async def answer(self, turn: Turn) -> AsyncIterator[Chunk]:
            self.turns.append(turn)
            try:
                yield Text("whole")
                yield End()
            finally:
                raise ConnectionError("closing failed")

    backend = Unclosing(says(""))
    house = await start(backend=backend)

    assert await house.ask("one") == "whole"
    assert len(backend.turns) == 1


async def test_a_misconfigured_stand_in_does_not_end_the_trying(start: Start) -> None:
    tries = [BackendUnavailable("down")]
    house = await start(
        fallback="broken",
        plain=ScriptedBackend(
            lambda turn: [tries.pop()] if tries else [Text("back"), End()]
        ),
        broken=ScriptedBackend(lambda turn: [BackendMisconfigured("no key")]),
    )

    assert await house.ask("one") == "back"


async def test_a_channel_that_closes_while_an_answer_grows(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "asyncio")
    house = await start(
        slow=ScriptedBackend(lambda turn: [Text("so"), 0.2, Text(" far"), End()])
    )
    house.platform.before = lambda call, key: (
        DeliveryImpossible("archived") if call == "edit" else None
    )

    await house.say("one")
    await house.quiet()

    (letter,) = await house.app.state.inbox.dead_letters()
    assert letter.reason == "archived"
    assert caplog.records == [] or "never retrieved" not in caplog.text


# The end of the process


async def test_what_is_not_done_in_time_is_given_back_and_gone_on_with(
    start: Start,
) -> None:
    slow = ScriptedBackend(lambda turn: [Text("so far"), 5, Text(" and on"), End()])
    house = await start(slow=slow, worker=WorkerSettings(drain_seconds=0.1))
    await house.say("tell me everything")
    await asyncio.sleep(0.3)

    await house.end()
    stats = await house.app.state.inbox.stats()
    assert (stats.waiting, stats.claimed) == (1, 0)

    slow.script = says("the whole")
    after = await start(slow=slow, platform=house.platform)
    await after.quiet()
    assert house.platform.texts() == ["the whole"]


async def test_the_end_does_not_wait_for_a_backend_that_never_stops(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.handling.CANCEL_SECONDS", 0.3)
    worker = WorkerSettings(drain_seconds=0.1)
    house = await start(stubborn=Stubborn(says("")), worker=worker)
    await house.say("tell me everything")
    await asyncio.sleep(0.3)

    async with asyncio.timeout(3):
        await house.end()

    assert (await house.app.state.inbox.stats()).claimed == 0


# The way in


async def test_a_conversation_takes_part_as_soon_as_a_question_is_accepted(
    start: Start,
) -> None:
    house = await start(slow=ScriptedBackend(lambda turn: [5, End()]))
    reception = house.app.reception
    assert not await reception.takes_part(PLACE)

    await house.end()
    await house.say("one")

    assert not await house.app.state.deliveries.takes_part(PLACE)
    assert await reception.takes_part(PLACE)
    assert not await reception.takes_part(replace(PLACE, thread="other"))


async def test_of_how_many_conversations_that_is_known_is_bounded(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.intake.ACCEPTED_MOST", 3)
    house = await start()
    await house.end()

    for number in range(5):
        await house.say("hello", place=replace(PLACE, thread=f"t{number}"))

    places = [replace(PLACE, thread=f"t{number}") for number in range(5)]
    known = [await house.app.reception.takes_part(place) for place in places]
    assert known == [False, False, True, True, True]
