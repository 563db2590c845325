"""Buttons and forms on a local Discord: pressed, filled in, confirmed, too late."""

from collections.abc import Callable
from typing import Any

import pytest
from servers.discord import DiscordServer
from servers.discord.model import Interaction, Message
from servers.intake import Box

from adapters.discord.adapter import DiscordAdapter
from bot.adapter import Part
from bot.model import Action, Answer, Button, Choice, Delivery, Form, FormField

Delivering = Callable[..., Delivery]
Opened = Callable[..., Any]
Listening = Callable[..., Any]

BAD_FORM = Form(
    Action.BAD,
    "What was wrong?",
    "Send",
    (
        FormField("wrong", "What was wrong", multiline=True),
        FormField("better", "A better answer", required=False, hint="If you know it"),
        FormField(
            "kind",
            "Kind",
            choices=(Choice("old", "Out of date"), Choice("wrong", "Wrong")),
            initial="old",
        ),
    ),
    text="Tell us **more**.",
    value="a1",
)


def reply(server: DiscordServer, interaction: Interaction) -> str:
    message = server.interaction_reply(interaction.id)
    return message.content if message is not None else ""


def opens(form: Form, said: str) -> Callable[[Any], Form | str]:
    """An intake that opens a form, and says something when it is sent."""
    return lambda pressed: form if pressed.fields is None else said


