"""A Discord that others have written takes us as ours does."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from servers.discord_twin import Missing, Twin, twin
from servers.intake import Box

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.settings import DiscordSettings
from bot.adapter import Part
from bot.model import Delivery, Said, SentPart, answer_id


@pytest.fixture
async def other() -> AsyncIterator[Twin]:
    try:
        async with twin() as running:
            yield running
    except Missing as reason:
        pytest.skip(str(reason))


async def test_a_question_is_heard_and_answered(other: Twin, box: Box) -> None:
    settings = DiscordSettings(
        token=SecretStr(other.about["token"]),
        api_url=other.api_url,
        gateway_url=other.gateway_url,
        shards=1,
        # Its threads do not take the ids of their messages, as Discord's do.
        threads=False,
    )
    adapter = DiscordAdapter(settings)
    await adapter.open()
    listening = asyncio.create_task(adapter.listen(box))
    try:
        async with asyncio.timeout(20):
            while not (adapter._gateway and adapter._gateway.connected):
                await asyncio.sleep(0.05)
            await asyncio.sleep(1)
            asked = await other.say(f"<@{other.about['bot']}> are you there?")
            while not box.events:
                await asyncio.sleep(0.05)
            (said,) = box.of(Said)
            place, id = said.conversation, said.message.id
            what = Delivery(answer_id(place, id), place, (), id, parts=(SentPart(0),))
            posted = await adapter.post(what, 0, Part("One moment"))
            await adapter.edit(what, posted, Part("Yes, I am."))
            shown = await other.messages(int(place.channel))
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await adapter.aclose()

    assert said.message.text == "are you there?"
    assert id == str(asked)
    (answer,) = [message for message in shown if message["id"] == posted]
    assert answer["content"] == "Yes, I am."
    assert answer["message_reference"]["message_id"] == id
