"""Trains at a vendor: any server with `/files` and `/fine_tuning/jobs`.

A job is created once: it carries the run's id, and is looked up before it is created
again. What was uploaded is deleted when the job has ended.
"""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from backends.prompt import estimate_tokens
from backends.tuning.exporting import openai_chat, openai_preference
from backends.tuning.prices import Prices
from backends.tuning.rendering import Lesson
from backends.tuning.run import (
    Method,
    Progress,
    Run,
    Runs,
    RunState,
    TrainingError,
)
from backends.tuning.trainers.base import Forecast, Report, Task

log = logging.getLogger(__name__)

RUN_KEY = "curbside_run"
"""Names our run in the job's metadata."""

FIRST_POLL_SECONDS = 1.0
LONGEST_POLL_SECONDS = 60.0
LOST_LIMIT = 20
"""So many looks in a row may fail before a run is left alone; it can be resumed."""


CLOSED = (
    "this platform takes no new fine-tuning jobs from your organisation ({said}). "
    "OpenAI takes none from anybody after 2027-01-06, and its tuned gpt-4o and gpt-4.1 "
    "models stop on 2027-01-14. The way out: `curbside rescue`, then "
    "`curbside tune train --trainer local`, or `curbside dataset export`"
)


@dataclass
class VendorTrainer:
    """Uploads, creates, follows; every step is in the run's file before the next."""

    base_url: str | None
    api_key: str | None
    prices: Prices
    poll_seconds: float = FIRST_POLL_SECONDS

    def forecast(self, task: Task) -> Forecast:
        """Tokens, by an estimate that is never too low, and what they cost."""
        tokens = sum(estimate_tokens(each.text()) for each in task.learn)
        epochs = task.run.hyperparameters.epochs or 3.0
        billed = int(tokens * epochs)
        cost = self.prices.training(task.run.base, billed)
        lines = (
            f"at most {billed:,} tokens: {tokens:,} in {len(task.learn)} examples, "
            f"{epochs:g} epochs",
            cost or self.prices.how_to(task.run.base),
            f"the examples are sent to {self.base_url or 'api.openai.com'}",
        )
        return Forecast(lines, tokens=billed, cost=cost)

    def train(self, task: Task, runs: Runs, report: Report, stop: Event) -> Run:
        """See the contract. Goes on with the job that the run has already."""
        run = task.run
        if run.method is Method.PRETRAIN:
            raise TrainingError("vendors train on conversations only; use `local`")
        with vendor_client(self.base_url, self.api_key) as client:
            run = runs.change(
                run,
                state=RunState.RUNNING,
                began=run.began or datetime.now(UTC),
                error="",
            )
            job = self._find(client, run)
            if job is None and stop.is_set():
                # Nothing is sent, and nothing bought, in order to be cancelled.
                return self._cancelled(client, run, runs)
            if job is None:
                report(Progress(note="uploading the examples"))
                job = self._create(client, task, self._upload(client, task))
            run = runs.change(run, job=job.id)
            return self._follow(client, run, runs, report, stop)

    def _find(self, client: Any, run: Run) -> Any:
        """The job of this run, if there is one: by its id, or by its mark."""
        if run.job:
            return client.fine_tuning.jobs.retrieve(run.job)
        for job in client.fine_tuning.jobs.list():
            if (job.metadata or {}).get(RUN_KEY) == run.id:
                return job
        return None

    def _upload(self, client: Any, task: Task) -> dict[str, str]:
        """The files, once each: one of the same name from an attempt before is used."""
        there = {file.filename: file.id for file in client.files.list()}
        files = {}
        parts = {"training_file": task.learn, "validation_file": task.held_out}
        for key, lessons in parts.items():
            if not lessons:
                continue
            name = f"curbside-{task.run.id}-{key.partition('_')[0]}.jsonl"
            if name not in there:
                content = io.BytesIO(_jsonl(lessons, task.run.method))
                there[name] = client.files.create(
                    file=(name, content), purpose="fine-tune"
                ).id
            files[key] = there[name]
        return files

    def _create(self, client: Any, task: Task, files: dict[str, str]) -> Any:
        """Create the job; when the answer is lost, look whether it is there."""
        run = task.run
        once = client.with_options(max_retries=0)
        try:
            return once.fine_tuning.jobs.create(
                model=run.base,
                method=_method(run),
                seed=run.hyperparameters.seed,
                suffix=run.name[:40],
                metadata={RUN_KEY: run.id, "dataset_sha256": run.dataset_hash},
                **files,
            )
        except Exception as error:
            if not _unclear(error):
                raise
            if (job := self._find(client, run)) is not None:
                return job
            raise TrainingError(
                f"the vendor did not answer when the job was created ({error}), and "
                f"there is no such job; try again: `curbside tune resume {run.id}`"
            ) from error

    def _follow(
        self, client: Any, run: Run, runs: Runs, report: Report, stop: Event
    ) -> Run:
        pause, lost, seen = self.poll_seconds, 0, set[str]()
        while True:
            try:
                job = client.fine_tuning.jobs.retrieve(run.job)
                self._events(client, run, runs, report, seen)
                lost = 0
            except Exception as error:
                lost += 1
                if not _unclear(error) or lost >= LOST_LIMIT:
                    raise
                report(Progress(note=f"the vendor does not answer: {error}"))
                job = None
            if job is not None and job.status in ("succeeded", "failed", "cancelled"):
                return self._ended(client, run, runs, job)
            if stop.is_set():
                # A job costs money: it is not left to itself.
                client.fine_tuning.jobs.cancel(run.job)
                return self._cancelled(client, run, runs)
            stop.wait(pause)
            pause = min(pause * 1.5, LONGEST_POLL_SECONDS)

    def _cancelled(self, client: Any, run: Run, runs: Runs) -> Run:
        with _optional("deleting what was uploaded"):
            self._clean_up(client, run)
        return runs.change(run, state=RunState.CANCELLED, ended=datetime.now(UTC))

    def _events(
        self, client: Any, run: Run, runs: Runs, report: Report, seen: set[str]
    ) -> None:
        """Report what is new, the oldest first."""
        fresh = []
        for event in client.fine_tuning.jobs.list_events(run.job):
            if event.id in seen:
                break
            fresh.append(event)
        for event in reversed(fresh):
            seen.add(event.id)
            data = event.data if isinstance(event.data, dict) else {}
            progress = Progress(
                step=int(data.get("step") or 0),
                steps=int(data.get("total_steps") or 0),
                loss=data.get("train_loss"),
                held_out_loss=data.get("valid_loss"),
                note="" if data.get("train_loss") is not None else event.message,
            )
            runs.note(run, progress)
            report(progress)

    def _ended(self, client: Any, run: Run, runs: Runs, job: Any) -> Run:
        with _optional("its checkpoints and results"):
            self._keep(client, run, runs.folder(run), job)
        with _optional("deleting what was uploaded"):
            self._clean_up(client, run)
        ended = datetime.now(UTC)
        if job.status == "cancelled":
            return runs.change(run, state=RunState.CANCELLED, ended=ended)
        if job.status == "failed":
            said = job.error.message if job.error else "the vendor gives no reason"
            return runs.change(run, state=RunState.FAILED, ended=ended, error=said)
        metrics = {"trained_tokens": float(job.trained_tokens or 0)}
        for point in runs.curve(run):
            if point.loss is not None:
                metrics["loss"] = point.loss
            if point.held_out_loss is not None:
                metrics["held_out_loss"] = point.held_out_loss
        return runs.change(
            run,
            state=RunState.SUCCEEDED,
            ended=ended,
            model=job.fine_tuned_model,
            metrics=metrics,
            cost=self.prices.training(run.base, int(job.trained_tokens or 0)),
        )

    def _keep(self, client: Any, run: Run, folder: Path, job: Any) -> None:
        """Checkpoints and result files, while the vendor still has them."""
        checkpoints = [
            point.to_dict()
            for point in client.fine_tuning.jobs.checkpoints.list(job.id)
        ]
        if checkpoints:
            path = folder / "checkpoints.json"
            path.write_text(json.dumps(checkpoints, indent=2), encoding="utf-8")
        for id in job.result_files or ():
            (folder / f"{id}.csv").write_bytes(client.files.content(id).read())

    def _clean_up(self, client: Any, run: Run) -> None:
        """Delete what was uploaded for this run."""
        for file in client.files.list():
            if file.filename.startswith(f"curbside-{run.id}-"):
                client.files.delete(file.id)


