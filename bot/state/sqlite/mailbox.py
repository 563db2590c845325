"""The mailboxes in SQL. Each function runs inside a transaction of the engine.

A conversation is in one of four states: ready (it has a place in the queue), claimed (a
token, until the lease ends), postponed (until its time comes), or empty.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from bot.adapter import Acceptance
from bot.errors import ClaimLost
from bot.state.base import Claim
from bot.state.entry import SEEN_SECONDS, Entry

LAST_PLACE = """(SELECT coalesce(max(place), 0) + 1 FROM conversations
                 WHERE place IS NOT NULL)"""
"""Behind all others. The condition lets it be read off the index."""

REQUEUE = f"""
    token = NULL, worker = NULL, until = NULL,
    place = CASE WHEN EXISTS (SELECT 1 FROM waiting WHERE conversation = id)
                 THEN {LAST_PLACE} END
"""
"""What ends a claim: to the end of the queue if something waits, else empty."""


@dataclass(frozen=True, slots=True)
class Box:
    """A claimed conversation as the tables hold it."""

    conversation: str
    token: str
    waiting: Sequence[tuple[str, int, int]]
    delivery: str | None
    controls: int


def accept(db: sqlite3.Connection, entry: Entry, limit: int, now: float) -> Acceptance:
    """Store an event."""
    known = db.execute(
        """SELECT 1 FROM seen WHERE digest = ? AND at > ?
           UNION ALL SELECT 1 FROM waiting WHERE conversation = ? AND key = ?""",
        (entry.digest, now - SEEN_SECONDS, entry.conversation, entry.key),
    )
    if known.fetchone():
        return Acceptance.DUPLICATE
    if entry.said:
        (count,) = db.execute(
            "SELECT count(*) FROM waiting WHERE conversation = ? AND said",
            (entry.conversation,),
        ).fetchone()
        if count >= limit:
            return Acceptance.FULL
    db.execute(
        "INSERT OR REPLACE INTO seen (digest, at) VALUES (?, ?)", (entry.digest, now)
    )
    append(db, entry.conversation, _columns(entry), now)
    if entry.control:
        db.execute(
            "UPDATE conversations SET controls = controls + 1 WHERE id = ?",
            (entry.conversation,),
        )
    return Acceptance.STORED


def _columns(entry: Entry) -> tuple[str, str, bool, str]:
    return entry.key, entry.text, entry.said, entry.person


def append(
    db: sqlite3.Connection,
    conversation: str,
    event: tuple[str, str, bool, str],
    now: float,
) -> None:
    """Put an event (key, text, said, person) at the end of a mailbox."""
    db.execute(
        """INSERT OR IGNORE INTO waiting
               (conversation, key, event, said, person, since)
           VALUES (?, ?, ?, ?, ?, ?)""",
        (conversation, *event, now),
    )
    db.execute(
        f"""INSERT INTO conversations (id, place, used) VALUES (?, {LAST_PLACE}, ?)
            ON CONFLICT (id) DO UPDATE SET used = excluded.used, place = CASE
                WHEN place IS NULL AND until IS NULL THEN excluded.place
                ELSE place END""",
        (conversation, now),
    )


def claim(
    db: sqlite3.Connection, worker: str, token: str, lease: float, now: float
) -> Box | None:
    """Take the conversation that has been waiting longest, if there is one."""
    while (conversation := _next(db, now)) is not None:
        db.execute(
            """UPDATE conversations SET token = ?, worker = ?, until = ?, place = NULL
               WHERE id = ?""",
            (token, worker, now + lease, conversation),
        )
        box = read(db, conversation, token)
        if box.waiting:
            return box
        end_claim(db, conversation)  # what waited there was forgotten meanwhile
    return None


def _next(db: sqlite3.Connection, now: float) -> str | None:
    # What a lapsed claim or a postponement held up was ready before all in the queue.
    row = db.execute(
        "SELECT id FROM conversations WHERE until <= ? ORDER BY until LIMIT 1", (now,)
    ).fetchone()
    row = (
        row
        or db.execute(
            """SELECT id FROM conversations WHERE place IS NOT NULL
           ORDER BY place LIMIT 1"""
        ).fetchone()
    )
    return None if row is None else str(row[0])


def read(db: sqlite3.Connection, conversation: str, token: str) -> Box:
    """All that belongs to a conversation."""
    controls, delivery = db.execute(
        """SELECT c.controls, d.body FROM conversations c
           LEFT JOIN deliveries d ON d.answer_id = c.delivery WHERE c.id = ?""",
        (conversation,),
    ).fetchone()
    waiting = db.execute(
        """SELECT event, starts, failures FROM waiting
           WHERE conversation = ? ORDER BY position""",
        (conversation,),
    ).fetchall()
    return Box(conversation, token, waiting, delivery, controls)


def check(db: sqlite3.Connection, claim: Claim) -> str:
    """The id of the claimed conversation. Raises ClaimLost."""
    conversation = str(claim.conversation)
    owned = db.execute(
        "SELECT 1 FROM conversations WHERE id = ? AND token = ?",
        (conversation, claim.token),
    ).fetchone()
    if owned is None:
        raise ClaimLost(f"another worker has taken {conversation} over")
    return conversation


def extend(db: sqlite3.Connection, claim: Claim, until: float) -> bool:
    """Keep a claim; whether it was still there to keep."""
    changed = db.execute(
        "UPDATE conversations SET until = ? WHERE id = ? AND token = ?",
        (until, str(claim.conversation), claim.token),
    )
    return changed.rowcount == 1


def count_start(
    db: sqlite3.Connection, conversation: str, keys: Sequence[str], answer_id: str
) -> None:
    """A delivery begins."""
    db.executemany(
        "UPDATE waiting SET starts = starts + 1 WHERE conversation = ? AND key = ?",
        [(conversation, key) for key in keys],
    )
    db.execute(
        "UPDATE conversations SET delivery = ? WHERE id = ?", (answer_id, conversation)
    )


def remove(db: sqlite3.Connection, conversation: str, keys: Sequence[str]) -> None:
    """Take events out of a box."""
    db.executemany(
        "DELETE FROM waiting WHERE conversation = ? AND key = ?",
        [(conversation, key) for key in keys],
    )


def close_delivery(db: sqlite3.Connection, conversation: str) -> None:
    """Nothing is under way any more."""
    db.execute("UPDATE conversations SET delivery = NULL WHERE id = ?", (conversation,))


def end_claim(db: sqlite3.Connection, conversation: str) -> bool:
    """Requeue a conversation; whether something waits in it."""
    (place,) = db.execute(
        f"UPDATE conversations SET {REQUEUE} WHERE id = ? RETURNING place",
        (conversation,),
    ).fetchall()
    return place[0] is not None


def postpone(
    db: sqlite3.Connection,
    conversation: str,
    keys: Sequence[str],
    until: float,
    reason: str,
) -> None:
    """End the claim and count a failure; claimable again at `until`."""
    db.executemany(
        "UPDATE waiting SET failures = failures + 1 WHERE conversation = ? AND key = ?",
        [(conversation, key) for key in keys],
    )
    # Where all was forgotten meanwhile there is nothing to postpone.
    if end_claim(db, conversation):
        db.execute(
            """UPDATE conversations SET place = NULL, until = ?, reason = ?
               WHERE id = ?""",
            (until, reason, conversation),
        )
