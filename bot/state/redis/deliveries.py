"""The ledger of answers in Redis. The inbox's script writes it; keys expire."""

from bot.model import ConversationId, Delivery
from bot.state.entry import message_tag
from bot.state.redis.engine import Engine
from bot.wire import load


class RedisDeliveries:
    """`Deliveries` over Redis."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get(self, answer_id: str) -> Delivery | None:
        body = await self._engine.get(f"delivery:{answer_id}")
        return None if body is None else load(Delivery, body)

    async def of_message(
        self, conversation: ConversationId, message_id: str
    ) -> Delivery | None:
        tag = message_tag(conversation, message_id)
        answer_id = await self._engine.get(f"message:{tag}")
        found = None if answer_id is None else await self.get(answer_id)
        # A part that was taken back leaves its tag behind.
        if found and any(part.id == message_id for part in found.parts):
            return found
        return None

    async def takes_part(self, conversation: ConversationId) -> bool:
        return "answered" in await self._engine.fields(f"conversation:{conversation}")
