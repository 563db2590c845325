"""Dead letters, and forgetting people, in SQL, inside a transaction of the engine."""

import sqlite3
from collections.abc import Sequence

from bot.state.sqlite.mailbox import append

Letter = tuple[str, Sequence[str], str, float]
"""Id, events, reason, time."""

EVENTS = "SELECT event FROM dead_events WHERE letter = ? ORDER BY position"


def bury(
    db: sqlite3.Connection,
    conversation: str,
    keys: Sequence[str],
    letter: str,
    reason: str,
    now: float,
) -> None:
    """Copy events of a mailbox, in their order, into a new dead letter."""
    marks = ", ".join("?" * len(keys))
    found = db.execute(
        f"""INSERT INTO dead_events
            SELECT ?, position, conversation, key, event, said, person
            FROM waiting WHERE conversation = ? AND key IN ({marks})""",
        (letter, conversation, *keys),
    )
    if found.rowcount:
        db.execute(
            "INSERT INTO dead_letters (id, reason, at) VALUES (?, ?, ?)",
            (letter, reason, now),
        )


def newest(db: sqlite3.Connection, limit: int) -> list[Letter]:
    """The newest letters first."""
    letters = db.execute(
        "SELECT id, reason, at FROM dead_letters ORDER BY number DESC LIMIT ?", (limit,)
    ).fetchall()
    return [
        (letter, [event for (event,) in db.execute(EVENTS, (letter,))], reason, at)
        for letter, reason, at in letters
    ]


def revive(db: sqlite3.Connection, letter: str, now: float) -> bool:
    """Put the events of a letter back to the end of their mailbox."""
    rows = db.execute(
        """SELECT conversation, key, event, said, person FROM dead_events
           WHERE letter = ? ORDER BY position""",
        (letter,),
    ).fetchall()
    for conversation, key, event, said, person in rows:
        append(db, conversation, (key, event, said, person), now)
    db.execute("DELETE FROM dead_events WHERE letter = ?", (letter,))
    gone = db.execute("DELETE FROM dead_letters WHERE id = ?", (letter,))
    return gone.rowcount == 1


def forget(db: sqlite3.Connection, person: str) -> int:
    """Erase a person's waiting and dead events; how many."""
    waiting = db.execute("DELETE FROM waiting WHERE person = ?", (person,))
    # Nothing is left to claim there; who is at work just now finds out by itself.
    db.execute(
        """UPDATE conversations SET place = NULL, until = NULL
           WHERE token IS NULL AND (place IS NOT NULL OR until IS NOT NULL)
           AND NOT EXISTS (SELECT 1 FROM waiting WHERE conversation = id)"""
    )
    dead = db.execute("DELETE FROM dead_events WHERE person = ?", (person,))
    db.execute(
        """DELETE FROM dead_letters
           WHERE id NOT IN (SELECT letter FROM dead_events)"""
    )
    return waiting.rowcount + dead.rowcount
