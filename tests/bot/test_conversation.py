"""The whole way of a question, over the real state, with a platform in memory."""

import asyncio
from dataclasses import replace

import pytest
from house import ANN, BOSS, PLACE, Start, until

from backends.base import (
    BackendMisconfigured,
    BackendRefused,
    BackendUnavailable,
    End,
    EndReason,
    Text,
)
from bot.errors import DeliveryImpossible, DeliveryLater, DeliveryUnclear
from bot.model import (
    Author,
    Deleted,
    Edited,
    Rated,
    Said,
    Stopped,
)
from bot.settings import WorkerSettings
from bot.testing import ScriptedBackend, says


async def test_a_question_is_answered_once_where_it_was_asked(start: Start) -> None:
    house = await start()

    message = await house.say("When do walk-ins close?")
    await house.app.reception.accept(Said(message))
    await house.quiet()

    assert house.platform.texts() == ["plain answer"]
    assert house.platform.messages[0].place == str(PLACE)


async def test_a_follow_up_knows_what_was_said(start: Start) -> None:
    house = await start()

    await house.ask("When do walk-ins close?")
    await house.ask("And on Fridays?")

    turn = house.backends["plain"].turns[1]
    assert turn.question == "And on Fridays?"
    assert [(past.question, past.answer) for past in turn.history] == [
        ("When do walk-ins close?", "plain answer")
    ]


async def test_an_admin_switches_the_backend_and_takes_it_back(start: Start) -> None:
    house = await start(
        plain=ScriptedBackend(says("plain")), tuned=ScriptedBackend(says("tuned"))
    )

    assert await house.ask("one") == "plain"
    assert "`tuned` answers" in await house.ask("use tuned", BOSS)
    assert await house.ask("two") == "tuned"
    elsewhere = replace(PLACE, channel="d")
    assert await house.ask("three", place=elsewhere) == "plain"
    assert "Taken back" in await house.ask("undo", BOSS)
    assert await house.ask("four") == "plain"
    history = house.backends["plain"].turns[-1].history
    assert [past.question for past in history] == ["one", "two"]


async def test_nobody_else_may_switch(start: Start) -> None:
    house = await start()

    assert "only admins" in await house.ask("use plain")
    assert "only admins" in await house.ask("undo")
    assert await house.app.state.routes.all() == {}


async def test_only_whom_the_settings_name_changes_the_default(start: Start) -> None:
    house = await start(
        plain=ScriptedBackend(says("plain")), tuned=ScriptedBackend(says("tuned"))
    )
    operator = Author("op", "The Operator")
    house.app.settings.admins.append("memory:op")

    assert "setting `admins`" in await house.ask("use tuned default", BOSS)
    assert await house.ask("one") == "plain"
    assert "by default" in await house.ask("use tuned default", operator)
    assert "no change to undo" in await house.ask("undo", BOSS)
    assert await house.ask("two") == "tuned"
    assert "Taken back by default" in await house.ask("undo", operator)


async def test_an_unknown_name_gets_the_known_ones(start: Start) -> None:
    house = await start()

    assert "Known: `plain`" in await house.ask("use gpt-9", BOSS)


async def test_a_share_goes_by_conversation(start: Start) -> None:
    house = await start(
        plain=ScriptedBackend(says("plain")), tuned=ScriptedBackend(says("tuned"))
    )

    await house.ask("use tuned --share 30", BOSS)
    answers = {}
    for number in range(60):
        place = replace(PLACE, thread=f"t{number}")
        answers[place] = await house.ask("hello?", place=place)

    assert 6 <= list(answers.values()).count("tuned") <= 32
    some = next(iter(answers))
    assert await house.ask("again?", place=some) == answers[some]


async def test_every_switch_is_audited(start: Start) -> None:
    house = await start()

    await house.ask("use plain", BOSS)
    await house.ask("undo", BOSS)

    undo, switch = await house.app.state.routes.audit()
    assert (switch.by, switch.scope) == ("memory:boss", "memory:w:c:")
    assert switch.after is not None
    assert switch.after.profile == "plain"
    assert undo.undoes == switch.id
    status = await house.ask("status", BOSS)
    assert "The Boss undid memory:w:c:: plain → (nothing set)" in status


