"""What was said while nobody listened is found again, once."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from servers.discord import DiscordServer, Permission
from servers.intake import Box

from adapters.discord.adapter import DiscordAdapter
from bot.model import Said, answer_id
from bot.state.base import Record

Opened = Callable[..., Any]
Listening = Callable[..., Any]


@pytest.fixture(autouse=True)
def kept_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.discord.gateway.FLUSH_SECONDS", 0.05)


def kept(box: Box, kind: str) -> dict[str, Record]:
    return {id: it for (of, id), it in box.records.kept.items() if of == kind}


async def test_a_restart_goes_on_from_where_it_was(
    server: DiscordServer,
    opened: Opened,
    channel: int,
    ana: int,
    box: Box,
    listening: Listening,
) -> None:
    async with opened() as adapter, listening(adapter):
        server.say(ana, channel, "heard", mention_bot=True)
        server.dm(ana, "heard in private")
        await server.wait_for(lambda: len(kept(box, "cursor")) == 2)
    missed = server.say(ana, channel, "missed", mention_bot=True)
    server.dm(ana, "missed in private")
    # The inbox has forgotten it; the cursor has not.
    box.events.clear()
    server.calls.clear()
    async with opened() as adapter, listening(adapter):
        await server.wait_for(lambda: len(box.events) == 2, 10)
        await asyncio.sleep(0.3)

    assert sorted(box.texts()) == ["missed", "missed in private"]
    assert kept(box, "cursor")[f"discord:{channel}"].data["message"] == str(missed)
    assert len(server.sent("GET", f"/{channel}/messages$")) == 1


async def test_a_cursor_goes_further_back_than_the_age_and_lists_what_is_too_old(
    server: DiscordServer,
    opened: Opened,
    channel: int,
    ana: int,
    box: Box,
    listening: Listening,
) -> None:
    async with opened() as adapter, listening(adapter):
        server.say(ana, channel, "heard", mention_bot=True)
        await server.wait_for(lambda: kept(box, "cursor"))
    old = server.say(ana, channel, "too old", mention_bot=True)
    server.say(ana, channel, "old, and to nobody")
    await asyncio.sleep(2.5)
    server.say(ana, channel, "missed", mention_bot=True)
    async with opened(catch_up_minutes=2 / 60) as adapter, listening(adapter):
        await server.wait_for(lambda: box.texts() == ["heard", "missed"], 10)

    (missed,) = kept(box, "missed").values()
    assert missed.data["question"] == "too old"
    assert missed.person == f"discord:{ana}"
    assert missed.data["url"].endswith(f"/{channel}/{old}")


async def test_what_is_said_in_a_new_session_does_not_hide_the_gap(
    server: DiscordServer,
    opened: Opened,
    channel: int,
    ana: int,
    box: Box,
    listening: Listening,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with opened() as adapter, listening(adapter):
        heard = server.say(ana, channel, "heard", mention_bot=True)
        await server.wait_for(lambda: kept(box, "cursor"), 10)
    server.say(ana, channel, "missed", mention_bot=True)
    monkeypatch.setattr("adapters.discord.library.READY_SECONDS", 1.0)
    # This one is connected, hears something, and dies before it has looked back.
    async with opened() as adapter, listening(adapter):
        server.say(ana, channel, "live", mention_bot=True)
        await server.wait_for(lambda: "live" in box.texts())
        await asyncio.sleep(0.2)
    assert kept(box, "cursor")[f"discord:{channel}"].data["message"] == str(heard)

    monkeypatch.setattr("adapters.discord.library.READY_SECONDS", 0.2)
    async with opened() as adapter, listening(adapter):
        await server.wait_for(lambda: "missed" in box.texts(), 10)

    assert sorted(box.texts()) == ["heard", "live", "missed"]


async def test_a_channel_that_could_not_be_read_keeps_its_cursor(
    server: DiscordServer,
    opened: Opened,
    channel: int,
    ana: int,
    box: Box,
    listening: Listening,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapters.discord.catching_up.PAUSES", (0.01,))
    async with opened() as adapter, listening(adapter):
        heard = server.say(ana, channel, "heard", mention_bot=True)
        await server.wait_for(lambda: kept(box, "cursor"))
    server.say(ana, channel, "missed", mention_bot=True)
    server.fail("GET", f"/{channel}/messages", kind="drop_before", times=2)
    async with opened() as adapter, listening(adapter):
        reads = f"/{channel}/messages"
        await server.wait_for(lambda: len(server.sent("GET", reads)) == 2, 10)
        server.say(ana, channel, "live", mention_bot=True)
        await server.wait_for(lambda: "live" in box.texts())
    assert kept(box, "cursor")[f"discord:{channel}"].data["message"] == str(heard)

    async with opened() as adapter, listening(adapter):
        await server.wait_for(lambda: "missed" in box.texts(), 10)


async def test_channels_without_news_cost_no_call(
    server: DiscordServer,
    opened: Opened,
    channel: int,
    ana: int,
    box: Box,
    listening: Listening,
) -> None:
    for n in range(5):
        server.say(ana, server.add_channel(next(iter(server.state.guilds))), str(n))
    async with opened() as adapter, listening(adapter):
        await server.wait_for(lambda: len(server.sent("GET", "/messages$")) == 5, 10)
        await asyncio.sleep(0.1)
    server.calls.clear()
    async with opened() as adapter, listening(adapter):
        server.say(ana, channel, "live", mention_bot=True)
        await server.wait_for(lambda: box.texts() == ["live"])
        await asyncio.sleep(0.5)

    assert [call.path for call in server.sent("GET", "/messages$")] in (
        [],
        [f"/channels/{channel}/messages"],
    )


async def test_what_it_may_not_read_is_passed_over(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    box: Box,
    listening: Listening,
) -> None:
    hidden = server.add_channel(next(iter(server.state.guilds)), "hidden")
    server.say(ana, hidden, "one", mention_bot=True)
    server.deny(hidden, Permission.READ_MESSAGE_HISTORY)
    server.say(ana, channel, "two", mention_bot=True)

    async with listening(adapter):
        await server.wait_for(lambda: box.texts() == ["two"], 10)


async def test_an_answered_question_is_not_listed_as_missed(
    server: DiscordServer,
    opened: Opened,
    channel: int,
    ana: int,
    box: Box,
    listening: Listening,
) -> None:
    async with opened() as adapter, listening(adapter):
        asked = server.say(ana, channel, "answered", mention_bot=True)
        await server.wait_for(lambda: kept(box, "cursor"))
    (said,) = box.of(Said)
    id = answer_id(said.conversation, str(asked))
    now = datetime.now(UTC)
    await box.records.put(Record("answer", id, {}, now - timedelta(hours=1)))
    # The cursor was not kept any more: the process was killed.
    box.records.kept.pop(("cursor", f"discord:{channel}"))
    await box.records.put(
        Record("cursor", f"discord:{channel}", {"message": str(asked - 1)}, now)
    )
    await asyncio.sleep(1)
    async with opened(catch_up_minutes=0.001) as adapter, listening(adapter):
        reads = f"/{channel}/messages"
        await server.wait_for(lambda: server.sent("GET", reads), 10)
        await asyncio.sleep(0.2)

    assert kept(box, "missed") == {}
