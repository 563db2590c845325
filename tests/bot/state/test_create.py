"""Which engine the settings choose."""

import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import ConfigurationError
from bot.settings import Settings
from bot.state import create
from bot.state.redis import RedisState
from bot.state.sqlite import SqliteState


async def test_is_a_file_in_the_data_folder(tmp_path):
    state = create(Settings(data_dir=tmp_path / "data"))

    assert isinstance(state, SqliteState)
    await state.open()
    assert str(tmp_path / "data" / "state.db") in await state.check()
    await state.aclose()


async def test_is_redis_when_there_is_a_url(tmp_path):
    state = create(Settings(data_dir=tmp_path, redis_url="redis://127.0.0.1:1/0"))

    assert isinstance(state, RedisState)
    await state.aclose()


def test_names_the_setting_of_a_url_that_is_none(tmp_path):
    with pytest.raises(ConfigurationError, match="redis_url") as caught:
        create(Settings(data_dir=tmp_path, redis_url="secret@somewhere"))

    assert "secret" not in str(caught.value)


def test_does_not_load_redis_unless_it_is_used():
    code = "import sys, bot.state.sqlite; sys.exit('redis' in sys.modules)"
    root = Path(__file__).parents[3]

    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
