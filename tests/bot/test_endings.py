"""Models that their vendors turn off: said in the chat, in time, once."""

from datetime import date, timedelta

import pytest
from house import BOSS, PLACE, House, Start

from backends.base import Health
from bot.endings import Endings
from bot.testing import ScriptedBackend, says

END = date(2099, 3, 1)
"""Far away: the bot of the test looks at the real date, too."""


class Ending(ScriptedBackend):
    """A backend whose model has a last day."""

    async def model_health(self) -> Health:
        return Health(ok=True, model="ft:gpt-4.1", shutdown_date=END)


async def warned(house: House, *days: date) -> list[str]:
    endings = Endings(house.app.state, house.app.worker.desk.places, house.app.profiles)
    before = len(house.platform.messages)
    for day in days:
        await endings.warn(day)
        await house.quiet()
    shown = house.platform.messages[before:]
    assert all(":mods:" in message.place + ":" for message in shown)
    return [message.text for message in shown]


@pytest.fixture
async def house(start: Start) -> House:
    house = await start(
        place={"summary_channel": "mods"},
        tuned=Ending(says("yes")),
        plain=ScriptedBackend(says("no")),
    )
    await house.ask("Open today?")
    return house


async def test_it_is_said_sixty_thirty_and_seven_days_before(house: House) -> None:
    before = [62, 61, 60, 59, 31, 30, 8, 7, 1, 0]
    texts = await warned(house, *(END - timedelta(days=days) for days in before))
    assert len(texts) == 4
    assert "turned off in 60 days (2099-03-01)" in texts[0]
    assert "in 30 days" in texts[1]
    assert "in 7 days" in texts[2]
    assert "was turned off" in texts[3]


async def test_nothing_is_said_long_before(house: House) -> None:
    assert await warned(house, END - timedelta(days=61)) == []


async def test_what_is_not_in_use_worries_nobody(house: House) -> None:
    assert "`plain` answers" in await house.ask("use plain workspace", BOSS)
    house.app.profiles.default = "plain"
    assert await warned(house, END) == []


async def test_without_a_channel_for_it_nothing_is_said(start: Start) -> None:
    house = await start(tuned=Ending(says("yes")))
    await house.ask("Open today?", place=PLACE)
    assert await warned(house, END) == []
