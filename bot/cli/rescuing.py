"""`curbside rescue`: a vendor's fine-tune becomes examples here, and a training."""

import asyncio
import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.datasets import perform, read_file, whoami
from bot.cli.terminal import CommandFailed, guarded, note, read_settings, start_logging

if TYPE_CHECKING:
    from backends.tuning.example import TrainingExample
    from backends.tuning.rescue import Rescued
    from bot.examples import Examples
    from bot.models import Models
    from bot.settings import Settings

STEPS = """
Next:
1. curbside dataset check, then: curbside dataset split
2. curbside tune train {name} --base YOUR-BASE{how}
   (YOUR-BASE is an instruct model that you can serve, as a folder or by its name)
3. serve it with vLLM, or for a trial: curbside serve-adapter YOUR-BASE
4. curbside tune deploy {name} --base-url http://127.0.0.1:8000/v1
5. in the chat: use {name}
docs/fine-tuning.md tells more."""


@guarded
def rescue(
    what: Annotated[
        str, typer.Argument(help="A job (ftjob-...), or its training file.")
    ],
    name: Annotated[
        str, typer.Option(help="What the model is called here.")
    ] = "rescued",
    approve: Annotated[
        bool,
        typer.Option(
            "--approve", help="Approve all: they were trained on before. Else review."
        ),
    ] = False,
) -> None:
    """Take a vendor's fine-tune home: its examples, checked, and the same training."""
    from backends.tuning.rescue import fetch_job

    settings = read_settings()
    start_logging("WARNING")
    path, rescued = Path(what), None
    if path.is_file():
        texts = {path.name: read_file(path)}
    elif path.suffix:
        raise CommandFailed(f"there is no file {what!r}")
    else:
        key = settings.model.api_key
        rescued = fetch_job(
            what, settings.model.base_url, key.get_secret_value() if key else None
        )
        texts = {f"{what}.jsonl": rescued.training}
        if rescued.held_out:
            texts[f"{what}-held-out.jsonl"] = rescued.held_out
    found = _examples(texts)
    new = _take_in(found, approve=approve)
    typer.echo(f"{new} of {len(found)} examples are new here")
    if rescued is not None and rescued.model:
        asyncio.run(_register(settings, name, rescued))
        ends = f"; it is turned off on {rescued.ends}" if rescued.ends else ""
        note(f"the vendor's model is registered as {name}-vendor{ends}")
    _tell(found, name, rescued, approve=approve)


def _examples(texts: dict[str, str]) -> list["TrainingExample"]:
    from backends.tuning.example import Split
    from backends.tuning.reading import read_examples

    found = []
    for name, text in texts.items():
        part = Split.HELD_OUT if name.endswith("-held-out.jsonl") else Split.NONE
        found += [replace(each, split=part) for each in read_examples(text, name)]
    return found


def _take_in(found: Sequence["TrainingExample"], *, approve: bool) -> int:
    from backends.tuning.example import Review, Status

    if approve:
        review = Review(whoami(), datetime.now(UTC), "trained on before")
        found = [replace(each, status=Status.APPROVED, review=review) for each in found]

    async def work(_: "Settings", examples: "Examples") -> int:
        return sum([await examples.add(example) for example in found])

    return perform(work)


async def _register(settings: "Settings", name: str, rescued: "Rescued") -> None:
    """The vendor's own model can go on answering, until it is turned off."""
    from bot.models import TunedModel
    from bot.training import with_models

    async def work(registry: "Models") -> None:
        await registry.put(
            TunedModel(
                f"{name}-vendor",
                rescued.base,
                datetime.now(UTC),
                run=rescued.job,
                served_as=rescued.model,
                base_url=settings.model.base_url or "",
                shutdown_date=rescued.ends,
            )
        )

    await with_models(settings, work)


def _tell(
    found: Sequence["TrainingExample"],
    name: str,
    rescued: "Rescued | None",
    *,
    approve: bool,
) -> None:
    how = ""
    systems = {each.system for each in found}
    if len(systems) == 1 and (system := systems.pop()):
        how += f" --system {shlex.quote(system)}"
    if rescued is not None:
        how += f" --method {rescued.method.value}"
        if rescued.hyperparameters.epochs:
            how += f" --epochs {rescued.hyperparameters.epochs:g}"
    if not approve:
        note("they are candidates: curbside dataset review (or --approve)")
    typer.echo(STEPS.format(name=name, how=how))
