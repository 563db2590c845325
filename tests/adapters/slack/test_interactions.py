"""Buttons, modals, shortcuts, the Home tab: pressed on a local Slack."""

import asyncio
from dataclasses import replace

import pytest
from servers.intake import Box
from servers.slack import SlackServer

from adapters.slack.adapter import SlackAdapter
from bot.model import (
    Action,
    Answer,
    Button,
    Choice,
    ConversationId,
    Delivery,
    Form,
    FormField,
    Panel,
    PanelSection,
    Pressed,
    SentPart,
)

pytest_plugins = ("servers.slack.fixtures",)

BUTTONS = (
    Button(Action.GOOD, "Helpful", "a1"),
    Button(Action.BAD, "Not helpful", "a1"),
    Button(Action.RETRY, "Try again", "a1"),
    Button(Action.CORRECT, "Correct this", "a1"),
    Button(Action.HUMAN, "Get a human", "a1"),
    Button(Action.SOLVED, "Solved", "a1"),
    Button(Action.APPROVE, "Approve", "a1"),
)
WRONG = Form(
    Action.BAD,
    "What was wrong?",
    "Send",
    fields=(
        FormField("wrong", "What is wrong?", multiline=True),
        FormField("better", "Better answer", required=False, hint="If you know it."),
    ),
    text="> when do you open?",
    value="a1",
)
SWITCH = Form(
    Action.SWITCH,
    "Who answers here?",
    "Switch",
    fields=(
        FormField(
            "profile",
            "Profile",
            initial="b",
            choices=(Choice("a", "Handbook"), Choice("b", "Fine-tuned")),
        ),
    ),
    value="slack:T1",
)
SURE = Form(Action.FORGET, "Forget me", "Erase", text="All of it goes.")
PANEL = Panel(
    "Curbside",
    (
        PanelSection("What I know", "**33 documents** in 1 collection"),
        PanelSection(
            "Who answers",
            "#general: handbook",
            (
                Button(Action.SWITCH, "Switch", "general"),
                Button(Action.SWITCH, "Switch here", "here"),
                Button(Action.UNDO, "Undo", "x", style="danger", confirm="Back to a?"),
            ),
        ),
    ),
)


@pytest.fixture
async def answer(
    slack: SlackServer, adapter: SlackAdapter, ada: str, general: str
) -> tuple[str, str]:
    """The channel of a finished answer of ours, and its ts."""
    question = slack.say(ada, general, "when?", mention_bot=True)
    await slack.settled()
    place = ConversationId("slack", "T00000001", general, question)
    delivery = Delivery("a1", place, ("k",), question, parts=(SentPart(0),))
    part = adapter.render(Answer("At nine.", complete=True, buttons=BUTTONS))[0]
    return general, await adapter.post(delivery, 0, part)


async def pressed(slack: SlackServer, box: Box, count: int = 1) -> Pressed:
    await slack.wait_for(lambda: len(box.presses) >= count)
    await slack.settled()
    return box.presses[-1]


@pytest.mark.parametrize(
    ("action_id", "chosen", "action"),
    [
        ("curbside:feedback", "good:a1", Action.GOOD),
        ("curbside:feedback", "bad:a1", Action.BAD),
        ("curbside:retry", "", Action.RETRY),
        ("curbside:more", "solved:a1", Action.SOLVED),
        ("curbside:more", "approve:a1", Action.APPROVE),
    ],
)
async def test_a_button_says_who_pressed_what_where(
    slack: SlackServer,
    box: Box,
    answer: tuple[str, str],
    ada: str,
    action_id: str,
    chosen: str,
    action: Action,
) -> None:
    channel, ts = answer
    slack.click(ada, channel, ts, action_id, chosen)
    press = await pressed(slack, box)

    root = slack.bot_messages(channel)[0]["thread_ts"]
    assert (press.action, press.value, press.message_id) == (action, "a1", ts)
    assert press.conversation == ConversationId("slack", "T00000001", channel, root)
    assert (press.author.id, press.author.is_admin) == (ada, True)
    assert press.fields is None
    assert slack.unanswered == []
    assert slack.ephemerals == []


