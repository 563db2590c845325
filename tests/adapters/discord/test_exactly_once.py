"""Each question gets one whole answer, whatever is lost on the way."""

import asyncio
import random
from pathlib import Path

from discord_house import answers, house, quiet
from servers.discord import DiscordServer

QUESTIONS = 100


async def test_when_the_answer_to_each_write_is_lost(
    server: DiscordServer, tmp_path: Path, channel: int
) -> None:
    asked: dict[int, str] = {}

    async with house(server, tmp_path) as app:
        # Until Discord has told its limit, threads are made one after the other.
        first = server.say(server.add_user("first"), channel, "q", mention_bot=True)
        await server.wait_for(lambda: answers(server, first), 10)
        server.front.loses_writes = True
        for number in range(QUESTIONS):
            text, user = f"q{number}", server.add_user(f"person{number}")
            if number % 10 == 9:
                place = server.dm_channel(user)
                server.dm(user, text)
            else:
                place = server.say(user, channel, text, mention_bot=True)
            asked[place] = f"Answer to **{text}** indeed"
            await asyncio.sleep(0.01)
        await quiet(app, 60)

    found = {place: answers(server, place) for place in asked}
    assert found == {place: [text] for place, text in asked.items()}
    assert len(found) == QUESTIONS
    threads = len(server.threads(channel))
    assert threads == 1 + sum(place in server.state.messages for place in asked)
    # The reply to each was lost: of every thread, and of every answer.
    lost = [call for call in server.calls if call.status == 0]
    assert len(lost) >= QUESTIONS + threads - 1


async def test_when_the_gateway_is_lost_again_and_again(
    server: DiscordServer, tmp_path: Path, channel: int, ana: int
) -> None:
    chance = random.Random(11)
    events = ("MESSAGE_CREATE", "THREAD_CREATE", "MESSAGE_UPDATE", "READY")
    asked: dict[int, str] = {}

    async with house(server, tmp_path) as app:
        for number in range(60):
            if number % 3 == 0:
                event, before = chance.choice(events), chance.random() < 0.5
                server.cut_gateway(event, before=before, resumable=number % 2 == 0)
            root = server.say(ana, channel, f"q{number}", mention_bot=True)
            asked[root] = f"Answer to **q{number}** indeed"
            await asyncio.sleep(0.05)
        server.gateway.cuts.clear()
        await server.wait_for(lambda: len(server.threads(channel)) == len(asked), 60)
        await quiet(app, 60)

    found = {root: answers(server, root) for root in asked}
    assert found == {root: [text] for root, text in asked.items()}
    assert len(server.gateway.identified) > 3
