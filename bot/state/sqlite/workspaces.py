"""Erases what is kept of a workspace, table by table, a portion at a time."""

import sqlite3

from bot.state.entry import workspace_prefix, workspace_tag
from bot.state.sqlite.engine import Engine

ROWS = 1_000

BY_PLACE = (
    # Table, its key, the column that begins with the workspace. What hangs on a
    # delivery goes before it.
    ("waiting", "position", "conversation"),
    ("turns", "position", "conversation"),
    ("sessions", "conversation", "conversation"),
    ("conversations", "id", "id"),
    ("changes", "number", "scope"),
    ("routes", "scope", "scope"),
    ("messages", "tag", "tag"),
    ("deliveries", "answer_id", "conversation"),
)
COUNTED = {"waiting", "turns", "changes", "routes", "deliveries"}

ORPHANED_LETTERS = """
    DELETE FROM dead_letters WHERE id NOT IN (SELECT letter FROM dead_events)
"""


async def forget(engine: Engine, platform: str, workspace: str) -> int:
    """Erase a workspace; how many things there were."""
    # In a range, which an index finds: after ":" comes ";".
    first = workspace_prefix(platform, workspace)
    place = (first, first[:-1] + ";")

    async def all_of(statement: str, values: tuple[str, ...]) -> int:
        def write(db: sqlite3.Connection) -> int:
            return db.execute(statement, (*values, ROWS)).rowcount

        gone = 0
        while count := await engine.write(write):
            gone += count
        return gone

    gone = await all_of(
        """DELETE FROM dead_events WHERE (letter, position) IN
           (SELECT letter, position FROM dead_events
            WHERE conversation >= ? AND conversation < ? LIMIT ?)""",
        place,
    )
    await engine.write(lambda db: db.execute(ORPHANED_LETTERS).rowcount)
    gone += await all_of(
        """DELETE FROM ratings WHERE (answer_id, person) IN
           (SELECT answer_id, person FROM ratings JOIN deliveries USING (answer_id)
            WHERE conversation >= ? AND conversation < ? LIMIT ?)""",
        place,
    )
    gone += await all_of(
        """DELETE FROM records WHERE (kind, id) IN
           (SELECT kind, id FROM records
            WHERE workspace <> '' AND workspace = ? LIMIT ?)""",
        (workspace_tag(platform, workspace),),
    )
    for table, key, column in BY_PLACE:
        count = await all_of(
            f"""DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table}
                WHERE {column} >= ? AND {column} < ? LIMIT ?)""",
            place,
        )
        gone += count if table in COUNTED else 0
    return gone
