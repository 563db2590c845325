"""Reviewers decide in the chat: on examples to train on, and on proposals."""

from dataclasses import replace
from datetime import UTC, datetime

from house import ANN, BOSS, PLACE, House, Start

from backends.tuning.example import Origin, Status, TrainingExample
from bot.examples import Examples
from bot.model import Action, Attachment, Author, Button, Form, Said
from bot.models import Models, TunedModel
from bot.testing import Shown
from bot.words import say

RITA = Author("rita", "Rita")
OTTO = Author("otto", "Otto")
LATER = datetime(2099, 1, 1, tzinfo=UTC)
REVIEWERS = ["memory:rita", "memory:otto"]


def button(shown: Shown, action: Action) -> Button:
    [found] = [each for each in shown.buttons if each.action is action]
    return found


def examples(house: House) -> Examples:
    return house.app.admin.reviewing.examples


async def liked(house: House, question: str = "Open today?") -> None:
    """An answer with a thumb up."""
    await house.ask(question)
    await house.press(button(house.platform.messages[-1], Action.GOOD))
    await house.quiet()


async def corrected(house: House) -> None:
    """An answer that a reviewer wrote anew."""
    await house.ask("Whom do I call?")
    correct = button(house.platform.messages[-1], Action.CORRECT)
    await house.press(correct, RITA, fields={"answer": "Call dana@x.org at the desk."})
    await house.quiet()


async def card(house: House, by: Author = RITA) -> Shown:
    """The card that `review` shows."""
    before = len(house.platform.messages)
    await house.say("review", by)
    await house.quiet()
    shown = house.platform.messages[before:]
    [found] = [each for each in shown if each.buttons]
    return found


async def one(house: House) -> TrainingExample:
    [example] = await examples(house).all()
    return example


async def test_a_liked_answer_is_approved_by_a_reviewer(start: Start) -> None:
    house = await start(reviewers=REVIEWERS)
    await liked(house)
    shown = await card(house)
    assert "Open today?" in shown.text
    assert "plain answer" in shown.text
    await house.press(button(shown, Action.APPROVE), RITA)
    await house.quiet()
    example = await one(house)
    assert example.status is Status.APPROVED
    assert example.provenance.origin is Origin.APPROVED
    assert example.review is not None
    assert example.review.reviewer == "memory:rita"
    assert "Approved by Rita" in shown.text
    assert not shown.buttons


async def test_a_correction_is_an_example_with_the_bad_answer(start: Start) -> None:
    house = await start(reviewers=REVIEWERS)
    await corrected(house)
    shown = await card(house, OTTO)
    await house.press(button(shown, Action.REJECT), OTTO)
    await house.quiet()
    example = await one(house)
    assert example.rejected == "plain answer"
    assert example.answer == "Call [EMAIL_1] at the desk."
    assert example.status is Status.REJECTED
    assert example.scrub.counts == {"EMAIL": 1}


async def test_what_is_edited_is_approved_as_it_is_then(start: Start) -> None:
    house = await start(reviewers=REVIEWERS)
    await liked(house)
    shown = await card(house)
    form = await house.press(button(shown, Action.REVISE), RITA)
    assert isinstance(form, Form)
    assert form.fields[1].initial == "plain answer"
    await house.press(
        button(shown, Action.REVISE),
        RITA,
        fields={"question": "", "answer": "A better answer, mail me@x.org."},
    )
    await house.quiet()
    example = await one(house)
    assert example.question == "Open today?"
    assert example.answer == "A better answer, mail [EMAIL_1]."
    assert example.status is Status.APPROVED
    assert len(example.earlier) == 1


async def test_the_next_card_follows(start: Start) -> None:
    house = await start(reviewers=REVIEWERS)
    await liked(house, "First?")
    await liked(house, "Second?")
    first = await card(house)
    await house.press(button(first, Action.APPROVE), RITA)
    await house.quiet()
    second = house.platform.messages[-1]
    assert "Second?" in second.text
    said = await house.press(button(second, Action.APPROVE), RITA)
    assert said == "There is nothing to review."


async def test_a_card_comes_again_when_it_is_asked_for_again(start: Start) -> None:
    house = await start(reviewers=REVIEWERS)
    await liked(house)
    first, second = await card(house), await card(house)
    await house.press(button(second, Action.APPROVE), RITA)
    await house.quiet()
    assert "Approved by Rita" in second.text
    said = await house.press(button(first, Action.REJECT), RITA)
    assert said == "Somebody has decided on this already."


async def test_a_card_is_decided_once(start: Start) -> None:
    house = await start(reviewers=REVIEWERS)
    await liked(house)
    shown = await card(house)
    approve, reject = button(shown, Action.APPROVE), button(shown, Action.REJECT)
    await house.press(approve, RITA)
    said = await house.press(reject, OTTO)
    assert said == "Somebody has decided on this already."
    assert (await one(house)).status is Status.APPROVED


async def test_only_reviewers_review(start: Start) -> None:
    house = await start(reviewers=REVIEWERS)
    await liked(house)
    shown = await card(house)
    assert (
        "review" in str(await house.press(button(shown, Action.APPROVE), ANN)).lower()
    )
    assert (await one(house)).status is Status.CANDIDATE
    assert "review" in (await house.ask("review", ANN)).lower()


async def test_nothing_is_shown_in_another_workspace(start: Start) -> None:
    house = await start(reviewers=REVIEWERS)
    await liked(house)
    shown = await card(house)
    elsewhere = replace(PLACE, workspace="other")
    assert "nothing to review" in await house.ask("review", RITA, elsewhere)
    await house.press(button(shown, Action.APPROVE), RITA, elsewhere)
    assert (await one(house)).status is Status.CANDIDATE


