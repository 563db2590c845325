"""Deletes what has had its time, a little at a time."""

import sqlite3
import time

from bot.state.entry import KEPT_SECONDS, SEEN_SECONDS
from bot.state.sqlite.engine import Engine

EVERY_SECONDS = 10.0
ROWS = 1_000
"""How many rows of a table go at once: few enough that nobody notices the pause."""

OLD_SEEN = """
    DELETE FROM seen WHERE at <= ? AND id IN (SELECT id FROM seen ORDER BY id LIMIT ?)
"""
OLD_MESSAGES = """
    DELETE FROM messages WHERE answer_id IN
        (SELECT answer_id FROM deliveries WHERE at <= ? ORDER BY at LIMIT ?)
"""
OLD_RATINGS = """
    DELETE FROM ratings WHERE answer_id IN
        (SELECT answer_id FROM deliveries WHERE at <= ? ORDER BY at LIMIT ?)
"""
OLD_DELIVERIES = """
    DELETE FROM deliveries WHERE answer_id IN
        (SELECT answer_id FROM deliveries WHERE at <= ? ORDER BY at LIMIT ?)
"""
OLD_CONVERSATIONS = """
    DELETE FROM conversations WHERE id IN
        (SELECT id FROM conversations WHERE used <= ? ORDER BY used LIMIT ?)
    AND place IS NULL AND until IS NULL
    AND NOT EXISTS (SELECT 1 FROM waiting WHERE conversation = id)
"""
OLD_TURNS = """
    DELETE FROM turns WHERE conversation IN
        (SELECT conversation FROM sessions WHERE expires <= ? ORDER BY expires LIMIT ?)
"""
OLD_SESSIONS = """
    DELETE FROM sessions WHERE conversation IN
        (SELECT conversation FROM sessions WHERE expires <= ? ORDER BY expires LIMIT ?)
"""


class Purge:
    """Keeps a state file from growing for ever."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._next = 0.0

    async def now_and_then(self) -> None:
        """Purge if the last time is a while ago."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY_SECONDS
            await self.once()

    async def once(self) -> None:
        """Delete a portion of what is too old."""
        now = self._engine.clock()

        def delete(db: sqlite3.Connection) -> None:
            db.execute(OLD_SEEN, (now - SEEN_SECONDS, ROWS))
            db.execute(OLD_MESSAGES, (now - KEPT_SECONDS, ROWS))
            db.execute(OLD_RATINGS, (now - KEPT_SECONDS, ROWS))
            db.execute(OLD_DELIVERIES, (now - KEPT_SECONDS, ROWS))
            db.execute(OLD_CONVERSATIONS, (now - KEPT_SECONDS, ROWS))
            db.execute(OLD_TURNS, (now, ROWS))
            db.execute(OLD_SESSIONS, (now, ROWS))

        await self._engine.write(delete)