async def test_reset_forgets_the_conversation(start: Start) -> None:
    house = await start()
    await house.ask("one")

    assert "one question" in await house.ask("reset")
    await house.ask("two")

    assert house.backends["plain"].turns[-1].history == ()


async def test_forget_me_erases_one_person_everywhere(start: Start) -> None:
    house = await start()
    bob = Author("bob", "Bob")
    await house.ask("mine")
    await house.ask("his", bob)
    shown = house.platform.messages[0]
    await house.app.reception.accept(Rated(PLACE, ANN, shown.id, "good", "r1"))
    await house.quiet()

    words = await house.ask("forget me")
    await house.ask("after", bob)

    assert "1 of your questions" in words
    assert "1 rating," in words
    history = house.backends["plain"].turns[-1].history
    assert [past.question for past in history] == ["his"]


async def test_messages_that_come_while_an_answer_grows_wait(start: Start) -> None:
    slow = ScriptedBackend(lambda turn: [0.2, Text(f"re {turn.question}"), End()])
    house = await start(slow=slow)

    await house.say("one")
    await asyncio.sleep(0.1)
    await house.say("two")
    await house.say("three", Author("bob"))
    await house.quiet()

    assert house.platform.texts() == ["re one", "re two", "re three"]


async def test_conversations_do_not_wait_for_each_other(start: Start) -> None:
    slow = ScriptedBackend(lambda turn: [0.3, Text("done"), End()])
    house = await start(slow=slow)
    begun = asyncio.get_running_loop().time()

    for number in range(20):
        await house.say("hello", place=replace(PLACE, thread=f"t{number}"))
    await house.quiet()

    assert len(house.platform.messages) == 20
    assert asyncio.get_running_loop().time() - begun < 3


async def test_a_burst_of_one_author_is_one_turn(start: Start) -> None:
    worker = WorkerSettings(burst_seconds=0.3)
    house = await start(worker=worker)

    await house.say("walk-ins?")
    await house.say("on Friday")
    await house.quiet()

    assert house.platform.texts() == ["plain answer"]
    assert house.backends["plain"].turns[0].question == "walk-ins?\non Friday"


async def test_a_stop_ends_the_answer_and_keeps_what_is_there(start: Start) -> None:
    slow = ScriptedBackend(lambda turn: [Text("so far"), 5, Text(" and on"), End()])
    house = await start(slow=slow)

    await house.say("tell me everything")
    await asyncio.sleep(0.2)
    await house.app.reception.accept(Stopped(PLACE, ANN, "s1"))
    await house.quiet()

    assert house.platform.texts() == ["so far\nStopped."]
    assert slow.cancelled == 1


async def test_the_word_stop_is_a_stop(start: Start) -> None:
    slow = ScriptedBackend(lambda turn: [Text("so far"), 5, End()])
    house = await start(slow=slow)

    await house.say("tell me everything")
    await asyncio.sleep(0.2)
    await house.say("stop")
    await house.quiet()

    assert house.platform.texts() == ["so far\nStopped."]


async def test_an_edit_while_the_answer_grows_starts_it_anew(start: Start) -> None:
    backend = ScriptedBackend(
        lambda turn: (
            [Text(f"re {turn.question}"), 1 if "?" not in turn.question else 0, End()]
        )
    )
    house = await start(backend=backend)

    message = await house.say("walkins")
    await asyncio.sleep(0.2)
    better = replace(message, text="walk-ins?")
    await house.app.reception.accept(Edited(better, "1"))
    await house.quiet()

    assert house.platform.texts() == ["re walk-ins?"]
    assert backend.cancelled == 1


async def test_an_edit_after_the_answer_changes_the_answer(start: Start) -> None:
    house = await start(echo=ScriptedBackend(lambda t: [Text(t.question), End()]))
    message = await house.say("one")
    await house.quiet()

    await house.app.reception.accept(Edited(replace(message, text="two"), "1"))
    await house.quiet()

    assert house.platform.texts() == ["two"]
    session = await house.app.state.memory.recall(PLACE)
    assert [turn.question for turn in session.turns] == ["two"]