async def test_with_four_eyes_nobody_approves_their_own(start: Start) -> None:
    house = await start(reviewers=REVIEWERS)
    house.app.settings.tuning.four_eyes = True
    await corrected(house)
    shown = await card(house)
    said = await house.press(button(shown, Action.APPROVE), RITA)
    assert "somebody else must approve" in str(said)
    await house.press(button(shown, Action.APPROVE), OTTO)
    assert (await one(house)).status is Status.APPROVED


async def test_a_message_is_proposed_and_becomes_a_document(start: Start) -> None:
    house = await start(reviewers=REVIEWERS)
    taught = []

    async def teach(*what: str, **how: object) -> str:
        taught.append((what, how["labels"]))
        return "document"

    object.__setattr__(house.app.admin.reviewing, "teach", teach)
    learn = Button(Action.LEARN, "Learn", "The gate opens at six.")
    form = await house.press(learn, RITA)
    assert isinstance(form, Form)
    assert form.fields[1].initial == "The gate opens at six."
    given = {"question": "When does the gate open?", "answer": "At six."}
    assert "Proposed" in str(await house.press(learn, RITA, fields=given))
    assert taught == []
    shown = await card(house, OTTO)
    assert "Rita proposes" in shown.text
    await house.press(button(shown, Action.APPROVE), OTTO)
    [(what, labels)] = taught
    assert what == ("documents", "When does the gate open?", "At six.")
    assert labels == {"public"}


async def test_what_is_proposed_is_for_no_wider_places_unless_it_is_said(
    start: Start,
) -> None:
    house = await start(reviewers=REVIEWERS)
    house.app.settings.audience = {
        "default": ["public"],
        "memory": ["public", "staff"],
        "memory:w": ["public", "staff", "vets"],
    }
    learn = Button(Action.LEARN, "Learn", "The safe opens with 4711.")
    form = await house.press(learn, RITA)
    assert isinstance(form, Form)
    [label] = [field for field in form.fields if field.name == "label"]
    assert (label.initial, [c.value for c in label.choices]) == (
        "vets",
        ["vets", "staff", "public"],
    )
    fields = {"question": "How does it open?", "answer": "With 4711."}
    await house.press(learn, RITA, fields=fields)
    await house.press(learn, RITA, fields={**fields, "label": "staff"})
    await house.press(learn, RITA, fields={**fields, "label": "board"})
    await house.ask("Open today?")
    await house.ask("learn", RITA)
    proposals = await house.app.admin.reviewing.proposals.waiting("memory:w")
    found = [proposal.labels for proposal in proposals]
    assert found == [("vets",), ("staff",), ("vets",), ("vets",)]
    assert "vets" in (await card(house, OTTO)).text


async def test_an_admin_by_the_platforms_right_proposes_but_does_not_decide(
    start: Start,
) -> None:
    house = await start()
    learn = Button(Action.LEARN, "Learn", "The gate opens at six.")
    fields = {"question": "When does the gate open?", "answer": "At six."}
    assert await house.press(learn, BOSS, fields=fields) == say("proposed")
    shown = await card(house, BOSS)

    said = await house.press(button(shown, Action.APPROVE), BOSS)

    assert said == say("not_teacher")
    [proposal] = await house.app.admin.reviewing.proposals.waiting("memory:w")
    assert proposal.state == "open"


async def test_the_last_answer_is_proposed_once(start: Start) -> None:
    house = await start(reviewers=REVIEWERS)
    assert "nothing to learn" in await house.ask("learn", RITA)
    await house.ask("Open today?")
    assert "Proposed" in await house.ask("learn", RITA)
    assert "before" in await house.ask("learn", RITA)
    [proposal] = await house.app.admin.reviewing.proposals.waiting("memory:w")
    assert (proposal.question, proposal.answer) == ("Open today?", "plain answer")


async def test_an_attached_file_is_proposed(start: Start) -> None:
    house = await start(reviewers=REVIEWERS)
    house.platform.files["f1"] = b"The gate opens at six."
    message = replace(
        house.message("learn: The gate", RITA),
        attachments=(Attachment("gate.txt", "text/plain", 22, "f1"),),
    )
    await house.app.reception.accept(Said(message))
    await house.quiet()
    [proposal] = await house.app.admin.reviewing.proposals.waiting("memory:w")
    assert proposal.question == "The gate"
    assert "The gate opens at six." in proposal.answer


async def test_forget_me_erases_examples_and_marks_models(start: Start) -> None:
    house = await start(reviewers=REVIEWERS)
    await liked(house)
    await examples(house).collect()
    example = await one(house)
    models = Models(house.app.state.records)
    made = TunedModel("house", "base", example.created, examples=(example.id,))
    await models.put(made)
    await models.put(replace(made, name="other", examples=("x",)))
    await house.ask("forget me")
    assert await examples(house).all() == []
    assert [model.forgotten for model in await models.all()] == [1, 0]


async def test_what_waits_is_found_behind_all_that_was_decided(start: Start) -> None:
    house = await start(reviewers=REVIEWERS)
    await house.ask("Open today?")
    await house.ask("learn", RITA)
    proposals = house.app.admin.reviewing.proposals
    [waiting] = await proposals.waiting("memory:w")
    for number in range(300):
        decided = replace(waiting, id=f"p{number}", state="rejected", at=LATER)
        await proposals.add(decided)
    assert await proposals.waiting("memory:w") == [waiting]
