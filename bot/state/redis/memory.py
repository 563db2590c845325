"""Session memory in Redis; a session's keys expire with it."""

from collections.abc import Sequence
from typing import Any

from bot.model import ConversationId
from bot.state.base import RememberedTurn, Session
from bot.state.entry import person_tag
from bot.state.redis.engine import Engine
from bot.wire import dump, load


class RedisMemory:
    """`Memory` over Redis; the work is done by `memory.lua`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def recall(self, conversation: ConversationId) -> Session:
        summary, *turns = await self._call("recall", str(conversation))
        return Session(tuple(load(RememberedTurn, turn) for turn in turns), summary)

    async def remember(
        self, conversation: ConversationId, turn: RememberedTurn, *, ttl: float
    ) -> None:
        person = person_tag(conversation.platform, turn.author_id)
        milliseconds = max(1, round(ttl * 1000))
        await self._call(
            "remember",
            str(conversation),
            turn.message_id,
            person,
            dump(turn),
            milliseconds,
        )

    async def summarise(
        self,
        conversation: ConversationId,
        summary: str,
        message_ids: Sequence[str],
        *,
        before: str | None = None,
    ) -> None:
        # Told apart by a sign in front: nil cannot be an argument.
        former = "" if before is None else f"={before}"
        await self._call("summarise", str(conversation), summary, former, *message_ids)

    async def drop(self, conversation: ConversationId, message_id: str) -> bool:
        return bool(await self._call("drop", str(conversation), message_id))

    async def reset(self, conversation: ConversationId) -> int:
        return int(await self._call("reset", str(conversation)))

    async def forget(self, platform: str, author_id: str) -> int:
        return int(await self._call("forget", person_tag(platform, author_id)))

    async def _call(self, command: str, *arguments: str | int) -> Any:
        return await self._engine.script("memory", command, *arguments)
