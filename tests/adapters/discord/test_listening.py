"""What the adapter hears over a real gateway, and that it hears on."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from servers.discord import DiscordServer
from servers.intake import Box

from adapters.discord.adapter import DiscordAdapter
from bot.adapter import Part
from bot.model import ConversationId, Deleted, Delivery, Edited, Message, Rated, Said

Delivering = Callable[..., Delivery]
Opened = Callable[..., Any]
Listening = Callable[..., Any]


def said(box: Box) -> list[Message]:
    return [event.message for event in box.of(Said)]


async def test_hears_mentions_replies_and_direct_messages(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    server.say(ana, channel, "to nobody")
    asked = server.say(ana, channel, "a question", mention_bot=True)
    server.dm(ana, "in private")
    server.say(server.add_user("robot", bot=True), channel, "?", mention_bot=True)
    await server.wait_for(lambda: len(box.events) == 2)

    question, private = said(box)
    assert question.text == "a question"
    assert question.conversation.thread == question.id == str(asked)
    assert private.text == "in private"
    assert private.conversation.workspace == "dm"
    # By default the words of others are not asked for.
    assert not server.gateway.identified[0]["intents"] & (1 << 15)


async def test_hears_follow_ups_in_its_threads(
    server: DiscordServer,
    channel: int,
    ana: int,
    opened: Opened,
    listening: Listening,
    box: Box,
) -> None:
    async with opened(message_content=True) as adapter, listening(adapter):
        thread = server.thread(ana, server.say(ana, channel, "topic"))
        other = server.thread(ana, server.say(ana, channel, "another topic"))
        guild = str(server.state.channel(channel).guild_id)
        ours = ConversationId("discord", guild, str(channel), str(thread))
        box.ours.add(ours)
        server.say(ana, other, "not for us")
        server.say(ana, thread, "and then?")
        await server.wait_for(lambda: said(box))

    assert box.texts() == ["and then?"]
    assert said(box)[0].conversation == ours


async def test_keeps_an_event_until_it_can_be_stored(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    box.broken = 2
    server.say(ana, channel, "one", mention_bot=True)
    server.say(ana, channel, "two", mention_bot=True)
    await server.wait_for(lambda: len(box.events) == 2)

    assert box.texts() == ["one", "two"]


async def test_hears_what_was_said_during_a_short_break(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    server.drop_gateway()
    server.say(ana, channel, "meanwhile", mention_bot=True)
    await server.wait_for(lambda: box.texts() == ["meanwhile"])

    assert len(server.gateway.identified) == 1


async def test_catches_up_after_down_time(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    listening: Listening,
    box: Box,
) -> None:
    boss = server.add_user("boss")
    server.grant(boss)
    thread = server.thread(ana, server.say(ana, channel, "topic"))
    server.say(ana, channel, "to nobody")
    server.say(boss, channel, "while you were away", mention_bot=True)
    server.say(ana, thread, "and here", mention_bot=True)

    async with listening(adapter):
        await server.wait_for(lambda: len(box.events) == 2, timeout=10)
        server.say(ana, channel, "live", mention_bot=True)
        await server.wait_for(lambda: len(box.events) == 3)

    away = next(m for m in said(box) if m.text == "while you were away")
    assert away.author.is_admin
    assert {"and here", "live"} < set(box.texts())


async def test_in_a_busy_channel_the_newest_are_caught_up_with(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    listening: Listening,
    box: Box,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapters.discord.catching_up.MOST", 150)
    for number in range(300):
        server.say(ana, channel, f"{number}", mention_bot=number % 100 == 99)

    async with listening(adapter):
        await server.wait_for(lambda: len(box.events) == 2, timeout=10)

    assert box.texts() == ["199", "299"]


async def test_what_was_heard_is_not_caught_up_with_again(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    server.say(ana, channel, "heard", mention_bot=True)
    await server.wait_for(lambda: said(box))

    server.drop_gateway(resumable=False)
    server.say(ana, channel, "missed", mention_bot=True)
    server.dm(ana, "missed in private")
    await server.wait_for(lambda: len(box.events) >= 2, timeout=15)

    assert box.texts() == ["heard", "missed"]


async def test_hears_edits_of_the_text_only(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    asked = server.say(ana, channel, "one", mention_bot=True)
    await server.wait_for(lambda: said(box))
    server.unfurl(asked)
    server.thread(ana, asked)
    server.edit(asked, f"<@{server.bot_id}> two")
    server.unfurl(asked)
    server.say(ana, channel, "the end", mention_bot=True)
    await server.wait_for(lambda: "the end" in box.texts())

    (edited,) = box.of(Edited)
    assert edited.message.text == "two"
    assert edited.message.conversation == said(box)[0].conversation


async def test_a_mention_put_in_later_is_a_question(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    asked = server.say(ana, channel, "what is this?")
    server.edit(asked, f"<@{server.bot_id}> what is this?")
    await server.wait_for(lambda: said(box))

    assert box.texts() == ["what is this?"]
    assert len(box.events) == 1


async def test_hears_deletes_of_what_it_heard_or_answered(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    box: Box,
) -> None:
    asked = server.say(ana, channel, "one", mention_bot=True)
    await server.wait_for(lambda: said(box))
    conversation = said(box)[0].conversation
    server.say(ana, channel, "to nobody")
    answered = await hearing.post(delivering(channel, asked, asked), 0, Part("hi"))
    box.ours.add(conversation)

    server.delete(server.messages(channel)[-1].id)
    server.delete(int(answered))
    server.delete(asked)
    await server.wait_for(lambda: len(box.events) == 3)

    assert list(box.events.values())[1:] == [
        Deleted(conversation, answered),
        Deleted(conversation, str(asked)),
    ]


async def test_what_it_removes_itself_is_no_wish_of_a_person(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    box: Box,
) -> None:
    asked = server.say(ana, channel, "one", mention_bot=True)
    what = delivering(channel, asked, asked)
    box.ours.add(what.conversation)
    posted = await hearing.post(what, 0, Part("hi"))
    await hearing.remove(what, posted)
    server.say(ana, channel, "the end", mention_bot=True)
    await server.wait_for(lambda: "the end" in box.texts())

    assert not box.of(Deleted)


async def test_reactions_rate_its_answers(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    box: Box,
) -> None:
    asked = server.say(ana, channel, "one", mention_bot=True)
    what = delivering(channel, asked, asked)
    posted = int(await hearing.post(what, 0, Part("hi")))
    server.react(ana, asked, "👍")
    server.react(ana, posted, "🎉")
    server.react(ana, posted, "👍🏽")
    server.react(ana, posted, "👍🏽", remove=True)
    server.react(ana, posted, "👎")
    server.archive(asked)
    server.react(ana, posted, "❌")
    await server.wait_for(lambda: len(box.events) == 5)

    rated = box.of(Rated)
    assert [event.verdict for event in rated] == ["good", "none", "bad", "bad"]
    assert {event.message_id for event in rated} == {str(posted)}
    assert {event.conversation for event in rated} == {what.conversation}
    assert {event.author.id for event in rated} == {str(ana)}


async def test_an_event_that_cannot_be_read_ends_nothing(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    server.tell("MESSAGE_REACTION_ADD", {"broken": True})
    server.say(ana, channel, "still there?", mention_bot=True)

    await server.wait_for(lambda: box.texts() == ["still there?"])
    assert len(server.gateway.identified) == 1


async def test_a_connection_that_is_closed_is_made_again(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    server.gateway.close(4012)
    await server.wait_for(lambda: len(server.gateway.identified) == 2, timeout=10)
    await server.wait_for(lambda: server.gateway.connected)
    server.say(ana, channel, "still there?", mention_bot=True)

    await server.wait_for(lambda: box.texts() == ["still there?"])


async def test_hears_deletes_by_moderators(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    asked = [server.say(ana, channel, str(n), mention_bot=True) for n in range(2)]
    await server.wait_for(lambda: len(said(box)) == 2)

    server.purge(channel, *asked)
    await server.wait_for(lambda: len(box.of(Deleted)) == 2)

    assert [event.message_id for event in box.of(Deleted)] == [str(id) for id in asked]


async def test_a_thread_that_it_does_not_know_is_looked_up(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    thread = server.thread(ana, server.say(ana, channel, "topic"))
    server.archive(thread)
    server.state.channel(thread).archived = False
    server.fail("GET", f"/channels/{thread}$", kind="drop_before", times=3)
    server.say(ana, thread, "hello?", mention_bot=True)

    (message,) = await server.wait_for(lambda: said(box))

    assert message.conversation.thread == str(thread)
    assert message.conversation.channel == str(channel)


async def test_what_happens_where_it_cannot_look_is_not_for_it(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    thread = server.thread(ana, server.say(ana, channel, "topic"))
    sent = server.say(server.bot_id, thread, "an answer")
    server.archive(thread)
    server.fail("GET", f"/channels/{thread}$", kind="error:50001", times=2)
    server.react(ana, sent, "👍")
    server.delete(sent)
    server.say(ana, channel, "the end", mention_bot=True)
    await server.wait_for(lambda: box.texts() == ["the end"])

    assert len(box.events) == 1


async def test_edits_of_what_was_never_for_it_are_not_heard(
    server: DiscordServer,
    channel: int,
    ana: int,
    opened: Opened,
    listening: Listening,
    box: Box,
) -> None:
    async with opened(message_content=True) as adapter, listening(adapter):
        thread = server.thread(ana, server.say(ana, channel, "topic"))
        server.edit(server.say(ana, thread, "one"), "two")
        server.edit(server.say(ana, channel, "one"), "two")
        server.say(ana, channel, "the end", mention_bot=True)
        await server.wait_for(lambda: box.texts() == ["the end"])

    assert len(box.events) == 1


async def test_a_channel_that_cannot_be_read_does_not_end_the_catching_up(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    listening: Listening,
    box: Box,
) -> None:
    other = server.add_channel(next(iter(server.state.guilds)), "hidden")
    server.say(ana, other, "one", mention_bot=True)
    server.say(ana, channel, "two", mention_bot=True)
    server.fail("GET", f"/{other}/messages", kind="error:50001")
    server.fail("GET", f"/{channel}/messages", kind="drop_before", times=2)

    async with listening(adapter):
        await server.wait_for(lambda: box.texts() == ["two"], timeout=10)


async def test_catching_up_can_be_switched_off(
    server: DiscordServer,
    channel: int,
    ana: int,
    opened: Opened,
    listening: Listening,
    box: Box,
) -> None:
    server.say(ana, channel, "missed", mention_bot=True)
    async with opened(catch_up_minutes=0) as adapter, listening(adapter):
        await asyncio.sleep(2.3)

    assert box.events == {}