async def test_what_a_press_says_only_that_person_sees(
    slack: SlackServer, box: Box, answer: tuple[str, str], ada: str
) -> None:
    box.press_reply = lambda pressed: "**Thank you** <!here>"
    channel, ts = answer
    slack.click(ada, channel, ts, "curbside:retry")
    (seen,) = await slack.wait_for(lambda: slack.ephemerals)

    assert seen["user"] == ada
    assert seen["text"] == "*Thank you* &lt;!here&gt;"
    assert seen["thread_ts"] == slack.bot_messages(channel)[0]["thread_ts"]


async def test_a_form_is_filled_in(
    slack: SlackServer, box: Box, answer: tuple[str, str], ada: str
) -> None:
    box.press_reply = lambda pressed: WRONG if pressed.fields is None else "Thanks."
    channel, ts = answer
    slack.click(ada, channel, ts, "curbside:feedback", "bad:a1")
    modal = await slack.wait_for(lambda: slack.modal(ada))
    slack.submit(ada, modal["id"], {"wrong": "It is ten."})
    await pressed(slack, box, 2)
    (seen,) = await slack.wait_for(lambda: slack.ephemerals)

    press = box.presses[-1]
    assert press.fields == {"wrong": "It is ten.", "better": ""}
    assert (press.action, press.value, press.message_id) == (Action.BAD, "a1", ts)
    assert press.conversation == box.presses[0].conversation
    assert seen["text"] == "Thanks."
    assert slack.modal(ada) is None


async def test_a_form_sent_twice_is_one_press(
    slack: SlackServer, box: Box, answer: tuple[str, str], ada: str
) -> None:
    box.press_reply = lambda pressed: WRONG
    channel, ts = answer
    slack.click(ada, channel, ts, "curbside:feedback", "bad:a1")
    modal = await slack.wait_for(lambda: slack.modal(ada))
    for _ in range(2):
        slack.submit(ada, modal["id"], {"wrong": "It is ten."})
    await pressed(slack, box, 3)

    assert len({press.key for press in box.presses[1:]}) == 1


async def test_what_was_typed_stays_when_it_could_not_be_stored(
    slack: SlackServer, box: Box, answer: tuple[str, str], ada: str
) -> None:
    box.press_reply = lambda pressed: WRONG if pressed.fields is None else "Thanks."
    channel, ts = answer
    slack.click(ada, channel, ts, "curbside:feedback", "bad:a1")
    modal = await slack.wait_for(lambda: slack.modal(ada))
    box.broken = 1
    slack.submit(ada, modal["id"], {"wrong": "It is ten."})
    errors = await slack.wait_for(lambda: slack.view_errors.get(modal["id"]))

    assert errors == {"wrong": "That did not work just now. Please try again."}
    assert slack.modal(ada) is not None


async def test_a_press_that_could_not_be_stored_is_told(
    slack: SlackServer, box: Box, answer: tuple[str, str], ada: str
) -> None:
    box.broken = 1
    channel, ts = answer
    slack.click(ada, channel, ts, "curbside:retry")
    (seen,) = await slack.wait_for(lambda: slack.ephemerals)

    assert seen["text"] == "That did not work just now. Please try again."


async def test_an_expired_trigger_asks_to_press_again(
    slack: SlackServer, box: Box, answer: tuple[str, str], ada: str
) -> None:
    box.press_reply = lambda pressed: WRONG
    slack.web_api.triggers.seconds = 0.05
    box.slowness = 0.1
    channel, ts = answer
    slack.click(ada, channel, ts, "curbside:feedback", "bad:a1")
    (seen,) = await slack.wait_for(lambda: slack.ephemerals)

    assert "press the button again" in seen["text"]
    assert slack.modal(ada) is None


async def test_where_we_may_not_write_a_reply_comes_all_the_same(
    slack: SlackServer, box: Box, answer: tuple[str, str], ada: str
) -> None:
    box.press_reply = lambda pressed: "Thanks."
    slack.fail("chat.postEphemeral", kind="error:not_in_channel")
    channel, ts = answer
    slack.click(ada, channel, ts, "curbside:retry")
    (seen,) = await slack.wait_for(lambda: slack.ephemerals)

    assert seen["text"] == "Thanks."