async def test_an_edit_counts_like_a_question(start: Start) -> None:
    house = await start(
        place={"person_limit": 2},
        echo=ScriptedBackend(lambda t: [Text(t.question), End()]),
    )
    message = await house.say("one")
    await house.quiet()
    for version, text in enumerate(["two", "three", "status"]):
        edited = Edited(replace(message, text=text), str(version))
        await house.app.reception.accept(edited)
        await house.quiet()
        if text == "three":
            answer, notice = house.platform.texts()
            assert answer == "two"
            assert "minute" in notice

    assert "echo" in house.platform.texts()[0]  # a command is free


async def test_a_deleted_question_takes_its_answer_along(start: Start) -> None:
    house = await start()
    message = await house.say("one")
    await house.quiet()

    await house.app.reception.accept(Deleted(PLACE, message.id))
    await house.quiet()

    assert house.platform.texts() == []
    assert (await house.app.state.memory.recall(PLACE)).turns == ()


async def test_a_deleted_answer_leaves_memory(start: Start) -> None:
    house = await start()
    await house.ask("one")

    gone = Deleted(PLACE, house.platform.messages[0].id)
    await house.app.reception.accept(gone)
    await house.quiet()

    assert (await house.app.state.memory.recall(PLACE)).turns == ()


async def test_a_backend_that_comes_back_answers_after_all(start: Start) -> None:
    tries = [BackendUnavailable("down"), BackendUnavailable("down")]
    backend = ScriptedBackend(
        lambda turn: [tries.pop()] if tries else [Text("back"), End()]
    )
    house = await start(backend=backend)

    assert await house.ask("one") == "back"
    assert len(backend.turns) == 3


async def test_a_platform_that_is_away_for_long_is_waited_for(start: Start) -> None:
    worker = WorkerSettings(attempts=2, retry_seconds=0.01, lease_seconds=2)
    house = await start(worker=worker)
    refusals = iter(range(30))

    def away(call: str, key: str) -> Exception | None:
        """For five times as long as one attempt has patience for."""
        if call == "post" and next(refusals, None) is not None:
            return DeliveryLater("away", 0.001)
        return None

    house.platform.before = away
    await house.say("Open?")
    await house.quiet()

    assert house.platform.texts() == ["plain answer"]
    assert await house.app.state.inbox.dead_letters() == []


async def test_what_cannot_be_answered_is_apologised_for_and_kept(start: Start) -> None:
    house = await start(bad=ScriptedBackend(lambda turn: [BackendUnavailable("down")]))

    words = await house.ask("one")

    assert "cannot answer right now" in words
    dead = await house.app.state.inbox.dead_letters()
    assert [letter.reason for letter in dead] == ["BackendUnavailable: down"]


async def test_a_bug_in_a_backend_is_an_apology_and_no_traceback(start: Start) -> None:
    house = await start(bad=ScriptedBackend(lambda turn: [ZeroDivisionError("oops")]))

    words = await house.ask("one")

    assert "I am sorry" in words
    assert "oops" not in words
    assert len(await house.app.state.inbox.dead_letters()) == 1


async def test_a_fallback_stands_in_and_says_so(start: Start) -> None:
    house = await start(
        fallback="plain",
        tuned=ScriptedBackend(lambda turn: [Text("half"), BackendUnavailable("down")]),
        plain=ScriptedBackend(says("plain")),
    )

    words = await house.ask("one")

    assert words.startswith("plain\n")
    assert "because tuned is not available" in words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BackendRefused("no"), "declined"),
        (BackendMisconfigured("no key"), "admin's attention"),
    ],
    ids=["refused", "misconfigured"],
)
async def test_errors_that_trying_again_does_not_help(
    start: Start, error: Exception, words: str
) -> None:
    house = await start(bad=ScriptedBackend(lambda turn: [error]))

    assert words in await house.ask("one")
    assert len(house.backends["bad"].turns) == 1


async def test_an_answer_without_an_end_is_a_failure(start: Start) -> None:
    house = await start(
        fallback="plain",
        cut=ScriptedBackend(lambda turn: [Text("half an ans")]),
        plain=ScriptedBackend(says("whole")),
    )

    assert (await house.ask("one")).startswith("whole")


