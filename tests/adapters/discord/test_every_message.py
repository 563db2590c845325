"""Places where every message is a question, and people who answer first."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from servers.discord import DiscordServer
from servers.intake import Box

from adapters.discord.adapter import DiscordAdapter
from bot.model import Edited, Replied, Said

Opened = Callable[..., Any]
Listening = Callable[..., Any]


@pytest.fixture
async def hearing(
    server: DiscordServer, channel: int, opened: Opened, listening: Listening, box: Box
) -> AsyncIterator[DiscordAdapter]:
    """An adapter that may read every message, in a channel where each is for us."""
    box.every.add(str(channel))
    async with opened(message_content=True) as adapter, listening(adapter):
        yield adapter


async def test_every_message_of_a_person_is_handed_in(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    guild = server.state.channel(channel).guild_id
    assert guild is not None
    elsewhere = server.add_channel(guild, "random")
    server.say(ana, elsewhere, "nothing for you")
    server.say(server.add_user("robot", bot=True), channel, "beep")
    server.say(ana, channel, "<@12345> are you there?")
    asked = server.say(ana, channel, "where is the key?")
    named = server.say(ana, channel, "and the lock?", mention_bot=True)
    await server.wait_for(lambda: len(box.of(Said)) == 2)

    first, second = (event.message for event in box.of(Said))
    assert (first.id, first.text, first.direct) == (
        str(asked),
        "where is the key?",
        False,
    )
    assert first.conversation.thread == str(asked)
    assert (second.id, second.direct) == (str(named), True)


async def test_a_person_who_answers_first_is_told_of(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    bo = server.add_user("bo")
    one = server.say(ana, channel, "where is the key?")
    two = server.say(ana, channel, "when do you close?")
    await server.wait_for(lambda: len(box.of(Said)) == 2)
    more = server.say(ana, channel, "the small one", reply_to=one)
    reply = server.say(bo, channel, "in the box", reply_to=one)
    thread = server.thread(bo, two)
    in_thread = server.say(bo, thread, "at six")
    await server.wait_for(lambda: len(box.of(Replied)) == 2)

    by_reply, by_thread = box.of(Replied)
    asked = [event.message for event in box.of(Said)]
    assert [message.id for message in asked] == [str(one), str(two), str(more)]
    assert (by_reply.message_id, by_reply.id) == (str(one), str(reply))
    assert by_reply.conversation == asked[0].conversation
    assert (by_thread.message_id, by_thread.id) == (str(two), str(in_thread))
    assert by_thread.conversation == asked[1].conversation
    assert by_thread.author.id == str(bo)


async def test_an_edit_of_what_was_overheard_is_one(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    asked = server.say(ana, channel, "where is the kay?")
    await server.wait_for(lambda: box.of(Said))
    server.edit(asked, "where is the key?")
    (edited,) = await server.wait_for(lambda: box.of(Edited))

    assert edited.message.text == "where is the key?"
    assert not edited.message.direct


async def test_a_post_in_a_forum_is_asked_with_its_title(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    guild = server.state.channel(channel).guild_id
    assert guild is not None
    forum = server.add_forum(guild, tags=("hardware",))
    box.every.add(str(forum))
    post = server.open_post(ana, forum, "The key", "I cannot find it.")
    await server.wait_for(lambda: box.of(Said))
    server.say(server.add_user("bo"), post, "in the box")
    await server.wait_for(lambda: box.of(Replied))

    (said,) = box.of(Said)
    assert said.message.text == "The key\nI cannot find it."
    assert not said.message.direct
    place = said.conversation
    assert (place.channel, place.thread) == (str(forum), str(post))
    assert box.of(Replied)[0].conversation == place
    assert box.of(Replied)[0].message_id == str(post)


async def test_without_the_intent_what_was_said_to_us_is_all_there_is(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    listening: Listening,
    box: Box,
) -> None:
    box.every.add(str(channel))
    async with listening(adapter):
        server.say(ana, channel, "not seen")
        server.say(ana, channel, "seen", mention_bot=True)
        server.dm(ana, "in private")
        await server.wait_for(lambda: len(box.events) == 2)

    assert box.texts() == ["seen", "in private"]
