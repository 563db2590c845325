"""The adapter against a local Discord: what it renders, sends and finds again."""

from collections.abc import Callable
from typing import Any

import pytest
from servers.discord import DiscordServer, Permission

from adapters.discord.adapter import DiscordAdapter, nonce
from adapters.discord.settings import DiscordSettings
from bot.adapter import Part
from bot.errors import (
    DeliveryError,
    DeliveryImpossible,
    DeliveryLater,
    DeliveryUnclear,
    MessageGone,
)
from bot.model import Answer, Delivery, SentPart, Source

Delivering = Callable[..., Delivery]
Opened = Callable[..., Any]


def texts(server: DiscordServer, channel: int) -> list[str]:
    return [message.content for message in server.bot_messages(channel)]


def test_renders_text_notice_and_sources() -> None:
    adapter = DiscordAdapter(DiscordSettings(token=None))
    source = Source(1, "Handbook", "Keys", url="https://example.org/h")
    answer = Answer("In the *box* [1].", (source,), notice="Old.", complete=True)

    (part,) = adapter.render(answer)

    assert part.text == (
        "In the *box* [1].\n\n_Old._\n\n**Sources**\n"
        "- [1] [Handbook › Keys](<https://example.org/h>)"
    )


def test_a_growing_answer_is_marked_and_split() -> None:
    adapter = DiscordAdapter(DiscordSettings(token=None))

    assert adapter.render(Answer("")) == [Part("…")]
    assert adapter.render(Answer("The key")) == [Part("The key …")]
    parts = adapter.render(Answer("word " * 1000))
    assert len(parts) == 3
    assert all(len(part.text) <= 2000 for part in parts)
    assert [part.text.endswith("…") for part in parts] == [False, False, True]


def test_hidden_characters_do_not_get_through() -> None:
    adapter = DiscordAdapter(DiscordSettings(token=None))

    (part,) = adapter.render(Answer("a\u202eb\u2066c\x00d\ue000e", complete=True))

    assert part.text == "abcde"


