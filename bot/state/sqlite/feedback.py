"""What people thought of answers, in SQLite."""

from bot.state.base import Rating
from bot.state.entry import person_tag
from bot.state.sqlite.engine import Engine
from bot.wire import dump, load


class SqliteFeedback:
    """`Feedback` over a state file."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def rate(self, rating: Rating) -> None:
        key = (rating.answer_id, person_tag(rating.platform, rating.author_id))
        if rating.verdict == "none":
            await self._engine.write(
                lambda db: (
                    db.execute(
                        "DELETE FROM ratings WHERE answer_id = ? AND person = ?", key
                    ).rowcount
                )
            )
        else:
            await self._engine.write(
                lambda db: (
                    db.execute(
                        "INSERT OR REPLACE INTO ratings VALUES (?, ?, ?)",
                        (*key, dump(rating)),
                    ).rowcount
                )
            )

    async def of_answer(self, answer_id: str) -> list[Rating]:
        rows = await self._engine.read(
            lambda db: db.execute(
                "SELECT body FROM ratings WHERE answer_id = ? ORDER BY person",
                (answer_id,),
            ).fetchall()
        )
        return [load(Rating, body) for (body,) in rows]

    async def forget(self, platform: str, author_id: str) -> int:
        person = person_tag(platform, author_id)
        return await self._engine.write(
            lambda db: (
                db.execute("DELETE FROM ratings WHERE person = ?", (person,)).rowcount
            )
        )
