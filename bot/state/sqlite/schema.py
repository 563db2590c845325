"""The tables of the state file, and how older files are brought up to date."""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from bot.errors import StateTooNew, StateUnavailable

APPLICATION_ID = 0x43524253
"""Marks the file as ours (`file` shows it), so that no other database is touched."""

OPEN_SECONDS = 1.0

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE conversations (
        id TEXT PRIMARY KEY,
        place INTEGER,     -- in the queue; NULL while claimed, postponed or empty
        until REAL,        -- when the lease or the postponement ends
        token TEXT,        -- of the claim
        worker TEXT,
        controls INTEGER NOT NULL DEFAULT 0,
        delivery TEXT,     -- answer id of the one under way
        reason TEXT,       -- of the last postponement
        used REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX conversations_by_place ON conversations (place)
        WHERE place IS NOT NULL;
    CREATE INDEX conversations_by_until ON conversations (until)
        WHERE until IS NOT NULL;
    CREATE INDEX conversations_by_use ON conversations (used);

    CREATE TABLE waiting (
        position INTEGER PRIMARY KEY,
        conversation TEXT NOT NULL,
        key TEXT NOT NULL,
        event TEXT NOT NULL,
        said INTEGER NOT NULL,
        person TEXT NOT NULL,
        starts INTEGER NOT NULL DEFAULT 0,
        failures INTEGER NOT NULL DEFAULT 0,
        since REAL NOT NULL,
        UNIQUE (conversation, key)
    );
    CREATE TABLE seen (
        id INTEGER PRIMARY KEY,
        digest TEXT NOT NULL UNIQUE,
        at REAL NOT NULL
    );
    CREATE TABLE dead_letters (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        reason TEXT NOT NULL,
        at REAL NOT NULL
    );
    CREATE TABLE dead_events (
        letter TEXT NOT NULL,
        position INTEGER NOT NULL,
        conversation TEXT NOT NULL,
        key TEXT NOT NULL,
        event TEXT NOT NULL,
        said INTEGER NOT NULL,
        person TEXT NOT NULL,
        PRIMARY KEY (letter, position)
    ) WITHOUT ROWID;

    CREATE TABLE deliveries (
        answer_id TEXT PRIMARY KEY,
        conversation TEXT NOT NULL,
        body TEXT NOT NULL,
        at REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX deliveries_by_conversation ON deliveries (conversation);
    CREATE INDEX deliveries_by_time ON deliveries (at);
    CREATE TABLE messages (
        tag TEXT PRIMARY KEY,
        answer_id TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX messages_by_answer ON messages (answer_id);

    CREATE TABLE sessions (
        conversation TEXT PRIMARY KEY,
        summary TEXT NOT NULL DEFAULT '',
        expires REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX sessions_by_expiry ON sessions (expires);
    CREATE TABLE turns (
        position INTEGER PRIMARY KEY,
        conversation TEXT NOT NULL,
        message_id TEXT NOT NULL,
        person TEXT NOT NULL,
        body TEXT,         -- NULL once the turn is in the summary
        UNIQUE (conversation, message_id)
    );
    CREATE INDEX turns_by_person ON turns (person);

    CREATE TABLE routes (
        scope TEXT PRIMARY KEY,
        route TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE changes (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        scope TEXT NOT NULL,
        undoes TEXT,
        body TEXT NOT NULL
    );

    CREATE TABLE ratings (
        answer_id TEXT NOT NULL,
        person TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (answer_id, person)
    ) WITHOUT ROWID;
    CREATE INDEX ratings_by_person ON ratings (person);
    """,
    """
    CREATE TABLE records (
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        at REAL NOT NULL,
        person TEXT NOT NULL,
        workspace TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (kind, id)
    ) WITHOUT ROWID;
    CREATE INDEX records_by_time ON records (kind, at);
    CREATE INDEX records_by_workspace ON records (workspace, kind, at)
        WHERE workspace <> '';
    CREATE INDEX records_by_person ON records (person) WHERE person <> '';
    """,
)
"""The script at index n makes schema n + 1 out of schema n. Only ever append."""


def prepare(
    connection: sqlite3.Connection,
    path: Path,
    migrations: Sequence[str] = MIGRATIONS,
) -> None:
    """Set a new connection up and migrate the file if it is older than this program.

    Raises StateTooNew, StateUnavailable, sqlite3.Error.
    """
    _use_wal(connection)
    # Forgotten words must not stay in the file's free space.
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = _version(connection, path, known=len(migrations))
        for script in migrations[found:]:
            for statement in _statements(script):
                connection.execute(statement)
        if found < len(migrations):
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(connection: sqlite3.Connection, path: Path, *, known: int) -> int:
    """The file's schema, checked."""
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    owner: int = connection.execute("PRAGMA application_id").fetchone()[0]
    count: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != APPLICATION_ID and count:
        raise StateUnavailable(
            f"{path} is another program's database; point `data_dir` elsewhere"
        )
    if found > known:
        raise StateTooNew(
            f"{path} has schema {found}, this version of Curbside knows {known}: "
            "update Curbside, or restore the copy made before its last update"
        )
    return found


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log; SQLite itself does not wait for a lock here."""
    deadline = time.monotonic() + OPEN_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _statements(script: str) -> list[str]:
    """Taken apart, because `executescript` would commit in between."""
    statements, rest = [], ""
    for line in script.splitlines():
        rest += line + "\n"
        if sqlite3.complete_statement(rest):
            statements.append(rest)
            rest = ""
    return statements
