"""Which backend answers where, in Redis."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.state.base import Change, Route
from bot.state.redis.engine import Engine
from bot.wire import dump, load


class RedisRoutes:
    """`Routes` over Redis; the work is done by `routes.lua`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def all(self) -> Mapping[str, Route]:
        found = await self._engine.fields("routes")
        return {scope: load(Route, route) for scope, route in found.items()}

    async def switch(self, change: Change) -> Change:
        after = dump(change.after) if change.after else ""
        return _change(
            await self._call("switch", change.id, dump(change), change.scope, after)
        )

    async def undo(self, scopes: Sequence[str], change: Change) -> Change | None:
        found = await self._call("undo", change.id, dump(change), *scopes)
        return _change(found) if found else None

    async def audit(self, limit: int = 20) -> list[Change]:
        return [_change(found) for found in await self._call("audit", limit)]

    async def _call(self, command: str, *arguments: str | int) -> Any:
        return await self._engine.script("routes", command, *arguments)


def _change(found: Sequence[str]) -> Change:
    body, scope, before, after, undoes = found
    return replace(
        load(Change, body),
        scope=scope,
        before=load(Route, before) if before else None,
        after=load(Route, after) if after else None,
        undoes=undoes or None,
    )
