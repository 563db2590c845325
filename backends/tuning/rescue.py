"""Takes a vendor's fine-tune home: its examples, and what its training was."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from backends.tuning.run import Hyperparameters, Method, TrainingError
from backends.tuning.trainers.vendor import vendor_client

ENDS = {
    "gpt-4o": date(2027, 1, 14),
    "gpt-4.1": date(2027, 1, 14),
    "gpt-4.1-nano": date(2026, 10, 23),
    "gpt-3.5-turbo": date(2026, 10, 23),
    "gpt-4-": date(2026, 10, 23),
    "o4-mini": date(2026, 10, 23),
}
"""When OpenAI turns off what was tuned from these, by its deprecations page (seen
2026-11-20); the longest name that fits counts."""


@dataclass(frozen=True, slots=True)
class Rescued:
    """A job as it was: what it learned from, and how."""

    job: str
    base: str
    model: str
    method: Method
    training: str
    held_out: str
    hyperparameters: Hyperparameters
    ends: date | None


def fetch_job(job_id: str, base_url: str | None, api_key: str | None) -> Rescued:
    """A job with its files, from the vendor. Raises TrainingError."""
    with vendor_client(base_url, api_key) as client:
        job = client.fine_tuning.jobs.retrieve(job_id)
        training = _file(client, job.training_file, "training")
        held_out = ""
        if job.validation_file:
            held_out = _file(client, job.validation_file, "validation")
    method, given = _method(job)
    return Rescued(
        job=job.id,
        base=job.model,
        model=job.fine_tuned_model or "",
        method=method,
        training=training,
        held_out=held_out,
        hyperparameters=Hyperparameters(
            epochs=_number(given.get("n_epochs")),
            batch_size=int(_number(given.get("batch_size"))),
            seed=job.seed or 7,
        ),
        ends=end_of(job.model),
    )


def end_of(model: str) -> date | None:
    """When what was tuned from a model is turned off, if that is known here."""
    known = [name for name in ENDS if model.removeprefix("ft:").startswith(name)]
    return ENDS[max(known, key=len)] if known else None


def _file(client: Any, id: str, what: str) -> str:
    from openai import NotFoundError

    try:
        return str(client.files.content(id).read().decode())
    except NotFoundError as error:
        raise TrainingError(
            f"the {what} file {id} of this job is not kept by the vendor any more; "
            "name a copy of it instead: curbside rescue FILE"
        ) from error


def _method(job: Any) -> tuple[Method, dict[str, Any]]:
    """The method of a job with its settings; older jobs only have the latter."""
    if job.method is None:
        return Method.SFT, _plain(job.hyperparameters)
    kind = job.method.type
    if kind == "dpo":
        return Method.DPO, _plain(job.method.dpo and job.method.dpo.hyperparameters)
    if kind == "supervised":
        found = job.method.supervised
        return Method.SFT, _plain(found and found.hyperparameters)
    raise TrainingError(
        f"the job was trained by {kind!r}, which cannot be repeated here; its examples "
        "can: curbside rescue FILE"
    )


def _plain(settings: Any) -> dict[str, Any]:
    return dict(settings.to_dict()) if settings is not None else {}


def _number(value: Any) -> float:
    """A setting that may be "auto"."""
    return float(value) if isinstance(value, int | float) else 0.0
