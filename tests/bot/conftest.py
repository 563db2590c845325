"""The state engines that tests of the core run over, and bots to talk to."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from house import House, Start
from servers.redis import RedisServer

from backends.base import Profile
from backends.knowledge.library import Library
from bot.app import App
from bot.place_settings import PlaceSettings
from bot.profiles import Profiles
from bot.settings import MemorySettings, Settings, WorkerSettings
from bot.state.base import State
from bot.state.redis import RedisState
from bot.state.sqlite import SqliteState
from bot.testing import RecordingAdapter, ScriptedBackend, says


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


@pytest.fixture
async def start(state: State, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts bots over one state; each ends with the test."""
    houses: list[House] = []

    async def begin(
        fallback: str | None = None,
        worker: WorkerSettings | None = None,
        tokens: int = 2_000,
        platform: RecordingAdapter | None = None,
        place: dict[str, Any] | None = None,
        reviewers: Sequence[str] = (),
        **scripts: ScriptedBackend,
    ) -> House:
        backends = scripts or {"plain": ScriptedBackend(says("plain answer"))}
        profiles = {
            name: Profile(
                name,
                "scripted",
                fallback=fallback if name != fallback else None,
                memory_tokens=tokens,
            )
            for name in backends
        }
        settings = Settings(
            data_dir=tmp_path,
            worker=worker or WorkerSettings(retry_seconds=0.05, lease_seconds=2),
            memory=MemorySettings(tokens=tokens),
            places={"memory": PlaceSettings.model_validate(place or {})},
            reviewers=list(reviewers),
        )
        platform = platform or RecordingAdapter()
        app = App.compose(
            settings,
            state,
            Library(tmp_path),
            Profiles(profiles, lambda p: backends[p.name], next(iter(backends))),
            {"memory": platform},
        )
        stopping = asyncio.Event()
        running = asyncio.create_task(app.run(stopping, listen=False))
        houses.append(House(app, platform, backends, stopping, running))
        return houses[-1]

    yield begin
    await asyncio.gather(*(house.end() for house in houses))
