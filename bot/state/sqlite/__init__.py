"""The state in one SQLite file: no service needed, several processes may share it."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from bot.errors import StateUnavailable
from bot.state.base import Deliveries, Feedback, Inbox, Memory, Records, Routes
from bot.state.sqlite import workspaces
from bot.state.sqlite.deliveries import SqliteDeliveries
from bot.state.sqlite.engine import Engine
from bot.state.sqlite.feedback import SqliteFeedback
from bot.state.sqlite.inbox import SqliteInbox
from bot.state.sqlite.memory import SqliteMemory
from bot.state.sqlite.records import SqliteRecords
from bot.state.sqlite.routes import SqliteRoutes


class SqliteState:
    """`State` over a file."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = Engine(path, clock)
        self.inbox: Inbox = SqliteInbox(self._engine)
        self.deliveries: Deliveries = SqliteDeliveries(self._engine)
        self.memory: Memory = SqliteMemory(self._engine)
        self.routes: Routes = SqliteRoutes(self._engine)
        self.feedback: Feedback = SqliteFeedback(self._engine)
        self.records: Records = SqliteRecords(self._engine)

    async def forget_workspace(self, platform: str, workspace: str) -> int:
        return await workspaces.forget(self._engine, platform, workspace)

    async def open(self) -> None:
        await self._engine.open()

    async def aclose(self) -> None:
        await self._engine.aclose()

    async def check(self) -> str:
        path = self._engine.path

        def write(db: sqlite3.Connection) -> int:
            # A write that changes nothing still finds a full or read-only disk.
            schema: int = db.execute("PRAGMA user_version").fetchone()[0]
            db.execute(f"PRAGMA user_version = {schema}")
            return schema

        schema = await self._engine.write(write)
        if not path.exists():
            raise StateUnavailable(
                f"{path} was removed while in use; restart to begin a new one"
            )
        return f"SQLite {sqlite3.sqlite_version} at {path}, schema {schema}"
