"""The forms that buttons open."""

from datetime import UTC, datetime

from bot.answers import KeptAnswer
from bot.model import Action, Choice, Form, FormField, Message, Pressed
from bot.words import say

FIELD_CHARACTERS = 3_000
"""What a field of a form takes on every platform."""

NOBODY = "-"
"""The choice to keep a correction out of the documents; an empty one is no choice."""

SHOWN_CHARACTERS = 1_000
"""So much of a quotation stands above the fields."""


def what_was_wrong(kept: KeptAnswer) -> Form:
    """Asks a person who found an answer bad what is wrong with it."""
    return Form(
        action=Action.BAD,
        title=say("bad_title"),
        submit=say("send"),
        fields=(
            FormField("wrong", say("bad_wrong"), multiline=True, required=False),
            FormField("better", say("bad_better"), multiline=True, required=False),
        ),
        value=kept.id,
    )


def correction(kept: KeptAnswer, *, teacher: bool = False) -> Form:
    """Asks a reviewer for the right answer; a `teacher`, whether it is to be known
    elsewhere too."""
    fits = len(kept.text) <= FIELD_CHARACTERS
    field = FormField(
        "answer",
        say("correct_answer"),
        initial=kept.text if fits else "",
        hint=say("correct_hint"),
        multiline=True,
    )
    return Form(
        action=Action.CORRECT,
        title=say("correct_title"),
        submit=say("correct_submit"),
        fields=(field, *_teaching(kept)) if teacher else (field,),
        text=quoted(kept.question) if fits else say("correct_too_long"),
        value=kept.id,
    )


def _teaching(kept: KeptAnswer) -> tuple[FormField, FormField]:
    audiences = (Choice(each, say("teach_label", label=each)) for each in kept.labels)
    teach = FormField(
        "teach",
        say("teach"),
        initial=NOBODY,
        required=False,
        choices=(Choice(NOBODY, say("teach_nobody")), *audiences),
    )
    question = FormField(
        "question",
        say("teach_question"),
        initial=kept.question[:FIELD_CHARACTERS],
        hint=say("teach_question_hint"),
        multiline=True,
        required=False,
    )
    return teach, question


def ask_about(pressed: Pressed) -> Form:
    """Asks what somebody wants to know about a message."""
    field = FormField("question", say("ask_question"), multiline=True)
    return Form(
        action=Action.ASK,
        title=say("ask_title"),
        submit=say("ask_submit"),
        fields=(field,),
        text=quoted(pressed.value),
        value=pressed.value,
    )


def question_about(pressed: Pressed) -> Message:
    """The question of that form, answered where the message stands."""
    question = (pressed.fields or {}).get("question", "")
    return Message(
        id=pressed.id,
        conversation=pressed.conversation,
        author=pressed.author,
        text=f"{question}\n\n{quoted(pressed.value)}",
        sent_at=datetime.now(UTC),
        anchor=pressed.message_id,
        guests=pressed.guests,
    )


def quoted(text: str) -> str:
    """A text as a quotation in Markdown, its beginning if it is long."""
    if len(text) > SHOWN_CHARACTERS:
        text = text[:SHOWN_CHARACTERS].rstrip() + " …"
    return "\n".join(f"> {line}" for line in text.splitlines())
