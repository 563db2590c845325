"""Erases what is kept of a workspace, a portion at a time."""

from bot.model import Delivery
from bot.state.entry import workspace_prefix
from bot.state.redis.engine import Engine
from bot.state.redis.records import RedisRecords
from bot.wire import load


async def forget(
    engine: Engine, records: RedisRecords, platform: str, workspace: str
) -> int:
    """Erase a workspace; how many things there were."""
    beginning = workspace_prefix(platform, workspace)
    gone = int(await engine.script("inbox", "erase_letters", beginning))
    gone += await records.forget_workspace(platform, workspace)
    gone += await _deliveries(engine, beginning)
    async for names in engine.keys(f"session:{beginning}"):
        for name in names:
            id = name.removeprefix("session:")
            gone += int(await engine.script("memory", "reset", id))
    gone += int(await engine.script("routes", "erase", beginning))
    async for names in engine.keys(f"conversation:{beginning}"):
        ids = [name.removeprefix("conversation:") for name in names]
        gone += int(await engine.script("inbox", "erase", *ids))
    return gone


async def _deliveries(engine: Engine, beginning: str) -> int:
    """Deliveries, their messages' tags, and the ratings of their answers."""
    gone = 0
    async for names in engine.keys("delivery:"):
        for name, body in zip(names, await engine.values(names), strict=True):
            if body is None:
                continue
            delivery = load(Delivery, body)
            if not str(delivery.conversation).startswith(beginning):
                continue
            answer = delivery.answer_id
            gone += 1 + int(await engine.script("feedback", "erase", answer))
            await engine.delete(name)
    async for names in engine.keys(f"message:{beginning}"):
        await engine.delete(*names)
    return gone