async def test_a_message_is_proposed_for_the_documents(
    slack: SlackServer, box: Box, adapter: SlackAdapter, ada: str, general: str
) -> None:
    box.press_reply = lambda pressed: "Proposed."
    text = "The gate opens at six. " * 100
    ts = slack.say(ada, general, text)
    slack.shortcut(ada, general, ts, "learn_this")
    press = await pressed(slack, box, 1)

    assert press.action is Action.LEARN
    assert press.value == text.strip()


async def test_ask_about_this(
    slack: SlackServer, box: Box, adapter: SlackAdapter, ada: str, general: str
) -> None:
    box.press_reply = lambda pressed: (
        replace(WRONG, action=Action.ASK, value=pressed.value)
        if pressed.fields is None
        else ""
    )
    text = f"<@{slack.bot_id}> the &lt;fridge&gt; of <@U1|bob> " + "beeps " * 600
    ts = slack.say(ada, general, text)
    slack.shortcut(ada, general, ts, "ask_about_this")
    modal = await slack.wait_for(lambda: slack.modal(ada))
    slack.submit(ada, modal["id"], {"wrong": "why?"})
    press = await pressed(slack, box, 2)

    assert press.action is Action.ASK
    assert press.message_id == ts
    assert press.conversation.thread == ts
    assert press.value.startswith("the <fridge> of @bob beeps")
    assert press.fields == {"wrong": "why?", "better": ""}
    assert not press.guests


@pytest.mark.parametrize("who", ["guest", "shared channel"])
async def test_ask_about_this_where_people_from_outside_read_along(
    slack: SlackServer,
    box: Box,
    adapter: SlackAdapter,
    ada: str,
    general: str,
    monkeypatch: pytest.MonkeyPatch,
    who: str,
) -> None:
    from_outside(slack, monkeypatch, who)
    box.press_reply = lambda pressed: (
        replace(WRONG, action=Action.ASK) if pressed.fields is None else ""
    )
    ts = slack.say(ada, general, "what is this?")
    slack.shortcut(ada, general, ts, "ask_about_this")
    modal = await slack.wait_for(lambda: slack.modal(ada))
    slack.submit(ada, modal["id"], {"wrong": "why?"})
    press = await pressed(slack, box, 2)

    assert press.guests


