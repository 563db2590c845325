"""What is to be done once in a while, whatever happens."""

from datetime import UTC, datetime, timedelta

from bot import cases, unanswered
from bot.desk import Desk
from bot.endings import Endings
from bot.schedule import Chore, daily, weekly
from bot.summary import Embed, WeeklySummary

KEPT = timedelta(days=180)
"""How long questions that need an answer, and calls for humans, are kept."""


def chores(desk: Desk, embed: Embed) -> list[Chore]:
    """The chores of a bot."""
    summary = WeeklySummary(desk.state, desk.places, embed)

    async def purge() -> None:
        now = datetime.now(UTC)
        await desk.answers.purge(now)
        await desk.reading.purge(now)
        for kind in (unanswered.KIND, unanswered.MISSED, cases.KIND):
            await desk.state.records.purge(kind, now - KEPT)

    async def summarise() -> None:
        await summary.post(datetime.now(UTC))

    endings = Endings(desk.state, desk.places, desk.admin.profiles)

    async def warn() -> None:
        await endings.warn(datetime.now(UTC).date())

    async def collect() -> None:
        # Answers are kept for a month: what people liked must not be gone by then.
        await desk.admin.reviewing.examples.collect()

    return [
        Chore("purge", daily, purge),
        Chore("models that end", daily, warn),
        Chore("examples", daily, collect),
        Chore("weekly summary", weekly(UTC), summarise),
    ]
