"""What is done with what waits."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.admin import is_command
from bot.model import (
    Action,
    Author,
    ConversationId,
    Deleted,
    Delivery,
    Edited,
    Event,
    Message,
    Pressed,
    Replied,
    Said,
    Stopped,
)
from bot.plan import Kind, Plan, make_plan
from bot.state.base import Claim, Waiting, Work

PLACE = ConversationId("memory", "w", "c", "t")
ANN = Author("ann")
BOB = Author("bob")


def message(id: str, text: str, author: Author = ANN) -> Message:
    return Message(id, PLACE, author, text, datetime.now(UTC))


def said(id: str, text: str, author: Author = ANN) -> Said:
    return Said(message(id, text, author))


def edited(id: str, text: str, version: str = "1") -> Edited:
    return Edited(message(id, text), version)


def plan(*events: Event, covers: tuple[str, ...] | None = None) -> Plan | None:
    delivery = None
    if covers is not None:
        delivery = Delivery("a", PLACE, covers, "1")
    work = Work(Claim(PLACE, "t"), tuple(map(Waiting, events)), delivery, 0)
    return make_plan(work, is_command)


def test_nothing_waits() -> None:
    assert plan() is None


def test_questions_of_one_author_that_wait_together_are_one_turn() -> None:
    done = plan(said("1", "walk-ins?"), said("2", "on Friday"))

    assert done is not None
    assert done.kind is Kind.QUESTION
    assert done.message is not None
    assert done.message.text == "walk-ins?\non Friday"
    assert done.message.id == "1"
    assert len(done.covers) == 2


def test_another_author_waits_for_their_turn() -> None:
    done = plan(said("1", "walk-ins?"), said("2", "and me?", BOB), said("3", "hm"))

    assert done is not None
    assert done.covers == (said("1", "").key,)


def test_a_command_is_never_joined() -> None:
    first = plan(said("1", "use rag"), said("2", "walk-ins?"))
    second = plan(said("1", "walk-ins?"), said("2", "use rag"))

    assert first is not None
    assert second is not None
    assert first.kind is Kind.COMMAND
    assert first.covers == (said("1", "").key,)
    assert second.kind is Kind.QUESTION
    assert second.covers == (said("1", "").key,)


def test_an_edit_replaces_the_text_of_a_waiting_question() -> None:
    edit = edited("1", "walk-ins on Friday?")

    done = plan(said("1", "walk-ins?"), said("2", "please"), edit)

    assert done is not None
    assert done.message is not None
    assert done.message.text == "walk-ins on Friday?\nplease"
    assert edit.key in done.covers


def test_what_is_begun_does_not_grow_by_what_comes_in_later() -> None:
    first = said("1", "walk-ins?")

    done = plan(first, said("2", "on Friday"), covers=(first.key,))

    assert done is not None
    assert done.covers == (first.key,)


def test_a_deleted_question_is_withdrawn() -> None:
    gone = Deleted(PLACE, "1")

    done = plan(said("1", "walk-ins?"), gone, covers=(said("1", "").key,))

    assert done is not None
    assert done.kind is Kind.WITHDRAWN
    assert gone.key in done.covers


def test_a_deleted_part_of_a_burst_leaves_the_rest() -> None:
    done = plan(said("1", "walk-ins?"), said("2", "on Friday"), Deleted(PLACE, "2"))

    assert done is not None
    assert done.kind is Kind.QUESTION
    assert done.message is not None
    assert done.message.text == "walk-ins?"


def test_a_stop_ends_all_that_waits_before_it() -> None:
    stop = Stopped(PLACE, ANN, "s")
    after = said("3", "next")

    done = plan(said("1", "a"), said("2", "b", BOB), stop, after)

    assert done is not None
    assert done.kind is Kind.STOPPED
    assert set(done.covers) == {said("1", "").key, said("2", "").key, stop.key}


def test_an_edit_of_an_answered_question_is_a_question_again() -> None:
    done = plan(edited("1", "new words"))

    assert done is not None
    assert done.kind is Kind.QUESTION
    assert isinstance(done.event, Edited)
    assert done.message is not None
    assert done.message.text == "new words"


def test_only_the_newest_edit_counts() -> None:
    done = plan(edited("1", "first try", "1"), edited("1", "second try", "2"))

    assert done is not None
    assert done.message is not None
    assert done.message.text == "second try"
    assert len(done.covers) == 2


@pytest.mark.parametrize("event", [Deleted(PLACE, "9"), Stopped(PLACE, ANN, "s")])
def test_events_that_want_no_answer(event: Event) -> None:
    done = plan(event)

    assert done == Plan(Kind.EVENT, (event.key,), event=event)


def test_what_was_deleted_stays_out_in_the_next_attempt() -> None:
    events = said("1", "walk-ins?"), said("2", "oops"), Deleted(PLACE, "2")

    done = plan(*events, covers=tuple(event.key for event in events))

    assert done is not None
    assert done.message is not None
    assert done.message.text == "walk-ins?"


def test_of_a_burst_the_first_that_is_still_there_is_answered() -> None:
    done = plan(said("1", "oops"), said("2", "walk-ins?"), Deleted(PLACE, "1"))

    assert done is not None
    assert done.message is not None
    assert (done.message.id, done.message.text) == ("2", "walk-ins?")


def heard(id: str, text: str, author: Author = ANN) -> Said:
    """What was said to nobody in particular."""
    return Said(replace(message(id, text, author), direct=False))


def left(*events: Event) -> Plan | None:
    """The plan while everything that was only heard is left to people."""
    work = Work(Claim(PLACE, "t"), tuple(map(Waiting, events)), None, 0)
    return make_plan(work, is_command, lambda message: message.direct)


REPLY = Replied(PLACE, BOB, "1", "r")


def test_a_question_that_is_left_to_people_waits() -> None:
    done = left(heard("1", "walk-ins?"))

    assert done is not None
    assert (done.kind, done.covers) == (Kind.WAITING, ())


def test_a_direct_question_overtakes_it() -> None:
    done = left(heard("1", "walk-ins?"), edited("1", "walk-ins??"), said("2", "you?"))

    assert done is not None
    assert done.message is not None
    assert (done.kind, done.message.text) == (Kind.QUESTION, "you?")


@pytest.mark.parametrize(
    "event", [REPLY, Deleted(PLACE, "1")], ids=["answered", "deleted"]
)
def test_what_is_settled_while_it_waits_is_dropped(event: Event) -> None:
    for plan_of in (left, plan):
        done = plan_of(heard("1", "walk-ins?"), event)

        assert done is not None
        assert done.kind is Kind.WITHDRAWN
        assert set(done.covers) == {heard("1", "").key, event.key}


@pytest.mark.parametrize(
    "asked",
    [said("1", "walk-ins?"), heard("1", "walk-ins?", BOB)],
    ids=["of us", "one's own"],
)
def test_a_reply_leaves_other_questions_alone(asked: Said) -> None:
    done = plan(asked, REPLY)

    assert done is not None
    assert (done.kind, done.covers) == (Kind.QUESTION, (asked.key,))


def test_a_reply_comes_too_late_for_what_was_begun() -> None:
    asked = heard("1", "walk-ins?")

    done = plan(asked, REPLY, covers=(asked.key,))

    assert done is not None
    assert (done.kind, done.covers) == (Kind.QUESTION, (asked.key,))


def test_another_try_can_be_stopped() -> None:
    retry = Pressed(PLACE, ANN, Action.RETRY, "p", value="a")
    stop = Stopped(PLACE, ANN, "s")

    begun, stopped = plan(retry), plan(retry, stop)

    assert begun is not None
    assert stopped is not None
    assert (begun.kind, begun.event) == (Kind.EVENT, retry)
    assert (stopped.kind, stopped.covers) == (Kind.STOPPED, (retry.key, stop.key))
