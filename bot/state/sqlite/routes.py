"""Which backend answers where, in SQLite."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.state.base import Change, Route
from bot.state.sqlite.engine import Engine
from bot.wire import dump, load


class SqliteRoutes:
    """`Routes` over a state file."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def all(self) -> Mapping[str, Route]:
        rows = await self._engine.read(
            lambda db: db.execute("SELECT scope, route FROM routes").fetchall()
        )
        return {scope: load(Route, route) for scope, route in rows}

    async def switch(self, change: Change) -> Change:
        def write(db: sqlite3.Connection) -> Change:
            return _recorded(db, change.id) or _apply(db, replace(change, undoes=None))

        return await self._engine.write(write)

    async def undo(self, scopes: Sequence[str], change: Change) -> Change | None:
        def write(db: sqlite3.Connection) -> Change | None:
            done = _recorded(db, change.id)
            last = None if done else _newest(db, scopes)
            if last is None:
                return done
            back = replace(change, scope=last.scope, after=last.before, undoes=last.id)
            return _apply(db, back)

        return await self._engine.write(write)

    async def audit(self, limit: int = 20) -> list[Change]:
        rows = await self._engine.read(
            lambda db: db.execute(
                "SELECT body FROM changes ORDER BY number DESC LIMIT ?", (limit,)
            ).fetchall()
        )
        return [load(Change, body) for (body,) in rows]


def _recorded(db: sqlite3.Connection, change_id: str) -> Change | None:
    row = db.execute("SELECT body FROM changes WHERE id = ?", (change_id,)).fetchone()
    return None if row is None else load(Change, row[0])


def _newest(db: sqlite3.Connection, scopes: Sequence[str]) -> Change | None:
    """The newest change of these scopes that can be taken back."""
    marks = ", ".join("?" * len(scopes))
    row = db.execute(
        f"""SELECT body FROM changes WHERE scope IN ({marks}) AND undoes IS NULL
            AND id NOT IN (SELECT undoes FROM changes WHERE undoes IS NOT NULL)
            ORDER BY number DESC LIMIT 1""",
        tuple(scopes),
    ).fetchone()
    return None if row is None else load(Change, row[0])


def _apply(db: sqlite3.Connection, change: Change) -> Change:
    """Set the route and record the change, with what was there before."""
    row = db.execute(
        "SELECT route FROM routes WHERE scope = ?", (change.scope,)
    ).fetchone()
    change = replace(change, before=None if row is None else load(Route, row[0]))
    if change.after is None:
        db.execute("DELETE FROM routes WHERE scope = ?", (change.scope,))
    else:
        db.execute(
            "INSERT OR REPLACE INTO routes (scope, route) VALUES (?, ?)",
            (change.scope, dump(change.after)),
        )
    db.execute(
        "INSERT INTO changes (id, scope, undoes, body) VALUES (?, ?, ?, ?)",
        (change.id, change.scope, change.undoes, dump(change)),
    )
    return change
