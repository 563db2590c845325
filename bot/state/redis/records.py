"""Records of many kinds, in Redis."""

from datetime import datetime
from typing import Any

from bot.state.base import Record
from bot.state.entry import person_tag, workspace_tag
from bot.state.redis.engine import Engine
from bot.wire import dump, load

TOGETHER = 1_000
"""How many are taken out by one script, so that nobody waits long for the rest."""


class RedisRecords:
    """`Records` over Redis; the work is done by `records.lua`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def put(self, record: Record, *, only_new: bool = False) -> bool:
        stored = await self._call(
            "put",
            record.kind,
            record.id,
            _microseconds(record.at),
            record.person,
            record.workspace,
            dump(record),
            int(only_new),
        )
        return bool(stored)

    async def get(self, kind: str, id: str) -> Record | None:
        body = await self._engine.field(f"records:{kind}", id)
        return None if body is None else load(Record, body)

    async def newest(
        self,
        kind: str,
        *,
        limit: int = 50,
        workspace: str = "",
        before: datetime | None = None,
    ) -> list[Record]:
        latest = "+inf" if before is None else f"({_microseconds(before)}"
        found = await self._call("newest", kind, workspace, latest, limit)
        return [load(Record, body) for body in found]

    async def remove(self, kind: str, id: str) -> bool:
        return bool(await self._call("remove", kind, id))

    async def purge(self, kind: str, before: datetime) -> int:
        gone, latest = 0, f"({_microseconds(before)}"
        while count := int(await self._call("purge", kind, latest, TOGETHER)):
            gone += count
        return gone

    async def forget(self, platform: str, author_id: str) -> int:
        return int(await self._call("forget", person_tag(platform, author_id)))

    async def forget_workspace(self, platform: str, workspace: str) -> int:
        """Erase the records of a workspace; how many."""
        gone, tag = 0, workspace_tag(platform, workspace)
        while count := int(await self._call("forget_workspace", tag, TOGETHER)):
            gone += count
        return gone

    async def _call(self, command: str, *arguments: str | int) -> Any:
        return await self._engine.script("records", command, *arguments)


def _microseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)
