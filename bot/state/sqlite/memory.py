"""Session memory in SQLite.

A turn that went into the summary stays as a row without text: so that it is known which
messages, and whose, a summary may hold.
"""

import sqlite3
from collections.abc import Sequence

from bot.model import ConversationId
from bot.state.base import RememberedTurn, Session
from bot.state.entry import person_tag
from bot.state.sqlite.engine import Engine
from bot.wire import dump, load


class SqliteMemory:
    """`Memory` over a state file."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def recall(self, conversation: ConversationId) -> Session:
        def read(db: sqlite3.Connection) -> tuple[str, list[tuple[str]]]:
            summary = _summary(db, str(conversation), self._engine.clock())
            if summary is None:
                return "", []
            turns = db.execute(
                """SELECT body FROM turns WHERE conversation = ? AND body IS NOT NULL
                   ORDER BY position""",
                (str(conversation),),
            )
            return summary, turns.fetchall()

        summary, turns = await self._engine.read(read)
        return Session(tuple(load(RememberedTurn, body) for (body,) in turns), summary)

    async def remember(
        self, conversation: ConversationId, turn: RememberedTurn, *, ttl: float
    ) -> None:
        person = person_tag(conversation.platform, turn.author_id)
        row = (str(conversation), turn.message_id, person, dump(turn))

        def write(db: sqlite3.Connection) -> None:
            now = self._engine.clock()
            if _summary(db, str(conversation), now) is None:
                _reset(db, str(conversation))
            db.execute(
                """INSERT INTO sessions (conversation, expires) VALUES (?, ?)
                   ON CONFLICT (conversation) DO UPDATE SET expires = excluded.expires
                """,
                (str(conversation), now + ttl),
            )
            db.execute(
                """INSERT INTO turns (conversation, message_id, person, body)
                   VALUES (?, ?, ?, ?) ON CONFLICT (conversation, message_id)
                   DO UPDATE SET person = excluded.person, body = excluded.body""",
                row,
            )

        await self._engine.write(write)

    async def summarise(
        self,
        conversation: ConversationId,
        summary: str,
        message_ids: Sequence[str],
        *,
        before: str | None = None,
    ) -> None:
        def write(db: sqlite3.Connection) -> None:
            there = _summary(db, str(conversation), self._engine.clock())
            if there is None or before not in (None, there):
                return
            turns = [(str(conversation), message_id) for message_id in message_ids]
            if not all(_has_turn(db, *turn) for turn in turns):
                # Somebody had one of them erased while this summary, which holds it,
                # was being written: the turns that are left are summarised anew.
                return
            db.executemany(
                """UPDATE turns SET body = NULL
                   WHERE conversation = ? AND message_id = ?""",
                turns,
            )
            db.execute(
                "UPDATE sessions SET summary = ? WHERE conversation = ?",
                (summary, str(conversation)),
            )

        await self._engine.write(write)

    async def drop(self, conversation: ConversationId, message_id: str) -> bool:
        def write(db: sqlite3.Connection) -> bool:
            gone = db.execute(
                "DELETE FROM turns WHERE conversation = ? AND message_id = ?",
                (str(conversation), message_id),
            )
            if gone.rowcount:
                _drop_summary(db, str(conversation))
            return gone.rowcount == 1

        return await self._engine.write(write)

    async def reset(self, conversation: ConversationId) -> int:
        def write(db: sqlite3.Connection) -> int:
            expired = _summary(db, str(conversation), self._engine.clock()) is None
            turns = _reset(db, str(conversation))
            return 0 if expired else turns

        return await self._engine.write(write)

    async def forget(self, platform: str, author_id: str) -> int:
        person = person_tag(platform, author_id)

        def write(db: sqlite3.Connection) -> int:
            (count,) = db.execute(
                "SELECT count(*) FROM turns WHERE person = ? AND body IS NOT NULL",
                (person,),
            ).fetchone()
            sessions = db.execute(
                "SELECT DISTINCT conversation FROM turns WHERE person = ?", (person,)
            ).fetchall()
            db.execute("DELETE FROM turns WHERE person = ?", (person,))
            for (conversation,) in sessions:
                _drop_summary(db, conversation)
            return int(count)

        return await self._engine.write(write)


def _summary(db: sqlite3.Connection, conversation: str, now: float) -> str | None:
    """The summary of a session; None when there is no session."""
    row = db.execute(
        "SELECT summary FROM sessions WHERE conversation = ? AND expires > ?",
        (conversation, now),
    ).fetchone()
    return None if row is None else str(row[0])


def _has_turn(db: sqlite3.Connection, conversation: str, message_id: str) -> bool:
    row = db.execute(
        """SELECT 1 FROM turns
           WHERE conversation = ? AND message_id = ? AND body IS NOT NULL""",
        (conversation, message_id),
    ).fetchone()
    return row is not None


def _drop_summary(db: sqlite3.Connection, conversation: str) -> None:
    db.execute(
        "UPDATE sessions SET summary = '' WHERE conversation = ?", (conversation,)
    )
    db.execute(
        "DELETE FROM turns WHERE conversation = ? AND body IS NULL", (conversation,)
    )


def _reset(db: sqlite3.Connection, conversation: str) -> int:
    """Delete a session; how many turns it had."""
    (count,) = db.execute(
        "SELECT count(body) FROM turns WHERE conversation = ?", (conversation,)
    ).fetchone()
    db.execute("DELETE FROM turns WHERE conversation = ?", (conversation,))
    db.execute("DELETE FROM sessions WHERE conversation = ?", (conversation,))
    return int(count)
