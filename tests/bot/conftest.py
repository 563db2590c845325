"""The state engines that tests of the core run over."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.state.base import State
from bot.state.sqlite import SqliteState


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    state = SqliteState(tmp_path / "state.db")
    await state.open()
    yield state
    await state.aclose()
