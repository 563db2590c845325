"""Announcements, people who answer first, edits and deletes of bursts."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from house import ANN, PLACE, House, Start

from backends.base import End, Text
from bot.errors import DeliveryUnclear
from bot.model import (
    Action,
    Announced,
    Author,
    Button,
    Deleted,
    Edited,
    Message,
    Replied,
    Said,
)
from bot.settings import WorkerSettings
from bot.testing import ScriptedBackend
from bot.words import say

BOB = Author("bob", "Bob")
SUMMARY = Announced(
    PLACE,
    "week 12",
    "Five questions were not answered.",
    mention="S1",
    buttons=(Button(Action.RESOLVE, "Resolved", "x"),),
)
GATHER = WorkerSettings(retry_seconds=0.05, lease_seconds=2, burst_seconds=0.3)


def echo() -> ScriptedBackend:
    return ScriptedBackend(lambda turn: [Text(turn.question), End()])


async def burst(house: House, *texts: str) -> list[Message]:
    messages = [house.message(text) for text in texts]
    for message in messages:
        await house.app.reception.accept(Said(message))
    await house.quiet()
    return messages


async def happens(house: House, *events: Any) -> None:
    for event in events:
        await house.app.reception.accept(event)
    await house.quiet()


async def test_an_announcement_is_posted_once(start: Start) -> None:
    house = await start()

    await happens(house, SUMMARY, SUMMARY)
    await happens(house, SUMMARY)

    [shown] = house.platform.messages
    assert (shown.text, shown.place) == (SUMMARY.text, str(PLACE))
    assert (shown.mention, shown.buttons) == ("S1", SUMMARY.buttons)


async def test_a_later_version_edits_it(start: Start) -> None:
    house = await start()
    await happens(house, SUMMARY)

    newer = replace(SUMMARY, text="All are answered.", version="2", buttons=())
    await happens(house, newer)

    [shown] = house.platform.messages
    assert (shown.text, shown.buttons) == ("All are answered.", ())


async def test_two_announcements_are_two_messages(start: Start) -> None:
    house = await start()

    await happens(house, SUMMARY, replace(SUMMARY, id="week 13", text="None."))

    assert house.platform.texts() == [SUMMARY.text, "None."]


async def test_an_announcement_whose_reply_was_lost_is_not_doubled(
    start: Start,
) -> None:
    house = await start()
    lost = [DeliveryUnclear("reset"), DeliveryUnclear("reset")]
    house.platform.after = lambda call, key: lost.pop() if lost else None

    await happens(house, SUMMARY)

    assert house.platform.texts() == [SUMMARY.text]


async def test_the_human_who_answers_first_is_enough(start: Start) -> None:
    house = await start(place={"listen": "every", "wait_for_humans_seconds": 30})
    heard = replace(house.message("when do walk-ins close?"), direct=False)

    await house.app.reception.accept(Said(heard))
    await happens(house, Replied(PLACE, BOB, heard.id, "r1"))

    assert house.platform.texts() == []
    assert house.backends["plain"].turns == []


async def test_nobody_answered_so_the_bot_does(start: Start) -> None:
    house = await start(place={"listen": "every", "wait_for_humans_seconds": 0.5})
    heard = replace(house.message("when do walk-ins close?"), direct=False)

    await house.app.reception.accept(Said(heard))
    await asyncio.sleep(0.2)
    assert house.platform.texts() == []
    await house.quiet()

    assert house.platform.texts() == ["plain answer"]


async def test_who_asks_again_has_not_answered(start: Start) -> None:
    house = await start(place={"listen": "every", "wait_for_humans_seconds": 0.3})
    heard = replace(house.message("when do walk-ins close?"), direct=False)

    await house.app.reception.accept(Said(heard))
    await happens(house, Replied(PLACE, ANN, heard.id, "r1"))

    assert house.platform.texts() == ["plain answer"]


async def test_what_we_are_asked_ourselves_does_not_wait(start: Start) -> None:
    house = await start(
        place={"listen": "every", "wait_for_humans_seconds": 60}, echo=echo()
    )
    heard = replace(house.message("left to people", BOB), direct=False)
    await house.app.reception.accept(Said(heard))

    await house.say("asked")
    async with asyncio.timeout(6):
        while not house.platform.messages:
            await asyncio.sleep(0.02)

    assert house.platform.texts() == ["asked"]
    await happens(house, Replied(PLACE, ANN, heard.id, "r1"))
    assert house.platform.texts() == ["asked"]


async def test_a_reply_after_the_answer_changes_nothing(start: Start) -> None:
    house = await start(place={"listen": "every"})
    heard = replace(house.message("when?"), direct=False)
    await happens(house, Said(heard))

    await happens(house, Replied(PLACE, BOB, heard.id, "r1"))

    assert house.platform.texts() == ["plain answer"]


async def test_what_was_deleted_while_left_to_people_is_not_answered(
    start: Start,
) -> None:
    house = await start(place={"listen": "every", "wait_for_humans_seconds": 30})
    heard = replace(house.message("when?"), direct=False)

    await house.app.reception.accept(Said(heard))
    await happens(house, Deleted(PLACE, heard.id))

    assert house.platform.texts() == []


async def test_an_old_question_is_not_left_to_people_any_more(start: Start) -> None:
    house = await start(place={"listen": "every", "wait_for_humans_seconds": 60})
    old = datetime.now(UTC) - timedelta(seconds=90)
    heard = replace(house.message("when?"), direct=False, sent_at=old)

    await happens(house, Said(heard))

    assert house.platform.texts() == ["plain answer"]


async def test_an_edit_of_a_burst_answers_all_of_it_anew(start: Start) -> None:
    house = await start(worker=GATHER, echo=echo())
    first, second = await burst(house, "walk-ins?", "on Friday")
    assert house.platform.texts() == ["walk-ins?\non Friday"]

    await happens(house, Edited(replace(second, text="on Monday"), "1"))
    assert house.platform.texts() == ["walk-ins?\non Monday"]
    await happens(house, Edited(replace(first, text="opening?"), "1"))

    assert house.platform.texts() == ["opening?\non Monday"]
    session = await house.app.state.memory.recall(PLACE)
    assert [turn.question for turn in session.turns] == ["opening?\non Monday"]


async def test_a_burst_that_loses_a_message_is_answered_anew(start: Start) -> None:
    house = await start(worker=GATHER, echo=echo())
    first, second = await burst(house, "walk-ins?", "on Friday")

    await happens(house, Deleted(PLACE, first.id))
    assert house.platform.texts() == ["on Friday"]
    session = await house.app.state.memory.recall(PLACE)
    assert [turn.question for turn in session.turns] == ["on Friday"]
    await happens(house, Deleted(PLACE, second.id))

    assert house.platform.texts() == []
    assert (await house.app.state.memory.recall(PLACE)).turns == ()
    assert await house.app.state.records.newest("answer") == []


async def test_edited_and_deleted_at_once_is_deleted(start: Start) -> None:
    house = await start(worker=GATHER, echo=echo())
    _, second = await burst(house, "walk-ins?", "on Friday")

    await happens(
        house,
        Edited(replace(second, text="on Monday"), "1"),
        Deleted(PLACE, second.id),
    )

    assert house.platform.texts() == ["walk-ins?"]


async def test_a_place_may_keep_the_answers_of_deleted_questions(start: Start) -> None:
    house = await start(place={"keep_answers": True})
    message = await house.say("one")
    await house.quiet()

    await happens(house, Deleted(PLACE, message.id))

    assert house.platform.texts() == ["plain answer"]
    assert (await house.app.state.memory.recall(PLACE)).turns == ()


async def test_forget_me_erases_what_is_kept_of_answers(start: Start) -> None:
    house = await start(place={"human_channel": "humans"})
    await house.ask("one")
    answer = house.platform.messages[0]
    await house.press(answer.button(Action.BAD))
    await house.press(answer.button(Action.HUMAN))
    await house.quiet()

    await house.say("forget me")
    await house.quiet()

    records = house.app.state.records
    for kind in ("answer", "gap", "feedback", "case"):
        assert await records.newest(kind) == [], kind
    assert await house.press(answer.button(Action.GOOD)) == say("too_old")
