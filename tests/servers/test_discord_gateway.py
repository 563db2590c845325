"""The gateway of the local Discord: shards, limits of sessions, cuts, any event."""

from collections.abc import AsyncIterator

import aiohttp
import discord
import pytest
from servers.discord import DiscordServer, Permission, patched
from servers.discord.bot import Bot, partial, running


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        with patched(server):
            yield server


@pytest.fixture
def channel(server: DiscordServer) -> int:
    return server.add_channel(server.add_guild())


@pytest.fixture
def ana(server: DiscordServer) -> int:
    return server.add_user("ana")


class Shards(Bot, discord.AutoShardedClient):
    """As many connections as the gateway advises."""

    async def before_identify_hook(
        self, shard_id: int | None, *, initial: bool = False
    ) -> None:
        """No waiting between shards."""


async def test_each_shard_hears_of_its_guilds(server: DiscordServer, ana: int) -> None:
    server.gateway.shards_wanted = 2
    guilds = [server.add_guild(f"g{n}", id=n << 22) for n in (2, 3)]
    channels = [server.add_channel(guild) for guild in guilds]

    async with running(server, Shards()) as bot:
        await server.wait_for(lambda: len(bot.guilds) == 2)
        for place in channels:
            server.say(ana, place, f"in {place}")
        server.dm(ana, "in private")
        await server.wait_for(lambda: len(bot.texts()) == 3)
        heard = {
            session.shard[0]: [
                frame["d"]["content"]
                for frame in session.log
                if frame["t"] == "MESSAGE_CREATE" and "bot" not in frame["d"]["author"]
            ]
            for session in server.gateway.sessions.values()
        }

    assert sorted(identify["shard"] for identify in server.gateway.identified) == [
        [0, 2],
        [1, 2],
    ]
    assert heard == {0: [f"in {channels[0]}", "in private"], 1: [f"in {channels[1]}"]}


async def test_too_few_shards_are_refused(server: DiscordServer) -> None:
    server.gateway.shards_wanted = 2

    async with Bot() as bot:
        with pytest.raises(discord.ConnectionClosed) as caught:
            await bot.start(server.token)
    assert caught.value.code == 4011


async def test_a_day_has_only_so_many_sessions(
    server: DiscordServer, channel: int
) -> None:
    server.gateway.starts.total = 1
    headers = {"Authorization": f"Bot {server.token}"}

    async with (
        running(server, Bot()),
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{server.api_url}/gateway/bot") as response,
    ):
        limit = (await response.json())["session_start_limit"]
    async with Bot() as bot:
        with pytest.raises(discord.ConnectionClosed) as caught:
            await bot.start(server.token)

    assert limit["remaining"] == 0
    assert limit["reset_after"] > 0
    # The token is not good any more.
    assert caught.value.code == 4004


async def test_sessions_that_are_started_too_quickly_are_invalid(
    server: DiscordServer, channel: int
) -> None:
    server.gateway.starts.pause = 5.0
    identify = {"token": server.token, "intents": 1, "properties": {}}
    ops = []

    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.ws_connect(server.gateway_url) as socket:
                await socket.receive()
                await socket.send_json({"op": 2, "d": identify})
                ops.append((await socket.receive_json())["op"])

    assert ops == [0, 9]


# Before its first HELLO the library does not live through it.
@pytest.mark.parametrize(
    ("at", "before"),
    [
        ("HELLO", False),
        ("READY", True),
        ("READY", False),
        ("GUILD_CREATE", True),
        ("GUILD_CREATE", False),
    ],
)
async def test_a_connection_can_be_cut_at_any_frame(
    server: DiscordServer, channel: int, ana: int, at: str, before: bool
) -> None:
    server.cut_gateway(at, before=before)

    async with running(server, Bot()) as bot:
        server.say(ana, channel, "there?")
        await server.wait_for(lambda: "there?" in bot.texts())

    assert server.gateway.cuts[0].times == 0


async def test_events_about_what_it_never_saw(
    server: DiscordServer, channel: int
) -> None:
    async with running(server, Bot()) as bot:
        guild = str(server.state.channel(channel).guild_id)
        gone = {"id": "5", "channel_id": str(channel), "guild_id": guild}
        server.tell("MESSAGE_DELETE", gone)
        await server.wait_for(lambda: bot.last("delete"))

        assert bot.last("delete").message_id == 5


async def test_all_calls_count_against_the_limit_of_the_whole(
    server: DiscordServer, channel: int
) -> None:
    server.real_limits()
    headers = {"Authorization": f"Bot {server.token}"}
    url = f"{server.api_url}/channels/{channel}"
    seen = []

    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(51):
            async with session.get(url) as response:
                seen.append(response.status)
                last = await response.json(), response.headers

    assert seen == [200] * 50 + [429]
    assert last[0]["global"]
    assert "Via" in last[1]


async def test_a_client_that_sends_too_much_is_cut_off(server: DiscordServer) -> None:
    url = server.gateway_url

    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        for _ in range(121):
            await socket.send_json({"op": 1, "d": None})
        async for _ in socket:
            pass

    assert socket.close_code == 4008


async def test_messages_in_a_hidden_channel_are_not_told(
    server: DiscordServer, channel: int, ana: int
) -> None:
    hidden = server.add_channel(next(iter(server.state.guilds)), "hidden")
    server.deny(hidden, Permission.VIEW_CHANNEL)
    async with running(server, Bot()) as bot:
        server.say(ana, hidden, "secret")
        server.say(ana, channel, "open")
        await server.wait_for(bot.texts)
        await partial(bot, channel).send("ok")

        assert bot.texts() == ["open"]