async def test_guests_are_shown_what_is_public(
    slack: SlackServer,
    box: Box,
    adapter: SlackAdapter,
    ada: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from_outside(slack, monkeypatch, "guest")
    box.prompts = ["When do you open?"]
    im = slack.open_im(ada)
    slack.open_home(ada, tab="messages")
    prompts = slack.web_api.agents.prompts
    shown = await slack.wait_for(lambda: prompts.get((im, "")))
    slack.open_home(ada)
    await slack.wait_for(lambda: slack.home(ada))

    assert shown["prompts"][0]["title"] == "When do you open? (public)"
    assert [message.guests for message in box.panels] == [True]


def from_outside(slack: SlackServer, monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    """Let everybody be a guest, or every channel be shared with others."""
    payloads = slack.payloads
    user, channel = payloads.user, payloads.channel
    if who == "guest":
        monkeypatch.setattr(
            payloads, "user", lambda u: user(u) | {"is_restricted": True}
        )
    else:
        shared = {"is_ext_shared": True}
        monkeypatch.setattr(payloads, "channel", lambda c: channel(c) | shared)


async def test_ask_about_this_where_we_are_not(
    slack: SlackServer, box: Box, adapter: SlackAdapter, ada: str
) -> None:
    box.press_reply = lambda pressed: replace(WRONG, action=Action.ASK)
    elsewhere = slack.add_channel("elsewhere", with_bot=False)
    ts = slack.say(ada, elsewhere, "what is this?")
    slack.shortcut(ada, elsewhere, ts, "ask_about_this")
    (seen,) = await slack.wait_for(lambda: slack.ephemerals)

    assert "/invite" in seen["text"]
    assert slack.modal(ada) is None


async def test_the_home_tab_shows_the_panel(
    slack: SlackServer, box: Box, adapter: SlackAdapter, ada: str
) -> None:
    box.page = PANEL
    slack.open_home(ada)
    home = await slack.wait_for(lambda: slack.home(ada))

    kinds = [block["type"] for block in home["blocks"]]
    assert kinds == ["header", "section", "divider", "header", "section", "actions"]
    assert home["blocks"][1]["text"]["text"] == "*33 documents* in 1 collection"


async def test_the_home_tab_shows_what_a_form_changed(
    slack: SlackServer, box: Box, adapter: SlackAdapter, ada: str
) -> None:
    box.page = PANEL
    box.press_reply = lambda pressed: SWITCH if pressed.fields is None else "Done."
    slack.open_home(ada)
    home = await slack.wait_for(lambda: slack.home(ada))
    ids = [e["action_id"] for e in home["blocks"][-1]["elements"]]
    slack.click_in_view(ada, home["id"], ids[1])
    modal = await slack.wait_for(lambda: slack.modal(ada))
    await slack.settled()
    box.page = Panel("Curbside", (PanelSection("Who answers", "#general: b"),))
    slack.submit(ada, modal["id"], {"profile": "a"})
    await pressed(slack, box, 2)

    assert box.presses[0].value == "here"
    assert box.presses[1].fields == {"profile": "a"}
    shown = slack.modal(ada)
    assert shown is not None
    assert shown["blocks"][0]["text"]["text"] == "Done."
    home = slack.home(ada)
    assert home is not None
    assert home["blocks"][1]["text"]["text"] == "#general: b"


async def test_a_confirmation_is_a_form_without_fields(
    slack: SlackServer, box: Box, adapter: SlackAdapter, ada: str
) -> None:
    box.page = PANEL
    box.press_reply = lambda pressed: SURE if pressed.fields is None else ""
    slack.open_home(ada)
    home = await slack.wait_for(lambda: slack.home(ada))
    ids = [e["action_id"] for e in home["blocks"][-1]["elements"]]
    slack.click_in_view(ada, home["id"], ids[2])
    modal = await slack.wait_for(lambda: slack.modal(ada))
    slack.submit(ada, modal["id"])
    press = await pressed(slack, box, 2)

    assert modal["blocks"][0]["text"]["text"] == "All of it goes."
    assert press.fields == {}
    assert slack.modal(ada) is None


async def test_opening_the_messages_suggests_questions(
    slack: SlackServer, box: Box, adapter: SlackAdapter, ada: str, general: str
) -> None:
    box.prompts = ["When do you open?", "Where is the key?", "c", "d", "e"]
    im = slack.open_im(ada)
    slack.open_home(ada, tab="messages")
    prompts = slack.web_api.agents.prompts
    shown = await slack.wait_for(lambda: prompts.get((im, "")))
    assert [prompt["message"] for prompt in shown["prompts"]] == [
        f"{text} ({im})" for text in box.prompts[:4]
    ]

    slack.look_at(ada, general)
    await slack.wait_for(lambda: prompts[im, ""] is not shown)
    assert prompts[im, ""]["prompts"][0]["title"] == f"When do you open? ({general})"


async def test_curbside_alone_opens_the_panel(
    slack: SlackServer, box: Box, adapter: SlackAdapter, ada: str, general: str
) -> None:
    box.page = PANEL
    box.press_reply = lambda pressed: SURE
    slack.slash(ada, general)
    modal = await slack.wait_for(lambda: slack.modal(ada))
    ids = [e["action_id"] for e in modal["blocks"][-1]["elements"]]
    slack.click_in_view(ada, modal["id"], ids[0])
    on_top = await slack.wait_for(
        lambda: (top := slack.modal(ada)) and top["id"] != modal["id"] and top
    )

    assert modal["title"]["text"] == "Curbside"
    assert on_top["title"]["text"] == "Forget me"


async def test_buttons_of_others_and_odd_payloads_are_acknowledged(
    slack: SlackServer, box: Box, answer: tuple[str, str], ada: str
) -> None:
    channel, ts = answer
    slack.click(ada, channel, ts, "somebody-elses")
    slack.click(ada, channel, ts, "curbside:nonsense")
    odd = slack.payloads.block_actions(
        slack.workspace.user(ada), slack.workspace.message(channel, ts), {}, ""
    ) | {"actions": [], "message": None}
    slack.sockets.background(slack.sockets.deliver("interactive", odd))
    await slack.settled()
    await asyncio.sleep(0.05)

    assert box.presses == []
    assert slack.unanswered == []
    assert slack.sockets.lost == []
