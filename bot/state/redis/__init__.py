"""The state in Redis (6.2 or newer) or Valkey: for workers on more than one machine."""

from bot.state.base import Deliveries, Feedback, Inbox, Memory, Records, Routes
from bot.state.redis import workspaces
from bot.state.redis.deliveries import RedisDeliveries
from bot.state.redis.engine import Engine
from bot.state.redis.feedback import RedisFeedback
from bot.state.redis.inbox import RedisInbox
from bot.state.redis.memory import RedisMemory
from bot.state.redis.records import RedisRecords
from bot.state.redis.routes import RedisRoutes


class RedisState:
    """`State` over a Redis database; all its keys begin with the prefix in braces."""

    def __init__(self, url: str, *, prefix: str = "curbside") -> None:
        self._engine = Engine(url, prefix)
        self.inbox: Inbox = RedisInbox(self._engine)
        self.deliveries: Deliveries = RedisDeliveries(self._engine)
        self.memory: Memory = RedisMemory(self._engine)
        self.routes: Routes = RedisRoutes(self._engine)
        self.feedback: Feedback = RedisFeedback(self._engine)
        self._records = RedisRecords(self._engine)
        self.records: Records = self._records

    async def forget_workspace(self, platform: str, workspace: str) -> int:
        return await workspaces.forget(self._engine, self._records, platform, workspace)

    async def open(self) -> None:
        await self._engine.open()

    async def aclose(self) -> None:
        await self._engine.aclose()

    async def check(self) -> str:
        return await self._engine.describe()
