"""The ledger of answers in SQLite."""

import sqlite3

from bot.model import ConversationId, Delivery
from bot.state.entry import KEPT_SECONDS, message_tag
from bot.state.sqlite.engine import Engine
from bot.wire import dump, load


def store(db: sqlite3.Connection, delivery: Delivery, now: float) -> None:
    """Write a delivery down, inside a transaction of the engine."""
    db.execute(
        """INSERT INTO deliveries (answer_id, conversation, body, at)
           VALUES (?, ?, ?, ?) ON CONFLICT (answer_id) DO UPDATE SET
               conversation = excluded.conversation, body = excluded.body,
               at = excluded.at""",
        (delivery.answer_id, str(delivery.conversation), dump(delivery), now),
    )
    db.executemany(
        """INSERT INTO messages (tag, answer_id) VALUES (?, ?)
           ON CONFLICT (tag) DO UPDATE SET answer_id = excluded.answer_id
           WHERE answer_id <> excluded.answer_id""",
        [
            (message_tag(delivery.conversation, part.id), delivery.answer_id)
            for part in delivery.parts
            if part.id
        ],
    )


class SqliteDeliveries:
    """`Deliveries` over a state file."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get(self, answer_id: str) -> Delivery | None:
        return await self._one(
            "SELECT body FROM deliveries WHERE answer_id = ?", answer_id
        )

    async def of_message(
        self, conversation: ConversationId, message_id: str
    ) -> Delivery | None:
        found = await self._one(
            "SELECT body FROM messages JOIN deliveries USING (answer_id) WHERE tag = ?",
            message_tag(conversation, message_id),
        )
        # A part that was taken back leaves its tag behind.
        if found and any(part.id == message_id for part in found.parts):
            return found
        return None

    async def takes_part(self, conversation: ConversationId) -> bool:
        found = await self._one(
            "SELECT body FROM deliveries WHERE conversation = ?", str(conversation)
        )
        return found is not None

    async def _one(self, query: str, value: str) -> Delivery | None:
        oldest = self._engine.clock() - KEPT_SECONDS
        row = await self._engine.read(
            lambda db: db.execute(
                f"{query} AND at > ? LIMIT 1", (value, oldest)
            ).fetchone()
        )
        return None if row is None else load(Delivery, row[0])
