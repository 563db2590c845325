"""Training at a vendor that others simulate: the npm package `@copilotkit/aimock`."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event

import aiohttp
import pytest

from backends.tuning.clusters import split
from backends.tuning.example import TrainingExample
from backends.tuning.prices import Prices
from backends.tuning.run import Method, Progress, Runs, RunState
from backends.tuning.snapshot import freeze
from backends.tuning.trainers.base import task_for
from backends.tuning.trainers.vendor import VendorTrainer

PACKAGE = "@copilotkit/aimock@1.43.0"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's server; without Node or the registry, a skip."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("npm")
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
    try:
        done = subprocess.run(
            [*command, PACKAGE],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install {PACKAGE} in two minutes")
    if done.returncode:
        pytest.skip(f"npm cannot install {PACKAGE}: {done.stderr[-200:]}")
    return folder / "node_modules" / ".bin" / "llmock"


@pytest.fixture
async def url(
    program: Path, tmp_path: Path, unused_tcp_port: int
) -> AsyncIterator[str]:
    (tmp_path / "none.json").write_text('{"fixtures": []}')
    process = await asyncio.create_subprocess_exec(
        *(str(program), "-p", str(unused_tcp_port), "-f", str(tmp_path)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{unused_tcp_port}/v1"
    async with asyncio.timeout(20), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{url}/fine_tuning/jobs"):
                    break
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
    yield url
    process.terminate()
    await process.wait()


async def test_a_job_is_seen_through_to_its_model(
    url: str, some: list[TrainingExample], tmp_path: Path
) -> None:
    snapshot, runs = freeze(split(some), tmp_path / "data"), Runs(tmp_path / "runs")
    run = runs.new(
        name="house",
        trainer="openai",
        method=Method.SFT,
        base="gpt-4.1-mini",
        dataset="",
        dataset_hash=snapshot.hash,
        fingerprint="f",
    )
    trainer = VendorTrainer(
        url, "key", Prices.read(tmp_path / "prices.toml"), poll_seconds=0.05
    )
    reported: list[Progress] = []
    done = await asyncio.to_thread(
        trainer.train, task_for(run, snapshot), runs, reported.append, Event()
    )
    assert done.state is RunState.SUCCEEDED
    assert done.model.startswith("ft:gpt-4.1-mini:")
    assert any("started" in each.note for each in reported)