async def test_answers_in_the_thread_of_the_question(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    asked = server.say(ana, channel, "where is the key? I looked.", mention_bot=True)
    what = delivering(channel, asked, asked)

    first = await adapter.post(what, 0, Part("In the box."))
    second = await adapter.post(what, 1, Part("And more."))

    assert texts(server, asked) == ["In the box.", "And more."]
    assert [first, second] == [str(m.id) for m in server.bot_messages(asked)]
    assert server.threads(channel)[0].name == "where is the key? I looked."
    assert len(server.sent("POST", "/threads$")) == 1
    sent = server.sent("POST", "/messages$")[0].body
    assert sent["allowed_mentions"] == {"parse": []}
    assert sent["flags"] == 4
    assert sent["enforce_nonce"]
    assert sent["nonce"] == nonce(what.key(0))
    assert len(sent["nonce"]) <= 25


async def test_a_thread_that_is_there_is_used(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    asked = server.say(ana, channel, "?", mention_bot=True)
    server.thread(ana, asked)

    await adapter.post(delivering(channel, asked, asked), 0, Part("hi"))

    assert texts(server, asked) == ["hi"]


async def test_elsewhere_answers_as_a_reply(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    asked = server.say(ana, channel, "?")
    thread = server.thread(ana, asked)
    further = server.say(ana, thread, "and then?")

    await adapter.post(delivering(channel, asked), 0, Part("here"))
    await adapter.post(delivering(channel, further, thread), 0, Part("there"))

    for place, question in ((channel, asked), (thread, further)):
        (message,) = server.bot_messages(place)
        assert message.reference is not None
        assert message.reference["message_id"] == str(question)
        assert message.mentions == []


async def test_answers_though_the_question_is_gone(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    asked = server.say(ana, channel, "?")
    server.delete(asked)

    await adapter.post(delivering(channel, asked), 0, Part("hi"))

    assert texts(server, channel) == ["hi"]


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "http502_after"])
async def test_a_lost_reply_is_tried_again_with_the_same_nonce(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    kind: str,
    delivering: Delivering,
) -> None:
    asked = server.say(ana, channel, "?")
    server.fail("POST", "/messages$", kind=kind)

    posted = await adapter.post(delivering(channel, asked), 0, Part("hi"))

    (message,) = server.bot_messages(channel)
    assert posted == str(message.id)


async def test_a_post_that_stays_unclear_is_found_again(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    asked = server.say(ana, channel, "?")
    what = delivering(channel, asked)
    server.fail("POST", "/messages$", kind="drop_after", times=2)

    with pytest.raises(DeliveryUnclear):
        await adapter.post(what, 0, Part("hi"))

    (message,) = server.bot_messages(channel)
    assert await adapter.find(what, 0) == str(message.id)


async def test_a_post_after_minutes_is_found_by_another_process(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    opened: Opened,
) -> None:
    """The nonce is forgotten by then; only the history can tell."""
    place = server.thread(ana, server.say(ana, channel, "topic"))
    asked = server.say(ana, place, "one?")
    later = server.say(ana, place, "two?")
    what = delivering(channel, asked, place)
    first = await adapter.post(what, 0, Part("one"))
    second = await adapter.post(what, 1, Part("one, more"))
    other = await adapter.post(delivering(channel, later, place), 0, Part("two"))
    server.advance(600)

    async with opened() as restarted:
        assert await restarted.find(what, 0) == first
        begun = what.with_part(SentPart(0, first))
        assert await restarted.find(begun, 1) == second
        missing = delivering(channel, later, place)
        assert await restarted.find(missing, 0) == other
        assert await restarted.find(missing.with_part(SentPart(0, other)), 1) is None
        never = delivering(channel, server.say(ana, place, "three?"), place)
        assert await restarted.find(never, 0) is None


async def test_the_first_answer_in_a_thread_is_found(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    asked = server.say(ana, channel, "?", mention_bot=True)
    what = delivering(channel, asked, asked)

    assert await adapter.find(what, 0) is None
    posted = await adapter.post(what, 0, Part("hi"))
    assert await adapter.find(what, 0) == posted


async def test_a_second_post_with_another_text_shows_that_text(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    """The answer has grown since the post whose reply was lost."""
    what = delivering(channel, server.say(ana, channel, "?"))
    await adapter.post(what, 0, Part("The key …"))

    await adapter.post(what, 0, Part("The key is in the box."))

    assert texts(server, channel) == ["The key is in the box."]


async def test_a_part_that_was_taken_back_can_come_again(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    what = delivering(channel, server.say(ana, channel, "?"))
    posted = await adapter.post(what, 1, Part("more"))
    await adapter.remove(what, posted)

    again = await adapter.post(what, 1, Part("more"))

    assert [str(message.id) for message in server.bot_messages(channel)] == [again]


async def test_edits_and_removes(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    what = delivering(channel, server.say(ana, channel, "?"))
    posted = await adapter.post(what, 0, Part("one"))

    await adapter.edit(what, posted, Part("two"))
    assert texts(server, channel) == ["two"]
    assert server.message(int(posted)).flags & 4
    await adapter.remove(what, posted)
    await adapter.remove(what, posted)

    assert texts(server, channel) == []
    with pytest.raises(MessageGone):
        await adapter.edit(what, posted, Part("three"))


async def test_in_a_deleted_thread_there_is_nothing_to_edit_or_remove(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    asked = server.say(ana, channel, "?", mention_bot=True)
    what = delivering(channel, asked, asked)
    posted = await adapter.post(what, 0, Part("one"))
    server.delete_channel(asked)

    with pytest.raises(MessageGone):
        await adapter.edit(what, posted, Part("two"))
    await adapter.remove(what, posted)


async def test_no_thread_is_made_for_a_deleted_question(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    asked = server.say(ana, channel, "?", mention_bot=True)
    server.delete(asked)

    with pytest.raises(DeliveryImpossible, match="deleted"):
        await adapter.post(delivering(channel, asked, asked), 0, Part("hi"))


async def test_a_thread_that_may_not_be_made_names_the_permission(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    asked = server.say(ana, channel, "?", mention_bot=True)
    server.deny(channel, Permission.CREATE_PUBLIC_THREADS)

    with pytest.raises(DeliveryImpossible, match="Create Public Threads"):
        await adapter.post(delivering(channel, asked, asked), 0, Part("hi"))


async def test_it_does_not_insist_on_what_is_always_deleted(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    what = delivering(channel, server.say(ana, channel, "?"))
    server.fail("POST", "/messages$", kind="error:10008", times=99)

    with pytest.raises(DeliveryImpossible, match="deleted"):
        await adapter.post(what, 0, Part("hi"))

    assert len(server.sent("POST", "/messages$")) == 5


async def test_after_the_end_nothing_is_sent(
    server: DiscordServer,
    opened: Opened,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    what = delivering(channel, server.say(ana, channel, "?"))
    async with opened() as adapter:
        pass

    with pytest.raises(DeliveryLater, match="closed"):
        await adapter.post(what, 0, Part("hi"))


async def test_an_archived_thread_is_opened_for_an_edit(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    thread = server.thread(ana, server.say(ana, channel, "topic"))
    what = delivering(channel, server.say(ana, thread, "?"), thread)
    posted = await adapter.post(what, 0, Part("one"))
    server.archive(thread)

    await adapter.edit(what, posted, Part("two"))

    assert texts(server, thread) == ["two"]


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        pytest.param(
            lambda s, c: s.delete_channel(c), DeliveryImpossible, "gone", id="deleted"
        ),
        pytest.param(
            lambda s, c: s.deny(c, Permission.VIEW_CHANNEL),
            DeliveryImpossible,
            "View Channel",
            id="hidden",
        ),
        pytest.param(
            lambda s, c: s.deny(c, Permission.SEND_MESSAGES),
            DeliveryImpossible,
            "Send Messages",
            id="read only",
        ),
        pytest.param("error:50083", DeliveryImpossible, "archived", id="archived"),
        pytest.param("error:160005", DeliveryImpossible, "unlock", id="locked"),
        pytest.param("error:50007", DeliveryImpossible, "direct", id="no messages"),
        pytest.param("error:40001", DeliveryImpossible, "TOKEN", id="unauthorised"),
        pytest.param("ratelimited_bare", DeliveryLater, "limits", id="banned"),
        pytest.param("http503", DeliveryUnclear, "503", id="unavailable"),
    ],
)
async def test_refusals_name_the_fix(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    spoil: str | Callable[[DiscordServer, int], None],
    error: type[DeliveryError],
    words: str,
    delivering: Delivering,
) -> None:
    what = delivering(channel, server.say(ana, channel, "?"))
    if isinstance(spoil, str):
        server.fail("POST", "/messages$", kind=spoil, times=9)
    else:
        spoil(server, channel)

    with pytest.raises(error, match=words):
        await adapter.post(what, 0, Part("hi"))


async def test_a_long_pause_is_left_to_the_delivery(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    what = delivering(channel, server.say(ana, channel, "?"))
    server.fail("POST", "/messages$", kind="ratelimited", seconds=45)

    with pytest.raises(DeliveryLater) as caught:
        await adapter.post(what, 0, Part("hi"))

    assert caught.value.retry_after == 45


async def test_a_short_pause_is_kept(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    what = delivering(channel, server.say(ana, channel, "?"))
    server.fail("POST", "/messages$", kind="ratelimited", seconds=0.1)

    await adapter.post(what, 0, Part("hi"))

    assert texts(server, channel) == ["hi"]


async def test_discord_that_cannot_be_reached_is_for_later(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    what = delivering(channel, server.say(ana, channel, "?"))
    await server.stop()

    with pytest.raises(DeliveryLater, match="no connection"):
        await adapter.post(what, 0, Part("hi"))


async def test_a_slow_reply_is_unclear(
    server: DiscordServer, channel: int, delivering: Delivering, opened: Opened
) -> None:
    what = delivering(channel, server.say(server.add_user("bo"), channel, "?"))
    async with opened(timeout_seconds=0.3) as adapter:
        server.fail("POST", "/messages$", kind="slow", times=2, seconds=1)
        with pytest.raises(DeliveryUnclear):
            await adapter.post(what, 0, Part("hi"))


async def test_typing_is_shown_where_the_answer_will_be(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    asked = server.say(ana, channel, "?", mention_bot=True)
    what = delivering(channel, asked, asked)

    await adapter.working(what, "searching")
    await adapter.post(what, 0, Part("hi"))
    await adapter.working(what, "writing")
    server.delete_channel(asked)
    await adapter.working(what, "nowhere")

    assert server.rest.typing == [channel, asked]
