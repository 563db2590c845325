"""The way out of a vendor that stops tuning, tried with the real command line."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from servers.tuning import TuningServer

from backends.tuning.rescue import end_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def vendor() -> AsyncIterator[TuningServer]:
    server = TuningServer(queue=0)
    await server.start()
    yield server
    await server.stop()


def line(number: int) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "system", "content": "You are the desk."},
            {"role": "user", "content": f"Who has key number {number} of the house?"},
            {"role": "assistant", "content": f"Ask for key {number} at desk {number}."},
        ]
    }


async def curbside(folder: Path, base_url: str, *words: str, code: int = 0) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "CURBSIDE_MODEL_BASE_URL": base_url,
        "CURBSIDE_MODEL_API_KEY": "key",
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "bot", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return str(done.stdout + done.stderr)


async def tuned_job(vendor: TuningServer) -> str:
    """A job that has succeeded at the vendor; its id."""
    import openai

    async with openai.AsyncOpenAI(base_url=vendor.base_url, api_key="key") as client:
        text = "\n".join(json.dumps(line(number)) for number in range(12))
        file = await client.files.create(
            file=("train.jsonl", text.encode()), purpose="fine-tune"
        )
        job = await client.fine_tuning.jobs.create(
            model="gpt-4.1-mini-2025-04-14",
            training_file=file.id,
            method={
                "type": "supervised",
                "supervised": {"hyperparameters": {"n_epochs": 4}},
            },
        )
        while job.status != "succeeded":
            job = await client.fine_tuning.jobs.retrieve(job.id)
    return job.id


async def test_a_job_comes_home_with_its_examples_and_its_training(
    vendor: TuningServer, tmp_path: Path
) -> None:
    job = await tuned_job(vendor)
    said = await curbside(tmp_path, vendor.base_url, "rescue", job, "--approve")
    assert "12 of 12 examples are new here" in said
    assert "it is turned off on 2027-01-14" in said
    assert "--system 'You are the desk.' --method sft --epochs 4" in said
    await curbside(tmp_path, vendor.base_url, "dataset", "check")
    assert "curbside dataset split" in said
    await curbside(tmp_path, vendor.base_url, "dataset", "split")
    await curbside(tmp_path, vendor.base_url, "dataset", "freeze")
    models = await curbside(tmp_path, vendor.base_url, "tune", "models", "--json")
    (model,) = json.loads(models)
    assert model["name"] == "rescued-vendor"
    assert model["table"]["model"].startswith("ft:gpt-4.1-mini")


async def test_twice_takes_each_example_in_once(
    vendor: TuningServer, tmp_path: Path
) -> None:
    job = await tuned_job(vendor)
    await curbside(tmp_path, vendor.base_url, "rescue", job)
    again = await curbside(tmp_path, vendor.base_url, "rescue", job)
    assert "0 of 12 examples are new here" in again
    assert "they are candidates" in again


async def test_a_training_file_will_do(vendor: TuningServer, tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    path.write_text("\n".join(json.dumps(line(number)) for number in range(12)))
    said = await curbside(tmp_path, vendor.base_url, "rescue", str(path))
    assert "12 of 12 examples are new here" in said
    assert vendor.calls == []


async def test_a_prompt_of_many_lines_can_be_pasted_into_a_shell(
    vendor: TuningServer, tmp_path: Path
) -> None:
    system = "You're kind.\nNever say $5."
    row = line(1)
    row["messages"][0]["content"] = system
    path = tmp_path / "old.jsonl"
    path.write_text(json.dumps(row))
    said = await curbside(tmp_path, vendor.base_url, "rescue", str(path))
    pasted = said[said.index("curbside tune train") : said.index("(YOUR-BASE")]
    assert shlex.split(pasted)[-1] == system


@pytest.mark.parametrize(
    ("what", "said"),
    [("ftjob-gone", "does not know it"), ("gone.jsonl", "there is no file")],
)
async def test_what_is_not_there_is_named(
    vendor: TuningServer, tmp_path: Path, what: str, said: str
) -> None:
    assert said in await curbside(tmp_path, vendor.base_url, "rescue", what, code=1)


async def test_a_file_that_the_vendor_has_dropped(
    vendor: TuningServer, tmp_path: Path
) -> None:
    job = await tuned_job(vendor)
    vendor.contents.clear()
    said = await curbside(tmp_path, vendor.base_url, "rescue", job, code=1)
    assert "curbside rescue FILE" in said


@pytest.mark.parametrize(
    ("model", "ends"),
    [
        ("gpt-4.1-mini-2025-04-14", date(2027, 1, 14)),
        ("ft:gpt-4o-2024-08-06:org::x", date(2027, 1, 14)),
        ("gpt-3.5-turbo-0613", date(2026, 10, 23)),
        ("gpt-4.1-nano-2025-04-14", date(2026, 10, 23)),
        ("qwen3-8b", None),
    ],
)
def test_the_end_of_a_model_is_known_by_its_family(
    model: str, ends: date | None
) -> None:
    assert end_of(model) == ends
