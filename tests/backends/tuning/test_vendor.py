"""Training at a vendor: the real SDK against a local server, and what goes wrong."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from servers.tuning import TuningServer

from backends.tuning.clusters import split
from backends.tuning.example import TrainingExample
from backends.tuning.prices import Prices
from backends.tuning.run import (
    Hyperparameters,
    Method,
    Progress,
    Run,
    Runs,
    RunState,
    TrainingError,
)
from backends.tuning.snapshot import freeze
from backends.tuning.trainers.base import Task, task_for
from backends.tuning.trainers.vendor import VendorTrainer

Many = list[TrainingExample]


@pytest.fixture
async def vendor() -> AsyncIterator[TuningServer]:
    server = TuningServer()
    await server.start()
    yield server
    await server.stop()


class Desk:
    """A run with its data, and a trainer of the local vendor."""

    def __init__(self, vendor: TuningServer, some: Many, root: Path) -> None:
        self.runs = Runs(root / "runs")
        self.snapshot = freeze(split(some, share=0.2), root / "data")
        self.prices = Prices.read(root / "prices.toml")
        self.trainer = VendorTrainer(
            vendor.base_url, "key", self.prices, poll_seconds=0.001
        )
        self.reported: list[Progress] = []
        self.stop = Event()

    def new(self, **given: Any) -> Run:
        values: dict[str, Any] = {
            "name": "house-voice",
            "trainer": "openai",
            "method": Method.SFT,
            "base": "gpt-4.1-mini",
            "dataset": str(self.snapshot.folder),
            "dataset_hash": self.snapshot.hash,
            "fingerprint": "f",
        }
        return self.runs.new(**(values | given))

    def task(self, run: Run) -> Task:
        return task_for(run, self.snapshot)

    async def train(self, run: Run) -> Run:
        return await asyncio.to_thread(
            self.trainer.train,
            self.task(run),
            self.runs,
            self.reported.append,
            self.stop,
        )


@pytest.fixture
def desk(vendor: TuningServer, some: Many, tmp_path: Path) -> Desk:
    return Desk(vendor, some, tmp_path)


async def test_a_job_from_upload_to_result(vendor: TuningServer, desk: Desk) -> None:
    run = await desk.train(desk.new(hyperparameters=Hyperparameters(epochs=2)))
    assert run.state is RunState.SUCCEEDED
    assert run.model.startswith("ft:gpt-4.1-mini:org:house-voice:")
    (job,) = vendor.jobs.values()
    assert job["metadata"]["dataset_sha256"] == desk.snapshot.hash
    assert job["method"]["supervised"]["hyperparameters"] == {"n_epochs": 2}
    assert [point.loss for point in desk.runs.curve(run)] == [2.0, 1.0, 2.0 / 3]
    assert run.metrics["held_out_loss"] == pytest.approx(2.0 / 3 + 0.1)
    kept = {path.suffix for path in desk.runs.folder(run).iterdir()}
    assert ".csv" in kept
    assert (desk.runs.folder(run) / "checkpoints.json").exists()
    assert desk.runs.get(run.id) == run


async def test_what_was_uploaded_is_deleted_at_the_end(
    vendor: TuningServer, desk: Desk
) -> None:
    await desk.train(desk.new())
    assert vendor.files == {}


async def test_each_answer_is_uploaded_as_a_chat(
    vendor: TuningServer, desk: Desk, some: Many
) -> None:
    vendor.queue = 10**6
    run = desk.new()
    following = asyncio.create_task(desk.train(run))
    while not vendor.jobs:
        await asyncio.sleep(0.01)
    learned, held_out = vendor.uploaded("training"), vendor.uploaded("validation")
    desk.stop.set()
    await following
    assert len(learned) + len(held_out) == len(some)
    assert [m["role"] for m in learned[0]["messages"]] == [
        "system",
        "user",
        "assistant",
    ]


@pytest.mark.parametrize("fault", ["fail_after_create", "drop_after_create"])
async def test_a_job_whose_creation_was_not_confirmed_is_created_once(
    vendor: TuningServer, desk: Desk, fault: str
) -> None:
    setattr(vendor, fault, 1)
    run = await desk.train(desk.new())
    assert run.state is RunState.SUCCEEDED
    assert len(vendor.jobs) == 1


async def test_a_run_that_is_resumed_goes_on_with_its_job(
    vendor: TuningServer, desk: Desk
) -> None:
    run = desk.new()
    vendor.queue = 10**6
    following = asyncio.create_task(desk.train(run))
    while not desk.runs.get(run.id).job:
        await asyncio.sleep(0.01)
    # What a killed process leaves behind: the run's file as it was.
    left = desk.runs.get(run.id)
    desk.stop.set()
    await following
    desk.stop.clear()
    vendor.queue = 0
    for job in vendor.jobs.values():
        job.update(status="queued", _queue=0)
    again = await desk.train(desk.runs.save(left))
    assert again.state is RunState.SUCCEEDED
    assert len(vendor.jobs) == 1


async def test_a_run_killed_before_it_noted_its_job_finds_it(
    vendor: TuningServer, desk: Desk
) -> None:
    run = desk.new()
    done = await desk.train(run)
    for job in vendor.jobs.values():
        assert job["id"] == done.job
    again = await desk.train(desk.runs.change(run, job="", state=RunState.RUNNING))
    assert again.job == done.job
    assert len(vendor.jobs) == 1


async def test_a_stop_cancels_the_job_and_cleans_up(
    vendor: TuningServer, desk: Desk
) -> None:
    vendor.queue = 10**6
    following = asyncio.create_task(desk.train(desk.new()))
    while not vendor.jobs:
        await asyncio.sleep(0.01)
    desk.stop.set()
    run = await following
    assert run.state is RunState.CANCELLED
    assert {job["status"] for job in vendor.jobs.values()} == {"cancelled"}
    assert vendor.files == {}


async def test_a_closed_platform_names_the_dates_and_the_way_out(
    vendor: TuningServer, desk: Desk
) -> None:
    vendor.closed = True
    with pytest.raises(TrainingError, match=r"2027-01-14.*curbside rescue"):
        await desk.train(desk.new())


async def test_a_wrong_key_is_named(vendor: TuningServer, desk: Desk) -> None:
    desk.trainer.api_key = "wrong"
    with pytest.raises(TrainingError, match="CURBSIDE_MODEL_API_KEY"):
        await desk.train(desk.new())


async def test_a_job_that_vanished_at_the_vendor(
    vendor: TuningServer, desk: Desk
) -> None:
    with pytest.raises(TrainingError, match="a job that vanished"):
        await desk.train(desk.new(job="ftjob-gone"))


async def test_the_vendors_reason_is_kept_when_a_job_fails(
    vendor: TuningServer, desk: Desk
) -> None:
    vendor.refuses = "The file was blocked by moderation."
    run = await desk.train(desk.new())
    assert run.state is RunState.FAILED
    assert run.error == "The file was blocked by moderation."
    assert vendor.files == {}


async def test_an_outage_of_the_vendor_is_waited_out(
    vendor: TuningServer, desk: Desk
) -> None:
    vendor.outages = 4  # more than the SDK's own attempts
    run = await desk.train(desk.new())
    assert run.state is RunState.SUCCEEDED
    assert any("does not answer" in each.note for each in desk.reported)


async def test_nothing_is_sent_for_a_forecast(vendor: TuningServer, desk: Desk) -> None:
    forecast = desk.trainer.forecast(desk.task(desk.new()))
    assert forecast.tokens > 0
    assert "add the price of gpt-4.1-mini" in " ".join(forecast.lines)
    assert vendor.calls == []


async def test_a_price_of_the_table_is_used_with_its_date(
    vendor: TuningServer, desk: Desk
) -> None:
    desk.prices.path.write_text(
        '[models."gpt-4.1-mini"]\ntraining_per_million_tokens = 5.0\n'
        "seen = 2020-01-01\n"
    )
    desk.trainer.prices = Prices.read(desk.prices.path)
    run = desk.new(base="gpt-4.1-mini-2025-04-14")
    forecast = desk.trainer.forecast(desk.task(run))
    assert "USD (price of 2020-01-01" in forecast.cost
    assert "days old" in forecast.cost


def test_a_table_of_prices_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text("[models.x]\ntraining = 1\n")
    with pytest.raises(TrainingError, match="prices"):
        Prices.read(path)


async def test_text_cannot_be_sent_to_a_vendor(desk: Desk) -> None:
    run = desk.new(method=Method.PRETRAIN)
    with pytest.raises(TrainingError, match="conversations only"):
        await asyncio.to_thread(
            desk.trainer.train,
            task_for(run, None, ["text"]),
            desk.runs,
            desk.reported.append,
            desk.stop,
        )


async def test_a_run_that_was_never_sent_is_cancelled_without_sending(
    vendor: TuningServer, desk: Desk
) -> None:
    desk.stop.set()
    run = await desk.train(desk.new())
    assert run.state is RunState.CANCELLED
    assert vendor.jobs == {}
    assert [call for call in vendor.calls if call.startswith("POST")] == []
