"""Several processes over one state, some of which die in the middle of their work."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LEASE = 0.8

WORKER = """
import asyncio, sys
{source}

async def work():
    await state.open()
    while True:
        work = await state.inbox.claim("w", lease={lease}, wait=0.5)
        if work is None:
            continue
        key = work.waiting[0].event.key
        with open({log!r}, "a") as log:
            log.write(key + "\\n")
        await asyncio.sleep(0.01)
        await state.inbox.finish(work.claim, [key])

asyncio.run(work())
"""


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log"
    path.touch()
    return path


@pytest.fixture
def start(store, log):
    """Starts a worker process that writes down the keys it works on."""
    processes = []

    def start():
        code = WORKER.format(source=store.source, lease=LEASE, log=str(log))
        processes.append(subprocess.Popen([sys.executable, "-c", code], cwd=ROOT))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


async def until_empty(state):
    async with asyncio.timeout(60):
        while (await state.inbox.stats()).waiting:
            await asyncio.sleep(0.05)


async def test_share_the_work_and_survive_kills(state, log, start, said):
    threads = [f"t{number}" for number in range(8)]
    for number in range(10):
        for thread in threads:
            event = said(f"{thread}-{number}", thread)
            await state.inbox.accept(event, limit=99)

    workers = [start() for _ in range(3)]
    for _ in range(2):
        begun = len(log.read_text().splitlines())
        while len(log.read_text().splitlines()) < begun + 10:
            await asyncio.sleep(0.01)
        workers.pop(0).kill()
        workers.append(start())
    await until_empty(state)

    keys = log.read_text().splitlines()
    for thread in threads:
        worked = [key for key in keys if f":{thread}-" in key]
        expected = [said(f"{thread}-{n}", thread).key for n in range(10)]
        # Work that a killed process left is done again, but never out of order.
        assert [k for at, k in enumerate(worked) if k not in worked[:at]] == expected
        assert worked == sorted(worked)
    assert len(keys) <= 80 + 2
