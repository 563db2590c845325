"""Calls that are given up: what comes after them must not suffer."""

import asyncio
import random
import time

import aiohttp
import discord
import pytest
from discord.http import HTTPClient, Ratelimit, Route
from servers.discord import DiscordServer, patched

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.calling import (
    Calls,
    NotSent,
    Pace,
    Slots,
    free_if_stuck,
    tracing,
)
from bot.adapter import Part
from bot.model import ConversationId, Delivery


async def answers() -> str:
    await asyncio.sleep(0)
    return "answer"


async def refuses() -> str:
    raise ValueError("no")


async def logged_in(server: DiscordServer) -> discord.Client:
    intents = discord.Intents(guilds=True)
    client = discord.Client(intents=intents, http_trace=tracing())
    await client.login(server.token)
    return client


async def test_results_and_errors_come_through(server: DiscordServer) -> None:
    with patched(server):
        client = await logged_in(server)
        calls = Calls()

        assert await calls.run(client.http, answers(), 1) == "answer"
        with pytest.raises(ValueError, match="no"):
            await calls.run(client.http, refuses(), 1)
        server.fail("GET", "/users/", kind="slow", seconds=0.5)
        with pytest.raises(TimeoutError):
            await calls.run(client.http, client.fetch_user(1), 0.05)

        await calls.aclose()
        await client.close()


async def test_a_call_may_wait_for_a_limit_longer_than_for_its_answer(
    server: DiscordServer, channel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.limit("GET", "/channels/[0-9]+$", calls=1, seconds=0.5)
    with patched(server):
        client = await logged_in(server)
        calls = Calls()
        looks = [
            calls.run(client.http, client.fetch_channel(channel), 1) for _ in range(4)
        ]

        began = time.monotonic()
        await asyncio.gather(*looks)
        assert time.monotonic() - began > 1.4
        monkeypatch.setattr("adapters.discord.calling.QUEUE_SECONDS", 0.05)
        with pytest.raises(NotSent):
            await calls.run(client.http, asyncio.sleep(1), 1)

        await calls.aclose()
        await client.close()


async def test_the_library_may_leave_a_limit_taken() -> None:
    """What we guard against; when this fails, the guard can go."""
    limit = Ratelimit(None)

    async def use() -> None:
        async with limit:
            pass

    using = asyncio.create_task(use())
    await asyncio.sleep(0)
    # The call is over, and its limit is about to be handed on.
    using.cancel()
    await asyncio.gather(using, return_exceptions=True)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(use(), 0.1)

    free_if_stuck(limit)

    await asyncio.wait_for(use(), 0.1)


async def test_a_limit_in_use_is_left_alone() -> None:
    limit = Ratelimit(None)

    async with limit:
        free_if_stuck(limit)
        remaining = limit.remaining

    assert remaining == 0


async def test_whatever_is_cancelled_the_next_call_goes_through(
    server: DiscordServer, channel: int
) -> None:
    chance = random.Random(7)
    with patched(server):
        client = await logged_in(server)
        calls = Calls()
        http: HTTPClient = client.http

        async def call() -> None:
            route = Route("GET", "/channels/{channel_id}", channel_id=channel)
            await calls.run(http, http.request(route), 1)

        for _ in range(150):
            http._buckets.clear()
            server.fail("GET", "/channels/", kind="drop_before", times=1)
            tasks = [asyncio.create_task(call()) for _ in range(4)]
            for _ in range(3):
                await asyncio.sleep(chance.random() * 0.003)
                chance.choice(tasks).cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            server.front.faults.clear()
            for attempt in range(3):
                try:
                    await call()
                    break
                except aiohttp.ClientError:
                    assert attempt < 2

        await calls.aclose()
        await client.close()


async def test_an_adapter_whose_posts_are_cancelled_goes_on(
    server: DiscordServer, adapter: DiscordAdapter, channel: int, ana: int
) -> None:
    guild = str(server.state.channel(channel).guild_id)
    server.front.latency = 0.02

    for number in range(20):
        asked = server.say(ana, channel, "?", mention_bot=True)
        place = ConversationId("discord", guild, str(channel), str(asked))
        what = Delivery(str(asked), place, (), str(asked))
        posting = asyncio.create_task(adapter.post(what, 0, Part("hi")))
        await asyncio.sleep(0.01 + number * 0.004)
        posting.cancel()
        await asyncio.gather(posting, return_exceptions=True)
        async with asyncio.timeout(3):
            await adapter.post(what, 0, Part("hi"))
        assert [m.content for m in server.bot_messages(asked)] == ["hi"]


async def test_only_so_many_calls_go_in_a_second() -> None:
    clock, times = [0.0], []

    async def sleep(seconds: float) -> None:
        clock[0] += seconds

    pace = Pace(3, now=lambda: clock[0], sleep=sleep)
    for _ in range(8):
        await pace.turn()
        times.append(clock[0])
        clock[0] += 0.1

    assert times[:3] == pytest.approx([0.0, 0.1, 0.2])
    for first, fourth in zip(times, times[3:], strict=False):
        assert fourth - first >= 0.999


def test_each_call_keeps_the_turn_that_it_was_told() -> None:
    clock = [0.0]
    slots = Slots(2, 5.0, now=lambda: clock[0])

    told = {name: slots.wait(1, name) for name in "abcde"}
    other = slots.wait(2, "a")
    clock[0] = 5.0
    again = {name: slots.wait(1, name) for name in "edc"}

    assert told == {"a": 0, "b": 0, "c": 5, "d": 5, "e": 10}
    assert other == 0
    assert again == {"e": 5, "d": 0, "c": 0}
