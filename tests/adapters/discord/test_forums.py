"""Answers in the posts of a forum, and the tags that say how they stand."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from servers.discord import DiscordServer, Permission

from adapters.discord.adapter import DiscordAdapter
from bot.adapter import Part
from bot.errors import DeliveryImpossible
from bot.model import ConversationId, Delivery, SentPart

Delivering = Callable[..., Delivery]
Opened = Callable[..., Any]


@pytest.fixture
def forum(server: DiscordServer, channel: int) -> int:
    guild = server.state.channel(channel).guild_id
    assert guild is not None
    made = server.add_forum(guild, tags=("Answered", "Solved", "hardware"))
    server.allow(made, Permission.MANAGE_THREADS)
    return made


@pytest.fixture
def post(server: DiscordServer, forum: int, ana: int) -> int:
    return server.open_post(ana, forum, "The key", "Where is it?", tags=("hardware",))


def texts(server: DiscordServer, channel: int) -> list[str]:
    return [message.content for message in server.bot_messages(channel)]


async def test_answers_in_the_post(
    server: DiscordServer,
    adapter: DiscordAdapter,
    forum: int,
    post: int,
    delivering: Delivering,
    opened: Opened,
) -> None:
    what = delivering(forum, post, post)
    assert not adapter.solvable(what.conversation)
    await adapter.working(what, "searching")
    first = await adapter.post(what, 0, Part("In the box."))
    what = what.with_part(SentPart(0, first))
    second = await adapter.post(what, 1, Part("And more."))

    assert texts(server, post) == ["In the box.", "And more."]
    assert not server.sent("POST", "/threads$")
    assert adapter.solvable(what.conversation)
    assert server.rest.typing == [post]
    server.advance(600)
    async with opened() as restarted:
        assert await restarted.find(delivering(forum, post, post), 0) == first
        assert await restarted.find(what, 1) == second


async def test_an_answered_post_is_tagged(
    server: DiscordServer, opened: Opened, forum: int, post: int, delivering: Delivering
) -> None:
    async with opened(answered_tag="answered") as adapter:
        await adapter.post(delivering(forum, post, post), 0, Part("In the box."))

    assert server.tags(post) == ["hardware", "Answered"]


async def test_a_tag_that_may_not_be_put_on_costs_no_answer(
    server: DiscordServer,
    opened: Opened,
    forum: int,
    post: int,
    delivering: Delivering,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.allow(forum)
    async with opened(answered_tag="answered") as adapter:
        await adapter.post(delivering(forum, post, post), 0, Part("In the box."))
    async with opened(answered_tag="no such tag") as adapter:
        await adapter.post(delivering(forum, post, post), 1, Part("More."))

        await adapter.solved(delivering(forum, post, post))
        health = await adapter.health()

    assert texts(server, post) == ["In the box.", "More."]
    assert server.tags(post) == ["hardware"]
    assert "Manage Threads" in caplog.text
    assert "Manage Threads" in " ".join(health.problems)


async def test_a_solved_post_is_tagged_and_closed(
    server: DiscordServer, opened: Opened, forum: int, post: int, delivering: Delivering
) -> None:
    what = delivering(forum, post, post)
    async with opened() as adapter:
        for _ in range(2):
            await adapter.solved(what)
        assert server.tags(post) == ["hardware", "Solved"]
        assert not server.state.channel(post).archived
    async with opened(close_solved=True) as adapter:
        await adapter.solved(what)

    assert server.state.channel(post).archived
    assert server.tags(post) == ["hardware", "Solved"]


async def test_elsewhere_nothing_is_tagged(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    asked = server.say(ana, channel, "?", mention_bot=True)
    what = delivering(channel, asked, asked)
    await adapter.post(what, 0, Part("hi"))
    await adapter.solved(what)

    assert not adapter.solvable(what.conversation)
    assert not server.sent("PATCH", "/channels/[0-9]+$")


async def test_a_locked_post_names_the_fix(
    server: DiscordServer,
    adapter: DiscordAdapter,
    forum: int,
    post: int,
    delivering: Delivering,
) -> None:
    server.allow(forum)
    server.archive(post, locked=True)

    with pytest.raises(DeliveryImpossible, match="moderator must unlock"):
        await adapter.post(delivering(forum, post, post), 0, Part("hi"))


async def test_announcements_are_posted_once_and_edited(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    opened: Opened,
) -> None:
    """They answer nothing, so nothing but their mark tells them apart for ever."""
    guild = str(server.state.channel(channel).guild_id)
    place = ConversationId("discord", guild, str(channel))

    def announcing(name: str) -> Delivery:
        begun = datetime.fromtimestamp(server.clock.now(), UTC)
        return Delivery(name, place, (), "", parts=(SentPart(0),), begun_at=begun)

    one, two, never = (announcing(name) for name in ("one", "two", "never"))
    first = await adapter.post(one, 0, Part("A call."))
    second = await adapter.post(two, 0, Part("Another call."))
    two = two.with_part(SentPart(0, second))
    more = await adapter.post(two, 1, Part("With more."))
    server.advance(1200)

    async with opened() as restarted:
        assert await restarted.find(one, 0) == first
        assert await restarted.find(announcing("never"), 0) is None
        assert await restarted.find(never, 0) is None
        assert await restarted.find(two, 1) == more
        one = one.with_part(SentPart(0, first))
        await restarted.edit(one, first, Part("A call, taken."))
    assert texts(server, channel) == ["A call, taken.", "Another call.", "With more."]


async def test_links_open_the_message(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    forum: int,
    post: int,
    delivering: Delivering,
) -> None:
    guild = server.state.channel(channel).guild_id
    asked = delivering(channel, 5, 5).conversation
    private = ConversationId("discord", "dm", "7")
    await adapter.post(delivering(forum, post, post), 0, Part("hi"))
    there = delivering(forum, post, post).conversation

    start = "https://discord.com/channels"
    assert adapter.link(asked, "5") == f"{start}/{guild}/{channel}/5"
    assert adapter.link(asked, "6") == f"{start}/{guild}/5/6"
    assert adapter.link(private, "8") == f"{start}/@me/7/8"
    assert adapter.link(there, str(post)) == f"{start}/{guild}/{post}/{post}"
