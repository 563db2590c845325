"""Buttons under answers, from the press to what stands on the platform then."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from house import ANN, BOSS, PLACE, House, Start

from backends.base import (
    BackendUnavailable,
    Chunk,
    Citation,
    End,
    EndReason,
    Passage,
    Text,
    Turn,
)
from bot.errors import DeliveryUnclear, StateUnavailable
from bot.model import (
    Action,
    Author,
    ConversationId,
    Delivery,
    Form,
    Pressed,
    Rated,
)
from bot.state.base import Record
from bot.testing import RecordingAdapter, ScriptedBackend, Shown, says
from bot.words import say

REVIEWER = Author("rev", "Rita")
BOB = Author("bob", "Bob")
HUMANS = replace(PLACE, channel="humans", thread="")
PASSAGE = Passage(
    id="p1",
    document="hours.md",
    title="Opening hours",
    section="Walk-ins",
    text="Walk-ins close at five.",
    uri="https://docs.example.com/hours",
    labels=frozenset({"public"}),
)


def cited(turn: Turn) -> list[Any]:
    citation = Citation(1, PASSAGE, "Walk-ins close at five.")
    return [Text("They close at five [1]."), citation, End()]


async def asked(house: House, text: str = "When do walk-ins close?") -> Shown:
    """Ask something; the message with the answer."""
    await house.ask(text)
    return house.platform.messages[-1]


async def kept(house: House, kind: str) -> Record:
    [record] = await house.app.state.records.newest(kind)
    return record


async def test_an_answer_carries_what_can_be_done_about_it(start: Start) -> None:
    house = await start(cited=ScriptedBackend(cited))

    answer = await asked(house)

    assert [button.action for button in answer.buttons] == [
        Action.GOOD,
        Action.BAD,
        Action.SOURCES,
        Action.RETRY,
        Action.CORRECT,
    ]
    assert all(button.label for button in answer.buttons)


async def test_while_it_grows_it_can_be_stopped(start: Start) -> None:
    slow = ScriptedBackend(lambda turn: [Text("so far"), 30.0, Text("more"), End()])
    house = await start(slow=slow)
    await house.say("one")
    async with asyncio.timeout(5):
        while not house.platform.messages:
            await asyncio.sleep(0.01)

    answer = house.platform.messages[0]
    assert [button.action for button in answer.buttons] == [Action.STOP]
    assert await house.press(answer.buttons[0]) == ""
    await house.quiet()

    assert answer.text == "so far\nStopped."
    assert slow.cancelled == 1
    assert [button.action for button in answer.buttons] == [Action.RETRY]
    slow.script = says("all of it")
    await house.press(answer.buttons[0])
    await house.quiet()
    assert answer.text == "all of it"


async def test_a_complete_answer_cannot_be_stopped(start: Start) -> None:
    house = await start()
    answer = await asked(house)

    stop = replace(answer.button(Action.GOOD), action=Action.STOP)

    assert await house.press(stop) == say("nothing_to_stop")


async def test_an_answer_is_kept_with_what_was_asked(start: Start) -> None:
    house = await start(cited=ScriptedBackend(cited))
    answer = await asked(house)

    record = await kept(house, "answer")

    assert record.id == answer.button(Action.GOOD).value
    assert (record.person, record.workspace) == ("memory:ann", "memory:w")
    data = record.data
    assert data["question"] == "When do walk-ins close?"
    assert (data["text"], data["reason"]) == ("They close at five [1].", "complete")
    assert (data["profile"], data["labels"]) == ("cited", ["public"])
    assert data["cited"][0]["passage"] == "p1"
    assert data["cited"][0]["source"]["quote"] == "Walk-ins close at five."


async def test_votes_are_kept_and_a_bad_one_opens_a_gap(start: Start) -> None:
    house = await start()
    answer = await asked(house)

    form = await house.press(answer.button(Action.BAD), BOB)
    await house.quiet()

    assert isinstance(form, Form)
    assert [field.name for field in form.fields] == ["wrong", "better"]
    gap = await kept(house, "gap")
    assert (gap.data["reason"], gap.data["state"]) == ("downvoted", "open")
    assert gap.data["question"] == "When do walk-ins close?"
    [rating] = await house.app.state.feedback.of_answer(gap.id)
    assert (rating.author_id, rating.verdict) == ("bob", "bad")
    feedback = await kept(house, "feedback")
    assert (feedback.person, feedback.data["verdict"]) == ("memory:bob", "bad")


async def test_what_was_wrong_is_kept_and_sent_twice_is_one(start: Start) -> None:
    house = await start()
    answer = await asked(house)
    bad = answer.button(Action.BAD)
    await house.press(bad, BOB)
    fields = {"wrong": "It is six.", "better": ""}
    sent = Pressed(PLACE, BOB, Action.BAD, "s1", value=bad.value, fields=fields)

    assert await house.app.reception.press(sent) == say("thanks")
    assert await house.app.reception.press(sent) == say("thanks")
    await house.quiet()

    assert (await kept(house, "feedback")).data["wrong"] == "It is six."
    assert (await kept(house, "gap")).data["note"] == "It is six."
    await house.press(bad, ANN)
    await house.quiet()
    assert (await kept(house, "gap")).data["note"] == "It is six."


async def test_a_vote_taken_back_closes_the_gap(start: Start) -> None:
    house = await start()
    answer = await asked(house)
    await house.press(answer.button(Action.BAD), BOB)
    await house.quiet()

    gone = Rated(PLACE, BOB, answer.id, "none", "r2")
    await house.app.reception.accept(gone)
    await house.quiet()

    assert await house.app.state.records.newest("gap") == []
    assert await house.app.state.records.newest("feedback") == []


async def test_the_gap_stays_while_somebody_finds_it_bad(start: Start) -> None:
    house = await start()
    answer = await asked(house)
    for author in (ANN, BOB):
        await house.press(answer.button(Action.BAD), author)
    await house.press(answer.button(Action.GOOD), BOB)
    await house.quiet()

    assert (await kept(house, "gap")).data["state"] == "open"
    await house.press(answer.button(Action.GOOD), ANN)
    await house.quiet()
    assert await house.app.state.records.newest("gap") == []


async def test_an_abstention_is_a_gap_until_it_is_answered(start: Start) -> None:
    silent = ScriptedBackend(lambda turn: [Text("?"), End(EndReason.ABSTAINED)])
    house = await start(silent=silent)
    answer = await asked(house)

    gap = await kept(house, "gap")
    assert (gap.data["reason"], gap.data["labels"]) == ("abstained", ["public"])
    silent.script = says("now I know")
    await house.press(answer.button(Action.RETRY))
    await house.quiet()

    assert house.platform.texts() == ["now I know"]
    assert await house.app.state.records.newest("gap") == []


async def test_a_reviewer_corrects_an_answer_in_its_place(start: Start) -> None:
    house = await start(reviewers=["memory:rev"], cited=ScriptedBackend(cited))
    answer = await asked(house)
    await house.press(answer.button(Action.BAD), BOB)

    form = await house.press(answer.button(Action.CORRECT), REVIEWER)
    assert isinstance(form, Form)
    assert form.fields[0].initial == "They close at five [1]."
    fields = {"answer": "They close at **six** [1]."}
    said = await house.press(answer.button(Action.CORRECT), REVIEWER, fields=fields)
    await house.quiet()

    assert said == say("correcting")
    [shown] = house.platform.messages
    assert shown.text == (
        "They close at **six** [1].\nCorrected by Rita.\n[1] Opening hours"
    )
    assert Action.GOOD in [button.action for button in shown.buttons]
    session = await house.app.state.memory.recall(PLACE)
    assert [turn.answer for turn in session.turns] == ["They close at **six** [1]."]
    correction = (await kept(house, "correction")).data
    assert correction["bad"] == "They close at five [1]."
    assert correction["good"] == "They close at **six** [1]."
    assert correction["reviewer"] == "memory:rev"
    assert (await kept(house, "gap")).data["state"] == "answered"


@dataclass
class School:
    """Takes note of what it is to teach; fails as often as it is told to."""

    taught: list[tuple[str, str, str, frozenset[str], str]] = field(
        default_factory=list
    )
    failures: int = 0

    async def __call__(
        self,
        collection: str,
        question: str,
        answer: str,
        *,
        labels: frozenset[str],
        source: str,
    ) -> str:
        if self.failures:
            self.failures -= 1
            raise BackendUnavailable("the store is away")
        self.taught.append((collection, question, answer, labels, source))
        return "taught/1"


async def test_a_correction_becomes_a_document(start: Start) -> None:
    house = await start(reviewers=["memory:rev"], cited=ScriptedBackend(cited))
    school = School(failures=1)
    worker = house.app.worker
    worker.desk = replace(worker.desk, teach=school)
    correct = (await asked(house, "And on Fridays?")).button(Action.CORRECT)

    form = await house.press(correct, REVIEWER)
    assert isinstance(form, Form)
    teach = next(each for each in form.fields if each.name == "teach")
    assert [choice.value for choice in teach.choices] == ["-", "public"]
    fields = {
        "answer": "At six [1].",
        "teach": "public",
        "question": "When do walk-ins close on Fridays?",
    }
    await house.press(correct, REVIEWER, fields=fields)
    await house.quiet()

    assert school.taught == [
        (
            "documents",
            "When do walk-ins close on Fridays?",
            "At six.",
            frozenset({"public"}),
            "Rita",
        )
    ]
    assert house.platform.texts() == [
        "At six [1].\nCorrected by Rita.\n[1] Opening hours"
    ]


@pytest.mark.parametrize("label", ["-", "", "staff"])
async def test_only_for_whom_the_place_knows_it_becomes_one(
    start: Start, label: str
) -> None:
    house = await start(reviewers=["memory:rev"])
    school = School()
    worker = house.app.worker
    worker.desk = replace(worker.desk, teach=school)

    fields = {"answer": "At six.", "teach": label}
    correct = (await asked(house)).button(Action.CORRECT)
    await house.press(correct, REVIEWER, fields=fields)
    await house.quiet()

    assert house.platform.texts() == ["At six.\nCorrected by Rita."]
    assert school.taught == []


async def test_who_is_an_admin_by_the_platforms_right_does_not_teach(
    start: Start,
) -> None:
    house = await start()
    school = School()
    worker = house.app.worker
    worker.desk = replace(worker.desk, teach=school)
    correct = (await asked(house)).button(Action.CORRECT)

    form = await house.press(correct, BOSS)
    assert isinstance(form, Form)
    assert [each.name for each in form.fields] == ["answer"]
    await house.press(correct, BOSS, fields={"answer": "At six.", "teach": "public"})
    await house.quiet()

    assert house.platform.texts() == ["At six.\nCorrected by The Boss."]
    assert school.taught == []


async def test_a_correction_that_cites_nothing_has_no_sources(start: Start) -> None:
    house = await start(cited=ScriptedBackend(cited))
    answer = await asked(house)

    fields = {"answer": "Ask at the desk."}
    await house.press(answer.button(Action.CORRECT), BOSS, fields=fields)
    await house.quiet()

    [shown] = house.platform.messages
    assert shown.text == "Ask at the desk.\nCorrected by The Boss."
    assert Action.SOURCES not in [button.action for button in shown.buttons]


async def test_a_long_answer_is_corrected_in_all_its_messages(start: Start) -> None:
    house = await start(long=ScriptedBackend(says("x" * 4_500)))
    await house.say("one")
    await house.quiet()
    assert len(house.platform.messages) == 3

    correct = house.platform.messages[-1].button(Action.CORRECT)
    form = await house.press(correct, BOSS)
    assert isinstance(form, Form)
    assert (form.fields[0].initial, form.text) == ("", say("correct_too_long"))
    await house.press(correct, BOSS, fields={"answer": "short"})
    await house.quiet()

    assert house.platform.texts() == ["short\nCorrected by The Boss."]


@pytest.mark.parametrize("author", [ANN, BOB], ids=["asker", "another"])
async def test_only_reviewers_correct(start: Start, author: Author) -> None:
    house = await start()
    correct = (await asked(house)).button(Action.CORRECT)

    assert await house.press(correct, author) == say("not_reviewer")
    fields = {"answer": "nonsense"}
    assert await house.press(correct, author, fields=fields) == say("not_reviewer")
    await house.quiet()
    assert house.platform.texts() == ["plain answer"]


async def test_an_empty_correction_changes_nothing(start: Start) -> None:
    house = await start()
    correct = (await asked(house)).button(Action.CORRECT)

    said = await house.press(correct, BOSS, fields={"answer": " \n"})

    assert said == say("empty_correction")


async def test_another_try_goes_into_the_same_message(start: Start) -> None:
    house = await start(plain=ScriptedBackend(says("first")))
    answer = await asked(house)
    house.backends["plain"].script = says("second")

    await house.press(answer.button(Action.RETRY))
    await house.quiet()

    [shown] = house.platform.messages
    assert (shown.id, shown.text) == (answer.id, "second")
    session = await house.app.state.memory.recall(PLACE)
    assert [turn.answer for turn in session.turns] == ["second"]
    assert house.backends["plain"].turns[1].history == ()


async def test_try_again_pressed_twice_is_one_try(start: Start) -> None:
    house = await start(slow=ScriptedBackend(lambda turn: [0.2, Text("a"), End()]))
    retry = (await asked(house)).button(Action.RETRY)

    await asyncio.gather(*(house.press(retry) for _ in range(5)))
    await house.quiet()
    assert len(house.backends["slow"].turns) == 2
    await house.press(retry)
    await house.quiet()
    assert len(house.backends["slow"].turns) == 3


async def test_another_try_counts_like_a_question(start: Start) -> None:
    house = await start(place={"person_limit": 2})
    retry = (await asked(house)).button(Action.RETRY)

    for _ in range(3):
        assert await house.press(retry) == ""
    await house.quiet()
    assert await house.press(retry) == say("person_limit", count=10)
    await house.quiet()

    assert len(house.backends["plain"].turns) == 2


async def test_a_try_that_fails_leaves_the_answer_from_before(start: Start) -> None:
    house = await start(plain=ScriptedBackend(says("first")))
    answer = await asked(house)
    down = [Text("half"), BackendUnavailable("down")]
    house.backends["plain"].script = lambda turn: down

    await house.press(answer.button(Action.RETRY))
    await house.quiet()

    [shown] = house.platform.messages
    assert shown.text == f"first\n{say('not_again')}"
    house.backends["plain"].script = says("second")
    await house.press(shown.button(Action.RETRY))
    await house.quiet()
    assert house.platform.texts() == ["second"]


async def test_only_who_asked_and_reviewers_have_it_tried_again(start: Start) -> None:
    house = await start()
    retry = (await asked(house)).button(Action.RETRY)

    assert await house.press(retry, BOB) == say("not_yours")
    assert await house.press(retry, BOSS) == ""


async def test_sources_are_shown_with_their_words(start: Start) -> None:
    house = await start(cited=ScriptedBackend(cited))

    sources = await house.press((await asked(house)).button(Action.SOURCES), BOB)

    assert sources == (
        "[1] **Opening hours** › Walk-ins\n> Walk-ins close at five.\n"
        "<https://docs.example.com/hours>"
    )


async def test_sources_that_the_place_may_not_see_any_more_are_not_shown(
    start: Start,
) -> None:
    house = await start(cited=ScriptedBackend(cited))
    sources = (await asked(house)).button(Action.SOURCES)
    house.app.settings.audience["memory:w"] = ["staff"]

    assert await house.press(sources) == say("no_sources")


async def test_a_button_means_nothing_elsewhere(start: Start) -> None:
    house = await start(cited=ScriptedBackend(cited))
    answer = await asked(house)
    elsewhere = ConversationId("memory", "w2", "other")

    for button in answer.buttons:
        assert await house.press(button, BOSS, elsewhere) == say("too_old")


async def test_a_button_outlives_the_record_of_its_answer(start: Start) -> None:
    house = await start()
    answer = await asked(house)
    await house.app.state.records.forget("memory", "ann")

    for button in answer.buttons:
        assert await house.press(button) == say("too_old")


async def test_a_human_is_called_once_and_told_when_it_is_resolved(
    start: Start,
) -> None:
    house = await start(place={"human_channel": "humans", "human_mention": "S1"})
    answer = await asked(house)
    human = answer.button(Action.HUMAN)

    assert await house.press(human, BOB) == say("human_called")
    await house.quiet()

    _, *posted = house.platform.messages
    call = next(shown for shown in posted if shown.place == str(HUMANS))
    mark = next(shown for shown in posted if shown.place == str(PLACE))
    assert len(posted) == 2
    assert call.mention == "S1"
    assert "Bob asks for a human" in call.text
    assert "> When do walk-ins close?" in call.text
    assert [button.action for button in call.buttons] == [Action.RESOLVE]
    assert [button.action for button in mark.buttons] == [Action.SOLVED]
    assert await house.press(human, ANN) == say("human_asked_before", name="Bob")

    assert await house.press(call.buttons[0], REVIEWER, HUMANS) == ""
    await house.quiet()

    assert "Resolved by Rita." in call.text
    assert mark.text == "Resolved by Rita."
    assert (call.buttons, mark.buttons) == ((), ())
    assert len(house.platform.messages) == 3


async def test_a_human_may_be_called_again_after_that(start: Start) -> None:
    house = await start(place={"human_channel": "humans"})
    answer = await asked(house)
    await house.press(answer.button(Action.HUMAN))
    await house.quiet()
    mark = next(
        shown for shown in house.platform.messages[1:] if shown.place == str(PLACE)
    )
    assert await house.press(mark.button(Action.SOLVED)) == say("marked_solved")
    await house.quiet()

    assert await house.press(answer.button(Action.HUMAN)) == say("human_called")
    await house.quiet()

    assert len(house.platform.messages) == 5


async def test_many_who_press_at_once_call_one_human(start: Start) -> None:
    house = await start(place={"human_channel": "humans"})
    human = (await asked(house)).button(Action.HUMAN)

    people = [Author(f"u{number}") for number in range(6)]
    await asyncio.gather(*(house.press(human, person) for person in people))
    await house.quiet()

    assert len(house.platform.messages) == 3


async def test_without_a_channel_for_it_there_is_no_such_button(start: Start) -> None:
    house = await start()
    answer = await asked(house)

    human = replace(answer.button(Action.GOOD), action=Action.HUMAN)

    assert Action.HUMAN not in [button.action for button in answer.buttons]
    assert await house.press(human) == say("no_human_channel")


@dataclass
class Forum(RecordingAdapter):
    """A platform whose questions can be marked as solved."""

    marked: list[str] = field(default_factory=list)

    def solvable(self, conversation: ConversationId) -> bool:
        return conversation.channel == "c"

    async def solved(self, delivery: Delivery) -> None:
        self.marked.append(delivery.question_id)


async def test_a_question_of_a_forum_is_marked_as_solved(start: Start) -> None:
    forum = Forum()
    house = await start(platform=forum)
    answer = await asked(house)
    solved = answer.button(Action.SOLVED)

    assert await house.press(solved, BOB) == say("not_yours")
    assert await house.press(solved, ANN) == say("marked_solved")
    await house.quiet()

    assert forum.marked == ["1"]
    await house.ask("elsewhere?", place=replace(PLACE, channel="d"))
    buttons = forum.messages[-1].buttons
    assert Action.SOLVED not in [button.action for button in buttons]


async def test_ask_about_a_message_of_somebody(start: Start) -> None:
    house = await start(echo=ScriptedBackend(lambda t: [Text(t.question), End()]))
    shortcut = Pressed(PLACE, BOB, Action.ASK, "s1", "m77", "We moved to room 4.")

    form = await house.app.reception.press(shortcut)
    assert isinstance(form, Form)
    assert form.text == "> We moved to room 4."
    assert form.value == "We moved to room 4."
    sent = replace(shortcut, fields={"question": "Since when?"})
    assert await house.app.reception.press(sent) == say("asked")
    await house.quiet()

    assert house.platform.texts() == [
        "Since when?\n\n> We moved to room 4.\nBob asked: Since when?"
    ]
    [delivery] = [
        await house.app.state.deliveries.of_message(PLACE, shown.id)
        for shown in house.platform.messages
    ]
    assert delivery is not None
    assert delivery.question_id == "m77"


async def test_asked_about_where_guests_read_along_only_what_is_public_counts(
    start: Start,
) -> None:
    turns: list[Turn] = []

    def script(turn: Turn) -> list[Chunk | Exception | float]:
        turns.append(turn)
        return [Text("At six."), End()]

    house = await start(echo=ScriptedBackend(script))
    house.app.settings.audience = {"default": ["public", "staff"]}
    shortcut = Pressed(PLACE, BOB, Action.ASK, "s1", "m77", "The gate.", guests=True)
    await house.app.reception.press(replace(shortcut, fields={"question": "When?"}))
    await house.quiet()

    assert [turn.audience for turn in turns] == [{"public"}]


async def test_every_button_has_its_words() -> None:
    for action in (
        *(Action.GOOD, Action.BAD, Action.CORRECT, Action.RETRY, Action.STOP),
        *(Action.SOURCES, Action.SOLVED, Action.HUMAN, Action.RESOLVE),
    ):
        assert say(f"button_{action}")


@pytest.mark.parametrize("lost", range(6))
async def test_what_is_lost_on_the_way_is_made_good(start: Start, lost: int) -> None:
    house = await start(place={"human_channel": "humans"}, reviewers=["memory:rev"])
    answer = await asked(house)
    calls = iter(range(100))

    def after(call: str, key: str) -> Exception | None:
        return DeliveryUnclear("reset") if next(calls) == lost else None

    house.platform.after = after
    await house.press(answer.button(Action.HUMAN))
    fields = {"answer": "better"}
    await house.press(answer.button(Action.CORRECT), REVIEWER, fields=fields)
    await house.quiet()
    call = next(m for m in house.platform.messages if m.place == str(HUMANS))
    await house.press(call.buttons[0], REVIEWER, HUMANS)
    await house.quiet()

    texts = sorted(house.platform.texts())
    assert len(texts) == 3
    assert "Resolved by Rita." in texts[0]
    assert texts[1:] == ["Resolved by Rita.", "better\nCorrected by Rita."]
    assert await house.app.state.inbox.dead_letters() == []


async def test_a_correction_is_taken_up_again(start: Start) -> None:
    house = await start(reviewers=["memory:rev"])
    answer = await asked(house)
    down = [StateUnavailable("gone")]
    house.platform.before = lambda call, key: down.pop() if down else None

    fields = {"answer": "better"}
    await house.press(answer.button(Action.CORRECT), REVIEWER, fields=fields)
    await house.quiet()

    assert house.platform.texts() == ["better\nCorrected by Rita."]
    assert down == []