@contextmanager
def vendor_client(base_url: str | None, api_key: str | None) -> Iterator[Any]:
    """The SDK's client; what it raises becomes a TrainingError."""
    from openai import OpenAI

    client = OpenAI(
        base_url=base_url, api_key=api_key or "none", timeout=60.0, max_retries=2
    )
    try:
        with _translated():
            yield client
    finally:
        client.close()


def _jsonl(lessons: tuple[Lesson, ...], method: Method) -> bytes:
    row = openai_preference if method is Method.DPO else openai_chat
    lines = (json.dumps(row(each), ensure_ascii=False) for each in lessons)
    return "".join(f"{line}\n" for line in lines).encode()


def _method(run: Run) -> dict[str, Any]:
    """The settings of a job; what is left open the vendor chooses."""
    chosen = run.hyperparameters
    given: dict[str, Any] = {}
    if chosen.epochs:
        given["n_epochs"] = round(chosen.epochs)
    if chosen.batch_size:
        given["batch_size"] = chosen.batch_size
    if run.method is Method.DPO:
        given["beta"] = chosen.beta
        return {"type": "dpo", "dpo": {"hyperparameters": given}}
    return {"type": "supervised", "supervised": {"hyperparameters": given}}


def _unclear(error: Exception) -> bool:
    """Whether the vendor may have done what it was asked."""
    from openai import APIConnectionError, InternalServerError, RateLimitError

    return isinstance(error, APIConnectionError | InternalServerError | RateLimitError)


@contextmanager
def _translated() -> Iterator[None]:
    """The one place where the SDK's exceptions become ours."""
    import openai

    try:
        yield
    except openai.PermissionDeniedError as error:
        raise TrainingError(CLOSED.format(said=_said(error))) from error
    except openai.AuthenticationError as error:
        raise TrainingError(
            f"the vendor does not accept the key ({_said(error)}); set "
            "CURBSIDE_MODEL_API_KEY or OPENAI_API_KEY"
        ) from error
    except openai.NotFoundError as error:
        raise TrainingError(
            f"the vendor does not know it ({_said(error)}): a job that vanished, a "
            "model that cannot be tuned, or a server without /fine_tuning/jobs; look "
            "there, then begin a new run"
        ) from error
    except openai.APIStatusError as error:
        raise TrainingError(f"the vendor refuses: {_said(error)}") from error
    except openai.APIError as error:
        raise TrainingError(
            f"the vendor does not answer ({error}); the job goes on without us: "
            "`curbside tune resume` follows it again"
        ) from error


@contextmanager
def _optional(what: str) -> Iterator[None]:
    """What not every compatible server has: the run does not fail for want of it."""
    import openai

    try:
        yield
    except openai.APIError as error:
        log.warning("the vendor does without %s: %s", what, error)


def _said(error: Any) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    return str(body.get("message") or error.message)[:300]