@pytest.fixture
async def answer(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> Message:
    """An answer in the thread of its question, with buttons."""
    asked = server.say(ana, channel, "?", mention_bot=True)
    buttons = (
        Button(Action.GOOD, "Good", "a1"),
        Button(Action.BAD, "Bad", "a1"),
        Button(Action.UNDO, "Undo", "a1", confirm="Undo the switch to voice?"),
    )
    (part,) = hearing.render(Answer("Because.", buttons=buttons, complete=True))
    posted = await hearing.post(delivering(channel, asked, asked), 0, part)
    return server.message(int(posted))


async def test_a_press_is_handed_in_and_answered_to_one_person(
    server: DiscordServer, answer: Message, channel: int, ana: int, box: Box
) -> None:
    server.grant(ana)
    box.press_reply = lambda pressed: "Thank you, @everyone."
    pressed = server.click(ana, answer.id, "curbside:good:a1")
    await server.wait_for(lambda: reply(server, pressed))

    (told,) = box.presses
    assert (told.action, told.value, told.fields) == (Action.GOOD, "a1", None)
    assert told.message_id == str(answer.id)
    assert told.id == str(pressed.id)
    assert told.conversation.thread == str(answer.channel_id)
    assert told.conversation.channel == str(channel)
    assert told.author.is_admin
    assert reply(server, pressed) == "Thank you, @\u200beveryone."
    assert [m.content for m in server.whispers(ana)] == [reply(server, pressed)]


async def test_a_press_that_needs_no_words_says_none(
    server: DiscordServer, answer: Message, ana: int
) -> None:
    pressed = server.click(ana, answer.id, "curbside:good:a1")
    await server.wait_for(lambda: pressed.answered)

    assert server.whispers(ana) == []
    assert answer.content == "Because."


async def test_a_form_is_opened_and_sent(
    server: DiscordServer, answer: Message, ana: int, box: Box
) -> None:
    box.press_reply = opens(BAD_FORM, "Noted.")
    pressed = server.click(ana, answer.id, "curbside:bad:a1")
    await server.wait_for(lambda: pressed.modal)
    assert pressed.modal is not None
    assert pressed.modal["title"] == "What was wrong?"
    assert pressed.modal["components"][0]["content"] == "Tell us **more**."
    values = {"wrong": "All of it", "better": "", "kind": "wrong"}
    sent = server.submit(ana, answer.channel_id, pressed.modal["custom_id"], values)
    await server.wait_for(lambda: reply(server, sent) == "Noted.")

    first, second = box.presses
    assert second.fields == values
    assert (second.action, second.value) == (Action.BAD, "a1")
    assert second.message_id == first.message_id == str(answer.id)
    assert second.conversation == first.conversation
    assert second.id == str(sent.id)


async def test_buttons_work_after_a_restart(
    server: DiscordServer,
    opened: Opened,
    listening: Listening,
    channel: int,
    ana: int,
    delivering: Delivering,
    box: Box,
) -> None:
    what = delivering(channel, server.say(ana, channel, "?"))
    async with opened() as adapter:
        button = Button(Action.BAD, "Bad", "a1")
        (part,) = adapter.render(Answer("Because.", buttons=(button,)))
        posted = int(await adapter.post(what, 0, part))
    long = Form(Action.BAD, "Why?", "Send", (FormField("why", "Why"),), value="v" * 300)
    box.press_reply = opens(long, "Noted.")
    async with opened() as adapter, listening(adapter):
        pressed = server.click(ana, posted, "curbside:bad:a1")
        await server.wait_for(lambda: pressed.modal)
    assert pressed.modal is not None
    async with opened() as adapter, listening(adapter):
        id_ = pressed.modal["custom_id"]
        sent = server.submit(ana, channel, id_, {"why": "so"})
        await server.wait_for(lambda: reply(server, sent) == "Noted.")

    assert len(id_) <= 100
    assert box.presses[1].value == "v" * 300
    assert box.presses[1].message_id == str(posted)


async def test_a_form_without_fields_is_a_question(
    server: DiscordServer, answer: Message, ana: int, box: Box
) -> None:
    form = Form(Action.UNDO, "Undo", "Take it back", text="The switch?", value="s1")
    box.press_reply = opens(form, "Taken back.")
    pressed = server.click(ana, answer.id, "curbside:good:a1")
    await server.wait_for(lambda: reply(server, pressed))
    question = server.interaction_reply(pressed.id)
    assert question is not None
    assert question.ephemeral
    assert "The switch?" in question.content
    yes, _ = question.components[0]["components"]
    assert yes["label"] == "Take it back"
    server.click(ana, question.id, yes["custom_id"])
    await server.wait_for(lambda: question.content == "Taken back.")

    assert question.components == []
    assert box.presses[1].fields == {}
    assert (box.presses[1].action, box.presses[1].value) == (Action.UNDO, "s1")


async def test_a_button_that_asks_first(
    server: DiscordServer, answer: Message, ana: int, box: Box
) -> None:
    box.press_reply = lambda pressed: "Undone."
    pressed = server.click(ana, answer.id, "curbside:undo?:a1")
    await server.wait_for(lambda: reply(server, pressed))
    assert box.presses == []
    question = server.interaction_reply(pressed.id)
    assert question is not None
    assert "Undo" in question.content
    server.click(ana, question.id, question.components[0]["components"][0]["custom_id"])
    await server.wait_for(lambda: question.content == "Undone.")

    assert [press.action for press in box.presses] == [Action.UNDO]


async def test_a_question_goes_away_when_there_is_nothing_to_say(
    server: DiscordServer, answer: Message, ana: int, box: Box
) -> None:
    pressed = server.click(ana, answer.id, "curbside:undo?:a1")
    question = await server.wait_for(lambda: server.interaction_reply(pressed.id))
    server.click(ana, question.id, question.components[0]["components"][0]["custom_id"])
    await server.wait_for(lambda: question.content == "Done.")

    assert question.components == []


async def test_a_slow_press_gets_its_reply_all_the_same(
    server: DiscordServer, answer: Message, ana: int, box: Box
) -> None:
    box.slowness = 2.2
    box.press_reply = lambda pressed: "Done at last."
    pressed = server.click(ana, answer.id, "curbside:good:a1")
    await server.wait_for(lambda: reply(server, pressed) == "Done at last.")

    box.press_reply = opens(BAD_FORM, "Noted.")
    late = server.click(ana, answer.id, "curbside:bad:a1")
    await server.wait_for(lambda: "form can be opened" in reply(server, late))
    box.slowness = 0
    offered = server.interaction_reply(late.id)
    assert offered is not None
    again = server.click(
        ana, offered.id, offered.components[0]["components"][0]["custom_id"]
    )
    await server.wait_for(lambda: again.modal)


async def test_a_press_that_came_too_late_is_told_kindly(
    server: DiscordServer, answer: Message, ana: int, box: Box
) -> None:
    box.press_reply = opens(BAD_FORM, "Noted.")
    server.fail("POST", "/callback$", kind="error:10062")
    server.click(ana, answer.id, "curbside:bad:a1")
    await server.wait_for(lambda: len(server.bot_messages(answer.channel_id)) == 2)

    told = server.bot_messages(answer.channel_id)[-1]
    assert told.content.startswith("Ana: ")
    assert "press the button again" in told.content
    assert told.pinged == set()


async def test_a_name_that_is_a_link_is_not_repeated_as_one(
    server: DiscordServer, answer: Message, box: Box
) -> None:
    box.press_reply = opens(BAD_FORM, "Noted.")
    server.fail("POST", "/callback$", kind="error:10062")
    server.click(server.add_user("[a](http://x.yz)"), answer.id, "curbside:bad:a1")
    await server.wait_for(lambda: len(server.bot_messages(answer.channel_id)) == 2)

    told = server.bot_messages(answer.channel_id)[-1]
    assert "press the button again" in told.content
    assert "](" not in told.content


async def test_a_press_that_cannot_be_stored_says_so(
    server: DiscordServer, answer: Message, ana: int, box: Box
) -> None:
    box.broken = 1
    pressed = server.click(ana, answer.id, "curbside:good:a1")

    await server.wait_for(lambda: "try again" in reply(server, pressed))


async def test_a_lost_reply_to_a_press_is_sent_again(
    server: DiscordServer, answer: Message, ana: int, box: Box
) -> None:
    box.press_reply = lambda pressed: "Thanks."
    server.fail("POST", "/callback$", kind="drop_after")
    pressed = server.click(ana, answer.id, "curbside:good:a1")
    await server.wait_for(lambda: len(server.sent("POST", "/callback$")) == 2)

    assert reply(server, pressed) == "Thanks."
    assert len(box.presses) == 1


async def test_a_button_of_another_version_is_explained(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    box: Box,
) -> None:
    rows = [
        {
            "type": 1,
            "components": [
                {"type": 2, "style": 2, "label": "x", "custom_id": "curbside:fly:1"}
            ],
        }
    ]
    what = delivering(channel, server.say(ana, channel, "?"))
    posted = await hearing.post(what, 0, Part("Old.", {"components": rows}))
    pressed = server.click(ana, int(posted), "curbside:fly:1")
    await server.wait_for(lambda: "too long ago" in reply(server, pressed))

    assert box.presses == []


async def test_a_message_is_proposed_for_the_documents(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    target = server.say(server.add_user("bo"), channel, "The gate opens at six.")
    box.press_reply = lambda pressed: "Proposed."
    used = server.menu(ana, target, "Propose for documents")
    await server.wait_for(lambda: reply(server, used) == "Proposed.")
    [press] = box.presses
    assert press.action is Action.LEARN
    assert press.value == "The gate opens at six."


async def test_ask_about_this(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    """Without the intent to read messages: Discord shows this one all the same."""
    bo = server.add_user("bo")
    target = server.say(bo, channel, "The router blinks red.")
    form = Form(
        Action.ASK, "Ask", "Ask", (FormField("question", "Question"),), value="q" * 2000
    )
    box.press_reply = opens(form, "I answer below.")
    used = server.menu(ana, target, "Ask about this")
    await server.wait_for(lambda: used.modal)
    assert used.modal is not None
    values = {"question": "Why?"}
    sent = server.submit(ana, channel, used.modal["custom_id"], values)
    await server.wait_for(lambda: reply(server, sent) == "I answer below.")

    first, second = box.presses
    assert first.action is second.action is Action.ASK
    assert first.value == "The router blinks red."
    assert first.message_id == second.message_id == str(target)
    assert first.conversation == second.conversation
    assert second.value == "q" * 2000
    assert second.fields == values


async def test_a_slow_form_about_a_message_is_opened_by_a_second_press(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    target = server.say(ana, channel, "The router blinks red. " * 40)
    form = Form(
        Action.ASK, "Ask", "Ask", (FormField("question", "Question"),), value="q" * 2000
    )
    box.press_reply = opens(form, "I answer below.")
    box.slowness = 2.2
    used = server.menu(ana, target, "Ask about this")
    await server.wait_for(lambda: reply(server, used))
    box.slowness = 0
    offered = server.interaction_reply(used.id)
    assert offered is not None
    again = server.click(
        ana, offered.id, offered.components[0]["components"][0]["custom_id"]
    )
    await server.wait_for(lambda: again.modal)

    first, second = box.presses
    assert second.value == first.value
    assert second.message_id == first.message_id == str(target)
    assert second.conversation == first.conversation


async def test_a_long_question_can_be_answered_with_yes(
    server: DiscordServer, answer: Message, ana: int, box: Box
) -> None:
    form = Form(Action.UNDO, "Undo", "Take it back", text="All?", value="v" * 500)
    box.press_reply = opens(form, "Taken back.")
    pressed = server.click(ana, answer.id, "curbside:good:a1")
    question = await server.wait_for(lambda: server.interaction_reply(pressed.id))
    yes, _ = question.components[0]["components"]
    server.click(ana, question.id, yes["custom_id"])
    await server.wait_for(lambda: question.content == "Taken back.")

    assert box.presses[1].value == "v" * 500
    assert box.presses[1].fields == {}


async def test_a_form_that_was_forgotten_is_explained(
    server: DiscordServer, answer: Message, ana: int, box: Box
) -> None:
    long = Form(Action.BAD, "Why?", "Send", (FormField("why", "Why"),), value="v" * 300)
    box.press_reply = opens(long, "Noted.")
    pressed = server.click(ana, answer.id, "curbside:bad:a1")
    await server.wait_for(lambda: pressed.modal)
    assert pressed.modal is not None
    box.records.kept.clear()
    id_ = pressed.modal["custom_id"]
    sent = server.submit(ana, answer.channel_id, id_, {"why": "so"})

    await server.wait_for(lambda: "too long ago" in reply(server, sent))
