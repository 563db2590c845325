"""Slash commands on a local Discord: questions, commands, suggestions."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from servers.discord import DiscordServer, Permission
from servers.discord.model import Interaction
from servers.intake import Box

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.commands import COMMANDS
from bot.adapter import Part
from bot.errors import DeliveryImpossible, DeliveryUnclear
from bot.model import (
    Action,
    Answer,
    Button,
    Delivery,
    Message,
    Panel,
    PanelSection,
    Said,
    SentPart,
    Stopped,
)

Delivering = Callable[..., Delivery]
Opened = Callable[..., Any]
Listening = Callable[..., Any]


def said(box: Box) -> list[Message]:
    return [event.message for event in box.of(Said)]


def texts(server: DiscordServer, channel: int) -> list[str]:
    return [message.content for message in server.bot_messages(channel)]


def reply(server: DiscordServer, interaction: Interaction) -> str:
    """What an interaction is answered with so far; empty while we think."""
    message = server.interaction_reply(interaction.id)
    return message.content if message is not None else ""


async def asked(
    server: DiscordServer, box: Box, user: int, channel: int
) -> tuple[Interaction, Message]:
    """Somebody runs /ask, and it is accepted."""
    interaction = server.slash(user, channel, "ask", question="why?")
    await server.wait_for(lambda: interaction.answered)
    (message,) = said(box)
    return interaction, message


async def test_commands_are_registered_when_they_changed(
    server: DiscordServer, adapter: DiscordAdapter, channel: int, listening: Listening
) -> None:
    for _ in range(2):
        async with listening(adapter):
            pass

    assert len(server.sent("PUT", "/commands$")) == 1
    assert not server.sent("GET", "/commands$")
    names = [command["name"] for command in server.commands]
    assert names[:2] == ["ask", "curbside"]
    ours = {"stop", "reset", "forget-me", "sources", "help"}
    assert ours | {"Ask about this", "Propose for documents"} == set(names[2:])


async def test_commands_are_registered_anew_when_they_are_others(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    listening: Listening,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with listening(adapter):
        await server.wait_for(lambda: server.commands)
    changed = [{**command, "name": "ask"} for command in COMMANDS[:1]]
    changed[0]["description"] = "Something else."
    monkeypatch.setattr("adapters.discord.registering.COMMANDS", changed)
    async with listening(adapter):
        await server.wait_for(lambda: len(server.commands) == 1)

    assert server.commands[0]["description"] == "Something else."


async def test_a_question_by_command_is_answered_in_place(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    box: Box,
) -> None:
    interaction, message = await asked(server, box, ana, channel)
    what = delivering(channel, message)
    assert reply(server, interaction) == ""

    await hearing.working(what, "thinking")
    posted = await hearing.post(what, 0, Part("Because …"))
    what = what.with_part(SentPart(0, posted))
    await hearing.edit(what, posted, Part("Because it is so."))
    more = await hearing.post(what, 1, Part("And more."))

    assert box.texts() == ["why?"]
    assert what.conversation.thread == f"ask-{interaction.id}"
    assert texts(server, channel) == ["Because it is so.", "And more."]
    assert reply(server, interaction) == "Because it is so."
    assert server.rest.typing == []
    assert more == str(server.bot_messages(channel)[1].id)
    assert all(
        call.body["allowed_mentions"] == {"parse": []}
        for call in server.sent("PATCH", "@original")
    )


async def test_long_answers_to_several_commands_are_told_apart(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    opened: Opened,
    box: Box,
) -> None:
    for _ in range(2):
        server.slash(ana, channel, "ask", question="why?")
    await server.wait_for(lambda: len(said(box)) == 2)
    one, two = (delivering(channel, message) for message in said(box))
    one = one.with_part(SentPart(0, await hearing.post(one, 0, Part("One."))))
    two = two.with_part(SentPart(0, await hearing.post(two, 0, Part("Two."))))
    more_of_two = await hearing.post(two, 1, Part("More of two."))

    server.advance(600)
    async with opened() as restarted:
        assert await restarted.find(one, 1) is None
        assert await restarted.find(two, 1) == more_of_two
        begun = two.with_part(SentPart(1, more_of_two))
        assert await restarted.find(begun, 2) is None


async def test_a_command_whose_time_is_over_is_answered_by_a_message(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    box: Box,
) -> None:
    _, message = await asked(server, box, ana, channel)
    what = delivering(channel, message)
    server.advance(16 * 60)

    server.fail("POST", "/messages$", kind="drop_after", times=2)
    with pytest.raises(DeliveryUnclear):
        await hearing.post(what, 0, Part("Because."))
    found = await hearing.find(what, 0)
    assert found is not None
    await hearing.edit(what.with_part(SentPart(0, found)), found, Part("So."))

    thinking, answer = server.bot_messages(channel)
    assert answer.content == "So."
    assert answer.reference is not None
    assert answer.reference["message_id"] == str(thinking.id)
    assert not server.sent("PATCH", "@original")


async def test_an_answer_is_finished_after_its_token_is_over(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    opened: Opened,
    box: Box,
) -> None:
    _, message = await asked(server, box, ana, channel)
    what = delivering(channel, message)
    posted = await hearing.post(what, 0, Part("Because …"))
    server.advance(16 * 60)

    async with opened() as restarted:
        assert await restarted.find(what, 0) == posted
        done = what.with_part(SentPart(0, posted))
        await restarted.edit(done, posted, Part("Because."))

    assert texts(server, channel) == ["Because."]


async def test_a_worker_may_be_quicker_than_the_first_sign(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    box: Box,
    delivering: Delivering,
) -> None:
    server.fail("POST", "/callback$", kind="slow", seconds=0.6)
    interaction = server.slash(ana, channel, "ask", question="why?")
    (message,) = await server.wait_for(lambda: said(box))
    what = delivering(channel, message)

    await hearing.post(what, 0, Part("Because."))

    assert texts(server, channel) == ["Because."]
    assert reply(server, interaction) == "Because."


async def test_a_command_that_got_no_first_sign_is_answered_all_the_same(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    box: Box,
    delivering: Delivering,
) -> None:
    """As after a crash between storing the question and saying so."""
    server.fail("POST", "/callback$", kind="error:10062", times=2)
    server.slash(ana, channel, "ask", question="why?")
    (message,) = await server.wait_for(lambda: said(box))
    what = delivering(channel, message)
    server.advance(5)

    posted = await hearing.post(what, 0, Part("Because …"))
    done = what.with_part(SentPart(0, posted))
    await hearing.edit(done, posted, Part("Because."))

    assert texts(server, channel) == ["Because."]
    # It is looked at twice, and not again for the edit.
    assert len(server.sent("PATCH", "@original")) == 2


async def test_what_got_no_first_sign_is_found_by_its_mark(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    opened: Opened,
    box: Box,
) -> None:
    server.fail("POST", "/callback$", kind="error:10062", times=9)
    for _ in range(3):
        server.slash(ana, channel, "ask", question="why?")
    await server.wait_for(lambda: len(said(box)) == 3)
    one, two, three = (delivering(channel, message) for message in said(box))
    server.advance(5)
    first = await hearing.post(one, 0, Part("One."))
    second = await hearing.post(two, 0, Part("Two."))
    await hearing.edit(two.with_part(SentPart(0, second)), second, Part("Two!"))

    server.advance(20 * 60)
    async with opened() as restarted:
        assert await restarted.find(two, 0) == second
        assert await restarted.find(one, 0) == first
        assert await restarted.find(three, 0) is None
    assert texts(server, channel) == ["One.", "Two!"]


async def test_a_lost_first_sign_is_given_again(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int
) -> None:
    server.fail("POST", "/callback$", kind="drop_after")
    interaction = server.slash(ana, channel, "ask", question="why?")

    await server.wait_for(lambda: len(server.sent("POST", "/callback$")) == 2)

    assert interaction.answered
    assert server.sent("POST", "/callback$")[1].status in (0, 400)


async def test_a_question_that_cannot_be_stored_says_so(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    box.broken = 1
    interaction = server.slash(ana, channel, "ask", question="why?")

    said = await server.wait_for(lambda: reply(server, interaction))

    assert "try again" in said
    assert texts(server, channel) == []


async def test_a_reply_to_a_commands_answer_goes_on_with_it(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    box: Box,
) -> None:
    _, message = await asked(server, box, ana, channel)
    what = delivering(channel, message)
    posted = await hearing.post(what, 0, Part("Because."))

    further = server.say(ana, channel, "why that?", reply_to=int(posted))
    await server.wait_for(lambda: len(box.events) == 2)
    message = said(box)[1]
    await hearing.post(
        replace(what, question_id=message.id, answer_id="x", reply_token=""),
        0,
        Part("So it is."),
    )

    assert message.conversation == what.conversation
    answer = server.bot_messages(channel)[-1]
    assert answer.reference is not None
    assert answer.reference["message_id"] == str(further)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("curbside backends", "backends"),
        ("curbside whoami", "whoami"),
        ("reset", "reset"),
    ],
)
async def test_commands_are_carried_out_at_once(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    command: str,
    words: str,
    box: Box,
) -> None:
    server.grant(ana)
    box.replies[words] = "It is **done**, @everyone."
    interaction = server.slash(ana, channel, command)
    answer = await server.wait_for(lambda: reply(server, interaction))

    (message,) = box.commands
    assert message.text == words
    assert message.author.is_admin
    assert message.conversation.thread == ""
    # Only its author gets to see the reply.
    assert answer == "It is **done**, @\u200beveryone."
    assert texts(server, channel) == []


async def test_a_long_reply_comes_in_parts(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    box.replies["reset"] = "many words " * 300
    interaction = server.slash(ana, channel, "reset")
    await server.wait_for(lambda: len(interaction.message_ids) == 2)

    assert all(len(server.message(i).content) <= 2000 for i in interaction.message_ids)
    assert not box.commands[0].author.is_admin


async def test_a_command_that_fails_says_so(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    box.broken = 1
    interaction = server.slash(ana, channel, "reset")

    await server.wait_for(
        lambda: (
            "try again"
            in getattr(server.interaction_reply(interaction.id), "content", "")
        )
    )


async def test_stop_ends_the_answer_of_the_thread(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    thread = server.thread(ana, server.say(ana, channel, "topic"))
    here = server.slash(ana, channel, "stop")
    there = server.slash(ana, thread, "stop")
    await server.wait_for(lambda: reply(server, here) and reply(server, there))

    (stopped,) = box.of(Stopped)
    assert stopped.conversation.thread == str(thread)
    assert "in the thread" in reply(server, here)


async def test_backends_are_suggested(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int
) -> None:
    server.grant(ana)
    server.suggest(ana, channel, "curbside use", backend="vo")
    (call,) = await server.wait_for(lambda: server.sent("POST", "/callback$"))

    assert call.body["data"]["choices"] == [{"name": "voice", "value": "voice"}]


async def test_places_are_suggested(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int
) -> None:
    server.grant(ana)
    typed = server.suggest(ana, channel, "curbside use", backend="voice", where="gen")
    everything = server.suggest(ana, channel, "curbside use", backend="v", where="")
    await server.wait_for(lambda: typed.choices and everything.choices)

    assert typed.choices == [{"name": "#general", "value": str(channel)}]
    names = [choice["name"] for choice in everything.choices]
    assert names[0] == "This channel"
    assert "#general" in names


@pytest.mark.parametrize(
    ("command", "options", "words"),
    [
        ("forget-me", {}, "forget-me"),
        ("curbside undo", {}, "undo"),
        ("curbside use", {"backend": "handbook"}, "use handbook"),
        (
            "curbside share",
            {"backend": "voice", "where": "server", "percent": 20},
            "use voice server --share 20",
        ),
    ],
)
async def test_what_changes_something_is_confirmed_first(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    command: str,
    options: dict[str, Any],
    words: str,
    box: Box,
) -> None:
    server.grant(ana)
    box.replies[words] = "It is done."
    interaction = server.slash(ana, channel, command, **options)
    await server.wait_for(lambda: reply(server, interaction))
    asked = server.interaction_reply(interaction.id)
    assert asked is not None
    assert asked.ephemeral
    assert words in asked.content
    assert box.commands == []

    yes, no = (one["custom_id"] for one in asked.components[0]["components"])
    presses = [server.click(ana, asked.id, yes) for _ in range(2)]
    await server.wait_for(lambda: all(reply(server, it) for it in presses))
    await server.wait_for(lambda: asked.content == "It is done.")

    # Pressed twice it is one command: the core knows it by its id.
    assert [message.text for message in box.commands] == [words, words]
    assert {message.id for message in box.commands} == {str(interaction.id)}
    assert box.commands[0].author.is_admin
    assert texts(server, channel) == []
    assert no == "curbside-cancel"


async def test_what_is_not_confirmed_is_not_done(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    interaction = server.slash(ana, channel, "forget-me")
    await server.wait_for(lambda: reply(server, interaction))
    asked = server.interaction_reply(interaction.id)
    assert asked is not None
    server.click(ana, asked.id, "curbside-cancel")
    await server.wait_for(lambda: "Nothing was changed" in asked.content)

    assert asked.components == []
    assert box.commands == []


async def test_a_switch_can_be_meant_for_another_channel(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    server.grant(ana)
    guild = server.state.channel(channel).guild_id
    assert guild is not None
    other = server.add_forum(guild, "help")
    box.replies["use voice"] = "Switched."
    interaction = server.slash(
        ana, channel, "curbside use", backend="voice", where=str(other)
    )
    await server.wait_for(lambda: reply(server, interaction))
    asked = server.interaction_reply(interaction.id)
    assert asked is not None
    server.click(ana, asked.id, asked.components[0]["components"][0]["custom_id"])
    await server.wait_for(lambda: box.commands)
    wrong = server.slash(ana, channel, "curbside use", backend="voice", where="nowhere")
    await server.wait_for(lambda: reply(server, wrong))

    (message,) = box.commands
    assert message.conversation.channel == str(other)
    assert "nowhere" in reply(server, wrong)
    assert "suggested" in reply(server, wrong)


async def test_a_name_too_long_for_a_button_is_refused(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int
) -> None:
    server.grant(ana)
    long = server.slash(ana, channel, "curbside use", backend="b" * 100)
    await server.wait_for(lambda: reply(server, long))

    assert "too long" in reply(server, long)
    assert "in a message" in reply(server, long)


async def test_help_is_a_page_with_buttons(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    numbers = ["0", "1", "2", "3", "4", "5", "0"]
    buttons = [Button(Action.RESET, "Reset", number) for number in numbers]
    box.page = Panel(
        "Curbside",
        tuple(PanelSection("Part", "word " * 300, (button,)) for button in buttons),
    )
    interaction = server.slash(ana, channel, "help")
    await server.wait_for(lambda: len(interaction.message_ids) == 4)
    pages = [server.message(id_) for id_ in interaction.message_ids]

    assert all(page.ephemeral and page.v2 for page in pages)
    shown = [part for page in pages for part in page.components[0]["components"]]
    assert shown[0]["content"] == "## Curbside"
    rows = [part["components"] for part in shown if part["type"] == 1]
    pressed = [one["custom_id"] for row in rows for one in row]
    assert pressed == [f"curbside:reset:{n}" for n in range(6)]


async def test_a_button_of_a_page_asks_its_own_question(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    button = Button(Action.RESET, "Reset", "1", confirm="Forget all of this?")
    box.page = Panel("Curbside", (PanelSection("Memory", "", (button,)),))
    box.press_reply = lambda pressed: "Forgotten."
    interaction = server.slash(ana, channel, "help")
    page = await server.wait_for(lambda: server.interaction_reply(interaction.id))
    await server.wait_for(lambda: page.components)
    pressed = server.click(ana, page.id, "curbside:reset?:1")
    await server.wait_for(lambda: reply(server, pressed))
    question = server.interaction_reply(pressed.id)
    assert question is not None
    assert question.content == "Forget all of this?"
    server.click(ana, question.id, "curbside:reset:1")
    await server.wait_for(lambda: question.content == "Forgotten.")

    # The page stays as it is.
    assert page.v2
    assert page.components


async def test_the_sources_of_the_last_answer(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    box: Box,
) -> None:
    nothing = server.slash(ana, channel, "sources")
    await server.wait_for(lambda: reply(server, nothing))
    what = delivering(channel, server.say(ana, channel, "?"))
    button = Button(Action.SOURCES, "Sources", "a7")
    (part,) = hearing.render(Answer("Because.", buttons=(button,), complete=True))
    posted = await hearing.post(what, 0, part)
    server.say(ana, channel, "thanks")
    box.press_reply = lambda pressed: "Handbook, page 3"
    asked = server.slash(ana, channel, "sources")
    await server.wait_for(lambda: reply(server, asked))

    assert "no answer of mine" in reply(server, nothing)
    assert reply(server, asked) == "Handbook, page 3"
    (pressed,) = box.presses
    assert (pressed.action, pressed.value) == (Action.SOURCES, "a7")
    assert pressed.message_id == posted


async def test_commands_for_one_server_while_working_on_them(
    server: DiscordServer, channel: int, opened: Opened, listening: Listening
) -> None:
    guild = server.state.channel(channel).guild_id
    async with opened(commands_guild=str(guild)) as adapter, listening(adapter):
        await server.wait_for(lambda: server.sent("PUT", f"/guilds/{guild}/commands$"))

    assert server.commands == []


async def test_commands_that_cannot_be_registered_keep_nothing_from_running(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    listening: Listening,
    box: Box,
) -> None:
    server.fail("PUT", "/commands$", kind="error:50001")
    async with listening(adapter):
        server.say(ana, channel, "still there?", mention_bot=True)
        await server.wait_for(lambda: box.texts() == ["still there?"])
        health = await adapter.health()

    assert server.commands == []
    assert "scope=bot+applications.commands" in " ".join(health.problems)


async def test_a_question_for_a_full_box_is_refused_by_itself(
    server: DiscordServer, hearing: DiscordAdapter, ana: int, box: Any
) -> None:
    box.full = True
    interaction = server.slash(ana, server.dm_channel(ana), "ask", question="why?")
    answer = await server.wait_for(lambda: reply(server, interaction))

    assert "in a while" in answer


async def test_a_deleted_answer_of_a_command_stays_deleted(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    box: Box,
) -> None:
    interaction, message = await asked(server, box, ana, channel)
    assert interaction.original_id is not None
    server.delete(interaction.original_id)

    with pytest.raises(DeliveryImpossible, match="deleted"):
        await hearing.post(delivering(channel, message), 0, Part("Because."))


async def test_where_it_cannot_look_it_answers_commands_all_the_same(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    box: Box,
) -> None:
    server.deny(channel, Permission.VIEW_CHANNEL)
    _, message = await asked(server, box, ana, channel)
    what = delivering(channel, message)
    posted = await hearing.post(what, 0, Part("Because …"))
    what = what.with_part(SentPart(0, posted))
    await hearing.edit(what, posted, Part("Because."))
    assert texts(server, channel) == ["Because."]

    await hearing.remove(what, posted)

    assert texts(server, channel) == []
