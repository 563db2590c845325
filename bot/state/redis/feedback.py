"""What people thought of answers, in Redis."""

from bot.state.base import Rating
from bot.state.entry import person_tag
from bot.state.redis.engine import Engine
from bot.wire import dump, load


class RedisFeedback:
    """`Feedback` over Redis."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def rate(self, rating: Rating) -> None:
        person = person_tag(rating.platform, rating.author_id)
        body = "" if rating.verdict == "none" else dump(rating)
        await self._engine.script("feedback", "rate", rating.answer_id, person, body)

    async def of_answer(self, answer_id: str) -> list[Rating]:
        found = await self._engine.fields(f"ratings:{answer_id}")
        return [load(Rating, found[person]) for person in sorted(found)]

    async def forget(self, platform: str, author_id: str) -> int:
        person = person_tag(platform, author_id)
        return int(await self._engine.script("feedback", "forget", person))
