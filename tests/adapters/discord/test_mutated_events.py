"""Twenty thousand events with something wrong: nothing ends, nothing escapes."""

import asyncio
import copy
import logging
import random
from collections.abc import Iterator
from typing import Any

import pytest
from servers.discord import DiscordServer
from servers.intake import Box

from adapters.discord.adapter import DiscordAdapter

PAYLOADS = 20_000
AT_ONCE = 200

JSON = dict[str, Any]
Path = tuple[str | int, ...]

KINDS = {
    *("GUILD_CREATE", "GUILD_MEMBER_UPDATE", "GUILD_ROLE_CREATE", "CHANNEL_CREATE"),
    *("CHANNEL_DELETE", "THREAD_CREATE", "THREAD_UPDATE", "THREAD_MEMBERS_UPDATE"),
    *("MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK"),
    *("MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE", "INTERACTION_CREATE"),
}

WRONG: tuple[Any, ...] = (
    *(None, "", "x", -1, 0, 1.5, 2**70, True, [], {}, [None], {"id": "x"}),
    *("0", "99999999999999999999", "\x00", "𝕏" * 3000, [[[[]]]], "<@1>", 1 << 20),
)


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place inside a payload."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from paths(inner, (*path, index))


def mutated(payload: JSON, chance: random.Random) -> Any:
    """The payload with one to three things wrong."""
    wrong: Any = copy.deepcopy(payload)
    for _ in range(chance.randint(1, 3)):
        places = list(paths(wrong))
        if not places:
            return chance.choice(WRONG)
        *way, last = chance.choice(places)
        inner = wrong
        for step in way:
            inner = inner[step]
        if chance.random() < 0.3:
            del inner[last]
        else:
            inner[last] = copy.deepcopy(chance.choice(WRONG))
    return chance.choice(WRONG) if chance.random() < 0.02 else wrong


def examples(server: DiscordServer, channel: int, ana: int) -> list[tuple[str, JSON]]:
    """An event of each kind, as the server has sent it."""
    guild = server.state.channel(channel).guild_id
    assert guild is not None
    asked = server.say(ana, channel, "one?", mention_bot=True, files=(("a.md", b"a"),))
    server.say(ana, channel, "and?", reply_to=asked, sticker="wave")
    server.forward(ana, asked, channel)
    server.speak(ana, channel)
    server.dm(ana, "in private?")
    server.edit(asked, f"<@{server.bot_id}> two?")
    thread = server.thread(ana, asked)
    server.say(ana, thread, "in the thread")
    server.say(server.bot_id, thread, "an answer")
    server.archive(thread)
    forum = server.add_forum(guild, tags=("a",))
    server.open_post(ana, forum, "a post", "some words", ("a",))
    ours = server.say(server.bot_id, channel, "ours")
    server.react(ana, ours, "👍")
    server.react(ana, ours, "👍", remove=True)
    server.delete(ours)
    server.purge(channel, server.say(ana, channel, "x"), server.say(ana, channel, "y"))
    server.delete_channel(server.add_channel(guild, "gone"))
    server.grant(server.bot_id, guild)
    server.slash(ana, channel, "ask", question="three?")
    server.suggest(ana, channel, "curbside use", backend="h")
    (session,) = server.gateway.sessions.values()
    different = {str(frame["d"])[:300]: frame for frame in session.log}
    sent = [(frame["t"], frame["d"]) for frame in different.values()]
    assert {event for event, _ in sent} == {"READY", *KINDS}
    return [(event, payload) for event, payload in sent if event != "READY"]


@pytest.mark.parametrize("seed", [1])
async def test_nothing_ends_and_nothing_escapes(
    server: DiscordServer,
    hearing: DiscordAdapter,
    channel: int,
    ana: int,
    box: Box,
    caplog: pytest.LogCaptureFixture,
    seed: int,
) -> None:
    chance = random.Random(seed)
    escaped: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: escaped.append(context))
    server.grant(ana)
    events = examples(server, channel, ana)
    caplog.set_level(logging.CRITICAL, logger="adapters")

    for number in range(PAYLOADS):
        event, payload = chance.choice(events)
        server.gateway.push(event, mutated(payload, chance))
        if number % AT_ONCE == AT_ONCE - 1:
            await heard_all(server)

    guild = server.add_guild("untouched")
    asked = server.say(ana, server.add_channel(guild), "and now?", mention_bot=True)
    await server.wait_for(lambda: "and now?" in box.texts(), 60)

    assert asked
    assert escaped == []
    # All in one session: no event has ended the client.
    assert len(server.gateway.identified) == 1
    ignored = [r.getMessage() for r in caplog.records if "Ignoring" in r.getMessage()]
    assert ignored == []


async def heard_all(server: DiscordServer) -> None:
    """Wait until the client has read what was sent: it asks, we answer, in order."""
    (session,) = server.gateway.sessions.values()
    assert session.connection is not None
    await session.connection.drained()
    await asyncio.sleep(0)
