"""The connection to Discord: shards, sessions, and what may happen to them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from servers.discord import DiscordServer
from servers.intake import Box

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.settings import DiscordSettings
from adapters.discord.starting import pace
from bot.errors import ConfigurationError

Opened = Callable[..., Any]
Listening = Callable[..., Any]


@pytest.mark.parametrize(
    ("code", "given", "words"),
    [
        pytest.param(4004, {}, "CURBSIDE_DISCORD_TOKEN", id="token"),
        pytest.param(4011, {"shards": 1}, "discord.shards", id="shards"),
        pytest.param(4014, {"message_content": True}, "Intent", id="intent"),
    ],
)
async def test_what_only_a_person_can_mend_ends_it(
    server: DiscordServer,
    opened: Opened,
    box: Box,
    code: int,
    given: dict[str, Any],
    words: str,
) -> None:
    async with opened(**given) as adapter:
        listening = asyncio.create_task(adapter.listen(box))
        await server.wait_for(lambda: server.gateway.connected)

        server.gateway.close(code)

        with pytest.raises(ConfigurationError, match=words):
            await listening


async def test_it_has_as_many_shards_as_discord_advises(
    server: DiscordServer, adapter: DiscordAdapter, box: Box, listening: Listening
) -> None:
    server.gateway.shards_wanted = 2
    channels = [server.add_channel(server.add_guild(id=n << 22)) for n in (2, 3)]
    ana = server.add_user("ana")

    async with listening(adapter):
        await server.wait_for(lambda: len(server.gateway.sessions) == 2)
        for place in channels:
            server.say(ana, place, f"in {place}", mention_bot=True)
        server.dm(ana, "in private")
        await server.wait_for(lambda: len(box.events) == 3)

    assert {tuple(it["shard"]) for it in server.gateway.identified} == {(0, 2), (1, 2)}


async def test_a_process_may_have_some_of_the_shards(
    server: DiscordServer, opened: Opened, box: Box, listening: Listening
) -> None:
    server.gateway.shards_wanted = 3
    channels = [server.add_channel(server.add_guild(id=n << 22)) for n in (3, 4, 5)]
    ana = server.add_user("ana")

    async with opened(shards=3, shard_range="1-2") as adapter, listening(adapter):
        await server.wait_for(lambda: len(server.gateway.sessions) == 2)
        for place in channels:
            server.say(ana, place, f"in {place}", mention_bot=True)
        await server.wait_for(lambda: len(box.events) == 2)

    assert box.texts() == [f"in {place}" for place in channels[1:]]


async def test_when_discord_wants_more_shards_it_gets_them(
    server: DiscordServer,
    adapter: DiscordAdapter,
    listening: Listening,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapters.discord.gateway.RESTART_SECONDS", (0.01, 0.01))

    async with listening(adapter):
        server.gateway.shards_wanted = 2
        server.gateway.close(4011)
        await server.wait_for(lambda: len(server.gateway.identified) == 3)


@pytest.mark.parametrize("given", ["0-3", "3-1", "2-4"])
def test_a_range_must_fit(given: str) -> None:
    with pytest.raises(ValidationError, match="shard_range"):
        DiscordSettings(shards=3, shard_range=given)


@pytest.mark.parametrize(
    ("total", "remaining", "reset", "seconds"),
    [
        pytest.param(1000, 1000, 86400, 0, id="plenty"),
        pytest.param(1000, 250, 86400, 0, id="enough"),
        pytest.param(1000, 100, 36000, 360, id="few"),
        pytest.param(1000, 0, 3600, 3600, id="none"),
    ],
)
def test_starts_are_made_to_last(
    total: int, remaining: int, reset: float, seconds: float
) -> None:
    assert pace(total, remaining, reset) == seconds


async def test_no_session_is_started_when_none_is_left(
    server: DiscordServer, adapter: DiscordAdapter, box: Box
) -> None:
    server.gateway.starts.total = 0

    listening = asyncio.create_task(adapter.listen(box))
    await server.wait_for(lambda: len(server.sent("GET", "/gateway/bot")) > 1)
    await asyncio.sleep(0.2)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)

    assert server.gateway.identified == []


async def test_a_client_that_keeps_failing_does_not_burn_the_days_sessions(
    server: DiscordServer,
    adapter: DiscordAdapter,
    listening: Listening,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapters.discord.gateway.RESTART_SECONDS", (0.01, 0.01))
    server.gateway.starts.total = 20

    async with listening(adapter):
        for _ in range(60):
            server.gateway.close(4012)
            await asyncio.sleep(0.05)

    # A quarter of them is kept for the rest of the day.
    assert 5 < len(server.gateway.identified) <= 16


@pytest.mark.parametrize(
    "frame",
    [b"no json".decode(), '{"op": 0}', '{"op": 0, "t": "READY", "s": 1, "d": {}}'],
)
async def test_a_frame_that_ends_the_client_starts_another(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    box: Box,
    frame: str,
) -> None:
    await server.gateway.raw(frame)
    server.say(ana, channel, "meanwhile", mention_bot=True)

    await server.wait_for(lambda: box.texts() == ["meanwhile"], timeout=10)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("resumable", [True, False], ids=["resumed", "anew"])
@pytest.mark.parametrize("at", ["HELLO", "READY", "GUILD_CREATE", "MESSAGE_CREATE"])
async def test_a_connection_lost_at_any_moment_loses_no_question(
    server: DiscordServer,
    adapter: DiscordAdapter,
    channel: int,
    ana: int,
    box: Box,
    at: str,
    resumable: bool,
    before: bool,
) -> None:
    server.cut_gateway(at, before=before, resumable=resumable)
    server.say(ana, channel, "one", mention_bot=True)

    listening = asyncio.create_task(adapter.listen(box))
    await server.wait_for(lambda: server.gateway.connected, 10)
    server.say(ana, channel, "two", mention_bot=True)
    await server.wait_for(lambda: not server.gateway.cuts[0].times, 10)
    server.say(ana, channel, "three", mention_bot=True)
    await server.wait_for(lambda: len(box.events) == 3, 20)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)

    assert sorted(box.texts()) == ["one", "three", "two"]


async def test_a_server_that_throws_it_out_is_forgotten(
    server: DiscordServer, hearing: DiscordAdapter, channel: int, ana: int, box: Box
) -> None:
    guild = server.state.channel(channel).guild_id
    assert guild is not None
    other = server.add_guild("other")
    server.say(ana, channel, "one", mention_bot=True)
    await server.wait_for(lambda: box.texts() == ["one"])

    # An outage is no farewell.
    server.tell("GUILD_DELETE", {"id": str(other), "unavailable": True})
    server.remove_guild(guild)
    await server.wait_for(lambda: box.forgotten)
    await asyncio.sleep(0.1)

    assert box.forgotten == [f"discord:{guild}"]
