"""Slash commands on a local Discord: questions, commands, suggestions."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from servers.discord import DiscordServer, Permission
from servers.discord.model import Interaction
from servers.intake import Box

from adapters.discord.adapter import DiscordAdapter
from bot.adapter import Part
from bot.errors import DeliveryImpossible, DeliveryUnclear
from bot.model import Delivery, Message, Said, SentPart, Stopped

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
    names = [command["name"] for command in server.commands]
    assert names == ["ask", "curbside"]


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
    ("command", "options", "words"),
    [
        ("status", {}, "status"),
        ("forget-me", {}, "forget-me"),
        ("use", {"backend": "handbook"}, "use handbook"),
        (
            "use",
            {"backend": "voice", "where": "server", "share": 20},
            "use voice server --share 20",
        ),
    ],
)
async def test_commands_are_carried_out_at_once(
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
    box.replies[words] = "It is **done**, @everyone."
    interaction = server.slash(ana, channel, f"curbside {command}", **options)
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
    box.replies["help"] = "many words " * 300
    interaction = server.slash(ana, channel, "curbside help")
    await server.wait_for(lambda: len(interaction.message_ids) == 2)

    assert all(len(server.message(i).content) <= 2000 for i in interaction.message_ids)
    assert not box.commands[0].author.is_admin


async def test_a_command_that_fails_says_so(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    box.broken = 1
    interaction = server.slash(ana, channel, "curbside status")

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
    here = server.slash(ana, channel, "curbside stop")
    there = server.slash(ana, thread, "curbside stop")
    await server.wait_for(lambda: reply(server, here) and reply(server, there))

    (stopped,) = box.of(Stopped)
    assert stopped.conversation.thread == str(thread)
    assert "in the thread" in reply(server, here)


async def test_backends_are_suggested(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int
) -> None:
    server.suggest(ana, channel, "curbside use", backend="vo")
    (call,) = await server.wait_for(lambda: server.sent("POST", "/callback$"))

    assert call.body["data"]["choices"] == [{"name": "voice", "value": "voice"}]


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

    assert server.commands == []


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
