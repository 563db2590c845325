"""Records of many kinds, in SQLite."""

import sqlite3
from datetime import datetime

from bot.state.base import Record
from bot.state.entry import person_tag
from bot.state.sqlite.engine import Engine
from bot.wire import dump, load

ROWS = 1_000
"""How many go in one transaction, so that nobody waits long for the rest."""


class SqliteRecords:
    """`Records` over a state file."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def put(self, record: Record, *, only_new: bool = False) -> bool:
        row = (
            record.kind,
            record.id,
            record.at.timestamp(),
            record.person,
            record.workspace,
            dump(record),
        )
        how = "IGNORE" if only_new else "REPLACE"
        statement = f"INSERT OR {how} INTO records VALUES (?, ?, ?, ?, ?, ?)"
        return await self._engine.write(
            lambda db: db.execute(statement, row).rowcount == 1
        )

    async def get(self, kind: str, id: str) -> Record | None:
        row = await self._engine.read(
            lambda db: db.execute(
                "SELECT body FROM records WHERE kind = ? AND id = ?", (kind, id)
            ).fetchone()
        )
        return None if row is None else load(Record, row[0])

    async def newest(
        self,
        kind: str,
        *,
        limit: int = 50,
        workspace: str = "",
        before: datetime | None = None,
    ) -> list[Record]:
        conditions, values = ["kind = ?"], [kind]
        if workspace:
            conditions.append("workspace <> '' AND workspace = ?")
            values.append(workspace)
        if before is not None:
            conditions.append("at < ?")
        times = [] if before is None else [before.timestamp()]
        query = f"""SELECT body FROM records WHERE {" AND ".join(conditions)}
                    ORDER BY at DESC, id DESC LIMIT ?"""
        rows = await self._engine.read(
            lambda db: db.execute(query, (*values, *times, limit)).fetchall()
        )
        return [load(Record, body) for (body,) in rows]

    async def remove(self, kind: str, id: str) -> bool:
        return await self._engine.write(
            lambda db: (
                db.execute(
                    "DELETE FROM records WHERE kind = ? AND id = ?", (kind, id)
                ).rowcount
                == 1
            )
        )

    async def purge(self, kind: str, before: datetime) -> int:
        def write(db: sqlite3.Connection) -> int:
            return db.execute(
                """DELETE FROM records WHERE kind = ? AND id IN
                   (SELECT id FROM records WHERE kind = ? AND at < ? LIMIT ?)""",
                (kind, kind, before.timestamp(), ROWS),
            ).rowcount

        gone = 0
        while count := await self._engine.write(write):
            gone += count
        return gone

    async def forget(self, platform: str, author_id: str) -> int:
        person = person_tag(platform, author_id)
        return await self._engine.write(
            lambda db: (
                db.execute(
                    "DELETE FROM records WHERE person <> '' AND person = ?", (person,)
                ).rowcount
            )
        )
