"""The state engines that tests of the core run over."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from servers.redis import RedisServer

from bot.state.base import State
from bot.state.redis import RedisState
from bot.state.sqlite import SqliteState


@pytest.fixture(params=["sqlite", "redis"])
async def state(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[State]:
    """An open state; what is tested over it must not see a difference."""
    state: State
    if request.param == "redis":
        redis: RedisServer = request.getfixturevalue("redis_server")
        state = RedisState(redis.url, prefix=f"test-{uuid.uuid4().hex}")
    else:
        state = SqliteState(tmp_path / "state.db")
    await state.open()
    yield state
    await state.aclose()