async def test_a_cut_answer_says_so(start: Start) -> None:
    cut = ScriptedBackend(lambda turn: [Text("long"), End(EndReason.LENGTH)])
    house = await start(cut=cut)

    assert "length limit" in await house.ask("one")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty message"),
        ("   \u200b\u202e ", "empty message"),
        ("x" * 100_000, "100,000"),
    ],
    ids=["empty", "invisible", "100,000 characters"],
)
async def test_bad_questions_get_a_clear_word(
    start: Start, text: str, words: str
) -> None:
    house = await start()

    assert words in await house.ask(text)
    assert house.backends["plain"].turns == []


async def test_a_lost_reply_does_not_double_an_answer(start: Start) -> None:
    house = await start()
    lost = [DeliveryUnclear("reset")]
    house.platform.after = lambda call, key: lost.pop() if lost else None

    assert await house.ask("one") == "plain answer"


async def test_a_closed_channel_is_a_dead_letter_and_the_bot_goes_on(
    start: Start,
) -> None:
    house = await start()
    house.platform.before = lambda call, key: DeliveryImpossible("archived")
    await house.say("one")
    await house.quiet()

    house.platform.before = lambda call, key: None

    assert await house.ask("two") == "plain answer"
    dead = await house.app.state.inbox.dead_letters()
    assert [letter.reason for letter in dead] == ["archived"]


async def test_the_twenty_first_waiting_question_is_asked_to_wait(start: Start) -> None:
    slow = ScriptedBackend(lambda turn: [0.4, Text("done"), End()])
    house = await start(slow=slow)
    for number in range(25):
        await house.say(f"question {number}", Author(f"a{number}"))

    async def told() -> bool:
        return any("Please wait" in text for text in house.platform.texts())

    await until(told)
    stats = await house.app.state.inbox.stats()
    assert stats.waiting <= 20


async def test_a_summary_takes_the_place_of_what_falls_out(start: Start) -> None:
    class Summing(ScriptedBackend):
        async def summarise(self, summary: str, turns: tuple[object, ...]) -> str:
            return f"{summary}+{len(turns)}"

    house = await start(tokens=30, summing=Summing(says("words " * 12)))
    for number in range(3):
        await house.ask(f"question {number}")
        await asyncio.sleep(0.1)

    session = await house.app.state.memory.recall(PLACE)
    assert session.summary.startswith("+")
    await house.ask("last")
    assert house.backends["summing"].turns[-1].summary == session.summary


async def test_a_switch_takes_effect_with_the_next_question(start: Start) -> None:
    slow = ScriptedBackend(lambda turn: [0.3, Text("slow"), End()])
    house = await start(slow=slow, quick=ScriptedBackend(says("quick")))
    await house.say("one")
    await asyncio.sleep(0.1)

    reply = await house.app.reception.command(house.message("use quick", BOSS))
    await house.quiet()

    assert reply is not None
    assert house.platform.texts() == ["slow"]
    assert await house.ask("two") == "quick"


async def test_whoami_backends_and_help(start: Start) -> None:
    house = await start()

    assert "`memory:boss`" in await house.ask("whoami", BOSS)
    assert "not an admin" in await house.ask("whoami")
    assert "`plain`: scripted; ready" in await house.ask("backends")
    assert "`forget me`" in await house.ask("help")


async def test_another_platform_is_left_to_those_who_speak_it(start: Start) -> None:
    house = await start()
    elsewhere = replace(PLACE, platform="carrier-pigeon")

    await house.say("coo?", place=elsewhere)
    await asyncio.sleep(1.5)

    assert await house.app.state.inbox.dead_letters() == []
    assert (await house.app.state.inbox.stats()).waiting == 1


async def test_half_a_character_is_no_reason_to_lose_a_question(start: Start) -> None:
    house = await start()

    assert await house.ask("when do walk-ins close \ud83d") == "plain answer"
    assert "?" in house.backends["plain"].turns[0].question


async def test_where_guests_read_along_only_what_is_public_is_seen(
    start: Start,
) -> None:
    house = await start()
    house.app.settings.audience["memory"] = ["public", "staff"]
    message = house.message("hello?")

    for guests in (False, True):
        asked = replace(message, id=str(guests), guests=guests)
        await house.app.reception.accept(Said(asked))
        await house.quiet()

    inside, outside = house.backends["plain"].turns
    assert inside.audience == {"public", "staff"}
    assert outside.audience == {"public"}
