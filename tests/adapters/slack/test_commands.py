"""`/curbside` on a local Slack."""

import pytest
from servers.intake import Box
from servers.slack import SlackServer

from adapters.slack import commands
from adapters.slack.adapter import SlackAdapter
from bot.model import ConversationId, Said
from bot.words import say

pytest_plugins = ("servers.slack.fixtures",)

TEAM = "T00000001"


async def test_a_command_is_answered_to_its_author_alone(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    box.replies["status"] = "**All** is well"

    slack.slash(ada, general, "/curbside", "status")
    (seen,) = await slack.wait_for(lambda: slack.ephemerals)

    assert seen["text"] == "*All* is well"
    assert seen["user"] == ada
    assert box.commands[0].author.is_admin
    assert box.commands[0].conversation == ConversationId("slack", TEAM, general)
    assert slack.bot_messages() == []


async def test_a_question_by_command_in_a_shared_channel_is_a_guests(
    slack: SlackServer,
    adapter: SlackAdapter,
    box: Box,
    ada: str,
    general: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    channel = slack.payloads.channel
    shared = {"is_ext_shared": True}
    monkeypatch.setattr(slack.payloads, "channel", lambda c: channel(c) | shared)

    slack.slash(ada, general, "/curbside", "what does staff know?")
    await slack.wait_for(lambda: box.of(Said))

    assert box.of(Said)[0].message.guests


async def test_a_slow_command_is_answered_later(
    slack: SlackServer,
    adapter: SlackAdapter,
    box: Box,
    ada: str,
    general: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commands, "ACK_SECONDS", 0.05)
    box.replies["status"], box.slowness = "well", 0.2

    slack.slash(ada, general, "/curbside", "status")
    (seen,) = await slack.wait_for(lambda: slack.ephemerals)

    assert seen["text"] == "well"
    assert slack.sockets.delivered[0].answer is None


async def test_a_question_by_command_gets_a_thread(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    slack.slash(ada, general, "/curbside", "what is <!channel> &lt;!here&gt;?")
    (root,) = await slack.wait_for(slack.bot_messages)
    await slack.settled()
    slack.say(ada, general, "and why?", thread=root["ts"])
    await slack.settled()

    assert root["text"] == f"<@{ada}> asks: what is @\u2060channel &lt;!here&gt;?"
    first, second = box.of(Said)
    assert first.message.text == "what is @channel <!here>?"
    assert first.conversation.thread == root["ts"]
    assert second.conversation == first.conversation
    assert slack.ephemerals == []


async def test_a_question_by_command_where_we_may_not_write(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str
) -> None:
    elsewhere = slack.add_channel("elsewhere", with_bot=False)

    slack.slash(ada, elsewhere, "/curbside", "what is it?")
    (seen,) = await slack.wait_for(lambda: slack.ephemerals)

    assert "/invite" in seen["text"]
    assert box.handed_in == 0


async def test_a_question_by_command_that_cannot_be_stored(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    box.broken = 1

    slack.slash(ada, general, "/curbside", "what is it?")
    (seen,) = await slack.wait_for(lambda: slack.ephemerals)

    assert seen["text"] == say("not_done")
    assert slack.bot_messages() == []


async def test_stop_by_command_says_where_to_stop(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str, general: str
) -> None:
    slack.slash(ada, general, "/curbside", "stop")
    (seen,) = await slack.wait_for(lambda: slack.ephemerals)

    assert "thread" in seen["text"]
    assert box.handed_in == 0
