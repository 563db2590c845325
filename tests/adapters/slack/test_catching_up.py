"""What was said to a Slack app that was not there."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from servers.intake import Box
from servers.slack import SlackServer

from adapters.slack.adapter import SlackAdapter
from adapters.slack.settings import SlackSettings
from bot.adapter import Part
from bot.model import Answer, ConversationId, Delivery, Said

pytest_plugins = ("servers.slack.fixtures",)


def rendered(adapter: SlackAdapter, text: str) -> Part:
    return adapter.render(Answer(text, complete=True))[0]


Listening = Callable[[], AbstractAsyncContextManager[SlackAdapter]]
TEAM = "T00000001"


@pytest.fixture
def catching(settings: SlackSettings, slack: SlackServer) -> SlackSettings:
    settings.catch_up_minutes = 15
    slack.sockets.retry_delays = ()
    return settings


async def caught_up(slack: SlackServer, times: int = 1) -> None:
    """The channels were asked for, and then nothing for a while."""

    def asked() -> bool:
        methods = [call.method for call in slack.calls]
        return methods.count("users.conversations") == times

    await slack.wait_for(asked)
    before = -1
    while before != (before := len(slack.calls)):
        await asyncio.sleep(0.1)


@pytest.mark.usefixtures("catching")
async def test_what_was_said_meanwhile_is_heard(
    slack: SlackServer, listening: Listening, box: Box, ada: str, general: str
) -> None:
    im, bob = slack.open_im(ada), slack.add_user("bob")
    slack.say(ada, im, "in private")
    root = slack.say(ada, general, "in the channel", mention_bot=True)
    slack.say(ada, general, "among us")
    other = slack.say(bob, general, "in another thread")
    slack.say(bob, general, "without a name", thread=other)
    slack.say(bob, general, "by name", thread=other, mention_bot=True)
    await slack.wait_for(lambda: len(slack.sockets.lost) == 8)

    async with listening():
        await caught_up(slack)

    assert sorted(box.texts()) == ["by name", "in private", "in the channel"]
    said = {event.message.text: event.conversation for event in box.of(Said)}
    assert said["in the channel"] == ConversationId("slack", TEAM, general, root)
    assert said["by name"].thread == other
    assert said["in private"].channel == im


@pytest.mark.usefixtures("catching")
async def test_a_follow_up_counts_only_after_our_answer(
    slack: SlackServer, listening: Listening, box: Box, ada: str, general: str
) -> None:
    async with listening() as adapter:
        root = slack.say(ada, general, "look at this")
        place = ConversationId("slack", TEAM, general, root)
        box.ours.add(place)
        await caught_up(slack)
        slack.sockets.drop()
        slack.say(ada, general, "said before", thread=root)
        await adapter.post(Delivery("a1", place, (), root), 0, rendered(adapter, "42"))
        slack.say(ada, general, "said after", thread=root)
        await caught_up(slack, times=2)

    assert box.texts() == ["said after"]


async def test_while_one_connection_stays_nothing_is_missed(
    slack: SlackServer, listening: Listening, catching: SlackSettings
) -> None:
    catching.connections = 2

    async with listening():
        await caught_up(slack)
        slack.sockets.connections[0].transport.abort()
        await slack.wait_for(lambda: slack.sockets.opened == 3)
        await asyncio.sleep(0.3)
        await caught_up(slack)
        slack.drop_socket()
        await caught_up(slack, times=2)


@pytest.mark.usefixtures("catching")
async def test_what_was_heard_already_is_the_same_event(
    slack: SlackServer, listening: Listening, box: Box, ada: str
) -> None:
    async with listening():
        slack.say(ada, slack.open_im(ada), "hello")
        await slack.settled()
        await caught_up(slack)

    assert box.handed_in == 2
    assert box.texts() == ["hello"]


async def test_old_messages_are_let_rest(
    slack: SlackServer,
    listening: Listening,
    catching: SlackSettings,
    box: Box,
    ada: str,
) -> None:
    catching.catch_up_minutes = 0.2 / 60
    slack.say(ada, slack.open_im(ada), "long ago")
    await asyncio.sleep(0.5)

    async with listening():
        await caught_up(slack)

    assert box.texts() == []


@pytest.mark.usefixtures("catching")
async def test_a_limit_is_waited_for_and_a_closed_channel_passed_over(
    slack: SlackServer, listening: Listening, box: Box, ada: str, general: str
) -> None:
    slack.say(ada, slack.add_channel("second"), "hello", mention_bot=True)
    slack.fail("users.conversations", kind="ratelimited", retry_after=1)
    slack.fail("conversations.history", kind="error:missing_scope")

    async with listening():
        await caught_up(slack, times=2)

    assert box.texts() == ["hello"]


@pytest.mark.usefixtures("catching")
async def test_a_state_that_is_away_ends_the_catching_up(
    slack: SlackServer, listening: Listening, box: Box, ada: str
) -> None:
    slack.say(ada, slack.open_im(ada), "hello")
    box.broken = 1

    async with listening():
        await caught_up(slack)
        slack.say(ada, slack.open_im(ada), "again")
        await slack.settled()

    assert box.texts() == ["again"]
