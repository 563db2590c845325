"""What is to be done once in a while, whatever happens."""

from datetime import UTC, datetime, timedelta

from bot import cases, unanswered
from bot.answers import Answers
from bot.reading import Reading
from bot.schedule import Chore, daily
from bot.state.base import State

KEPT = timedelta(days=180)
"""How long questions that need an answer, and calls for humans, are kept."""


def chores(state: State, reading: Reading) -> list[Chore]:
    """The chores of a bot over this state."""

    async def purge() -> None:
        now = datetime.now(UTC)
        await Answers(state.records).purge(now)
        await reading.purge(now)
        for kind in (unanswered.KIND, unanswered.MISSED, cases.KIND):
            await state.records.purge(kind, now - KEPT)

    return [Chore("purge", daily, purge)]
