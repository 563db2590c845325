"""Children work within limits; one that ends does not take the others with it."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backends.knowledge.process_pool import LimitExceeded, ProcessLimits, ProcessPool

LINUX_ONLY = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux holds a limit of address space"
)


@pytest.fixture
async def pool() -> AsyncIterator[ProcessPool]:
    async with ProcessPool(2, ProcessLimits(memory=2**28, seconds=20)) as opened:
        yield opened


async def test_works_elsewhere_and_keeps_its_processes(pool: ProcessPool) -> None:
    first = await pool.run(os.getpid)
    second = await pool.run(os.getpid)

    assert first == second != os.getpid()


async def test_works_at_the_same_time(pool: ProcessPool) -> None:
    pids = await asyncio.gather(*(pool.run(os.getpid) for _ in range(6)))

    assert len(set(pids)) == 2


async def test_raises_what_the_function_raises(pool: ProcessPool) -> None:
    with pytest.raises(json.JSONDecodeError):
        await pool.run(json.loads, "no json")

    assert await pool.run(json.loads, "[1]") == [1]


async def test_sends_and_brings_back_much(pool: ProcessPool) -> None:
    assert await pool.run(bytes.upper, b"a" * 2**24) == b"A" * 2**24


async def test_a_child_that_is_killed_is_replaced(pool: ProcessPool) -> None:
    before = await pool.run(os.getpid)

    with pytest.raises(LimitExceeded, match="ended the process"):
        await pool.run(signal.raise_signal, signal.SIGTERM)

    assert await pool.run(os.getpid) != before


async def test_a_child_killed_while_idle_is_replaced_by_the_next_call(
    pool: ProcessPool,
) -> None:
    pid = await pool.run(os.getpid)
    os.kill(pid, signal.SIGTERM)

    with pytest.raises(LimitExceeded):
        await pool.run(os.getpid)

    assert await pool.run(os.getpid) != pid


async def test_what_takes_too_long_is_ended() -> None:
    async with ProcessPool(1, ProcessLimits(seconds=1)) as pool:
        with pytest.raises(LimitExceeded, match="more than 1 s"):
            await pool.run(time.sleep, 60)

        assert await pool.run(int, "1") == 1


@LINUX_ONLY
async def test_what_takes_too_much_memory_is_ended(pool: ProcessPool) -> None:
    with pytest.raises(LimitExceeded, match="more than 256 MB"):
        await pool.run(bytearray, 2**29)

    assert await pool.run(int, "1") == 1


async def test_children_see_no_secrets(
    pool: ProcessPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CURBSIDE_SLACK_BOT_TOKEN", "xoxb")

    assert await pool.run(os.getenv, "CURBSIDE_SLACK_BOT_TOKEN") is None


async def test_a_child_ends_with_its_pool() -> None:
    async with ProcessPool(1) as pool:
        pid = await pool.run(os.getpid)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="needs an alarm signal")
async def test_a_child_ends_when_its_parent_was_killed(tmp_path: Path) -> None:
    """Also one that is busy, and does not see that nobody listens any more."""
    started = tmp_path / "pid"
    program = f"""
import asyncio, os, time
from pathlib import Path
from backends.knowledge.process_pool import ProcessLimits, ProcessPool

async def main():
    pool = ProcessPool(1, ProcessLimits(seconds=0.5))
    pid = await pool.run(os.getpid)
    asyncio.get_running_loop().create_task(pool.run(time.sleep, 60))
    await asyncio.sleep(0.1)
    Path({str(started)!r}).write_text(str(pid))
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    await parent.wait()
    pid = int(started.read_text())

    async with asyncio.timeout(20):
        while _alive(pid):
            await asyncio.sleep(0.1)


def _alive(pid: int) -> bool:
    """Whether it runs; one that has ended may wait for its new parent to notice."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
