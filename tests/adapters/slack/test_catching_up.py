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


async def caught_up(slack: SlackServer, box: Box, times: int = 1) -> None:
    """The channels were asked for so often, and it was noted that all was read."""

    def noted() -> bool:
        asked = [c.time for c in slack.calls if c.method == "users.conversations"]
        record = box.records.kept.get(("cursor", f"slack:{TEAM}"))
        return (
            len(asked) == times
            and record is not None
            and record.data["listened"] > asked[-1]
        )

    await slack.wait_for(noted, timeout=10)


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
        await caught_up(slack, box)

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
        await caught_up(slack, box)
        slack.sockets.drop()
        slack.say(ada, general, "said before", thread=root)
        await adapter.post(Delivery("a1", place, (), root), 0, rendered(adapter, "42"))
        slack.say(ada, general, "said after", thread=root)
        await caught_up(slack, box, times=2)

    assert box.texts() == ["said after"]


async def test_while_one_connection_stays_nothing_is_missed(
    slack: SlackServer, listening: Listening, catching: SlackSettings, box: Box
) -> None:
    catching.connections = 2

    async with listening():
        await caught_up(slack, box)
        slack.sockets.connections[0].transport.abort()
        await slack.wait_for(lambda: slack.sockets.opened == 3)
        await asyncio.sleep(0.3)
        await caught_up(slack, box)
        slack.drop_socket()
        await caught_up(slack, box, times=2)


@pytest.mark.usefixtures("catching")
async def test_what_was_heard_already_is_the_same_event(
    slack: SlackServer, listening: Listening, box: Box, ada: str
) -> None:
    async with listening():
        slack.say(ada, slack.open_im(ada), "hello")
        await slack.settled()
        await caught_up(slack, box)

    assert box.handed_in == 2
    assert box.texts() == ["hello"]


async def test_what_is_too_old_to_be_answered_is_listed(
    slack: SlackServer,
    listening: Listening,
    catching: SlackSettings,
    box: Box,
    ada: str,
    general: str,
) -> None:
    async with listening():
        slack.say(ada, general, "heard", mention_bot=True)
        await caught_up(slack, box)
    catching.catch_up_minutes = 0.2 / 60
    question = slack.say(ada, general, "asked in the night", mention_bot=True)
    slack.say(ada, general, "said among us")
    await asyncio.sleep(0.5)

    async with listening():
        await caught_up(slack, box, times=2)
    async with listening():
        await caught_up(slack, box, times=3)

    listed = await box.records.newest("missed")
    assert box.texts() == ["heard"]
    assert [record.data["question"] for record in listed] == ["asked in the night"]
    assert listed[0].data["place"] == str(
        ConversationId("slack", TEAM, general, question)
    )
    assert listed[0].data["url"].startswith("https://")


@pytest.mark.usefixtures("catching")
async def test_a_limited_app_reads_private_messages_alone_and_says_so(
    slack: SlackServer,
    listening: Listening,
    box: Box,
    ada: str,
    general: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    im = slack.open_im(ada)
    for number in range(20):
        slack.say(ada, im, f"{number}")
    slack.say(ada, general, "in the channel", mention_bot=True)
    slack.limits.limited_history = True

    async with listening():
        await caught_up(slack, box)

    methods = [call.method for call in slack.calls]
    assert box.texts() == [f"{number}" for number in range(5, 20)]
    assert methods.count("conversations.history") == 1
    assert "distributed outside the Marketplace" in caplog.text


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
        await caught_up(slack, box)

    assert box.texts() == []


@pytest.mark.usefixtures("catching")
async def test_a_limit_is_waited_for_and_a_closed_channel_passed_over(
    slack: SlackServer, listening: Listening, box: Box, ada: str, general: str
) -> None:
    slack.say(ada, slack.add_channel("second"), "hello", mention_bot=True)
    slack.fail("users.conversations", kind="ratelimited", retry_after=1)
    slack.fail("conversations.history", kind="error:missing_scope")

    async with listening():
        await caught_up(slack, box, times=2)

    assert box.texts() == ["hello"]


@pytest.mark.usefixtures("catching")
async def test_a_state_that_is_away_ends_the_catching_up(
    slack: SlackServer, listening: Listening, box: Box, ada: str
) -> None:
    slack.say(ada, slack.open_im(ada), "hello")
    box.broken = 1

    async with listening():
        await slack.wait_for(lambda: box.handed_in)
        slack.say(ada, slack.open_im(ada), "again")
        await slack.settled()

    assert box.texts() == ["again"]
