"""What the bot may not do in a place is said with the fix, as Discord refuses it."""

from collections.abc import Callable

import pytest
from servers.discord import DiscordServer, Permission

from adapters.discord.adapter import DiscordAdapter
from bot.adapter import Part
from bot.errors import DeliveryImpossible
from bot.model import Delivery

Delivering = Callable[..., Delivery]


@pytest.mark.parametrize(
    ("denied", "in_thread", "words"),
    [
        (Permission.VIEW_CHANNEL, False, "View Channel"),
        (Permission.SEND_MESSAGES, False, "Send Messages"),
        (Permission.READ_MESSAGE_HISTORY, False, "Read Message History"),
        (Permission.CREATE_PUBLIC_THREADS, True, "Create Public Threads"),
        (Permission.SEND_MESSAGES_IN_THREADS, True, "Send Messages in Threads"),
    ],
    ids=["view", "send", "history", "threads", "in threads"],
)
async def test_a_permission_that_lacks_is_named(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
    denied: Permission,
    in_thread: bool,
    words: str,
) -> None:
    asked = server.say(ana, channel, "?")
    server.deny(channel, denied)
    what = delivering(channel, asked, asked if in_thread else "")

    with pytest.raises(DeliveryImpossible, match=words):
        await adapter.post(what, 0, Part("hi"))


async def test_an_answer_without_previews_needs_no_permission_for_them(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    server.deny(channel, Permission.EMBED_LINKS)
    what = delivering(channel, server.say(ana, channel, "?"))

    posted = await adapter.post(what, 0, Part("see http://x.test"))

    assert server.message(int(posted)).content == "see http://x.test"


async def test_a_locked_thread_is_for_a_moderator_to_open(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    delivering: Delivering,
) -> None:
    thread = server.thread(ana, server.say(ana, channel, "topic"))
    what = delivering(channel, server.say(ana, thread, "?"), thread)
    posted = await adapter.post(what, 0, Part("one"))
    server.archive(thread, locked=True)

    with pytest.raises(DeliveryImpossible, match="moderator"):
        await adapter.edit(what, posted, Part("two"))
    with pytest.raises(DeliveryImpossible, match="moderator"):
        await adapter.post(what.with_part(what.parts[0]), 1, Part("more"))
