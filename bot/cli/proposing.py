"""`curbside dataset from-documents`, `passages` and `stats`."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.datasets import opened, perform
from bot.cli.terminal import (
    AsJson,
    CommandFailed,
    guarded,
    note,
    print_json,
    read_settings,
    start_logging,
)

if TYPE_CHECKING:
    from backends.chat_api import ChatModel
    from backends.knowledge.chunking import Piece
    from backends.tuning.example import TrainingExample
    from bot.examples import Examples
    from bot.settings import Settings


@guarded
def from_documents(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files and folders; else `documents` of the settings."),
    ] = None,
    each: Annotated[int, typer.Option(min=1, max=5, help="Questions a passage.")] = 2,
    limit: Annotated[int, typer.Option(min=1, help="Passages that are read.")] = 200,
) -> None:
    """Have the model of [model] propose questions and answers; people review them."""
    settings = read_settings()
    start_logging("WARNING")
    wanted = paths or settings.documents
    if not wanted:
        raise CommandFailed("name files or folders, or set `documents`")
    pieces = _pieces(wanted)[:limit]
    note(f"reading {len(pieces)} passages")
    new = asyncio.run(_propose(settings, pieces, each))
    typer.echo(f"{new} new candidates; look at them: curbside dataset review")


def _pieces(paths: list[Path]) -> list["Piece"]:
    from backends.base import BackendError
    from backends.knowledge.chunking import cut
    from backends.knowledge.loaders import load
    from backends.knowledge.sources.base import FOLDER_LABELS, STAFF
    from backends.knowledge.sources.files import find

    pieces = []
    for found in find(paths):
        try:
            document = load(found.path, found.name)
        except BackendError as error:
            note(f"skipped {found.path}: {error}")
            continue
        # The same labels as in the collection: an example shows what it is made of.
        labels = document.labels or FOLDER_LABELS.get(found.folder, STAFF)
        pieces += cut(document, labels)
    return pieces


async def _propose(settings: "Settings", pieces: list["Piece"], each: int) -> int:
    from backends.tuning.proposing import propose

    model = _model(settings)
    new = 0
    try:
        async with opened(settings) as examples:
            async for example in propose(pieces, model, each=each):
                new += await examples.add(example)
    finally:
        await model.aclose()
    return new


def _model(settings: "Settings") -> "ChatModel":
    from backends.chat_api import ChatModel
    from backends.chat_types import Endpoint, Timeouts

    given = settings.model
    if not given.base_url and not given.api_key:
        raise CommandFailed(
            "a model has to write them: set `base_url` or a key under [model]"
        )
    key = given.api_key.get_secret_value() if given.api_key else None
    endpoint = Endpoint(given.base_url, key, given.name or "", "[model]")
    return ChatModel(endpoint, Timeouts(total=300))


@guarded
def passages(
    count: Annotated[int, typer.Option(min=2, max=20, help="Passages each.")] = 5,
    collection: Annotated[str, typer.Option(help="Else that of the settings.")] = "",
) -> None:
    """Put other passages beside the own ones of examples, for a hybrid profile.

    Stop the bot first where the documents are embedded: one process holds them.
    """
    from backends.tuning.passages import among_others
    from bot.app import open_library

    async def work(settings: "Settings", examples: "Examples") -> int:
        library = open_library(settings)
        changed = 0
        try:
            search = await library.search(collection or settings.collection)
            for example in await examples.all():
                if not example.passages:
                    continue
                found = await search.search(
                    example.question, example.history, example.labels, 4 * count
                )
                more = among_others(example, found, count=count)
                await examples.save(more)
                changed += more != example
        finally:
            await library.aclose()
        return changed

    typer.echo(f"{perform(work)} examples have passages beside their own")


@guarded
def stats(
    base: Annotated[str, typer.Option(help="Count tokens as this model does.")] = "",
    as_json: AsJson = False,
) -> None:
    """The examples in numbers: how long, about what, how they grew."""
    from backends.prompt import estimate_tokens
    from backends.tuning.counting import counter
    from backends.tuning.stats import chart
    from backends.tuning.stats import stats as of

    async def work(_: "Settings", examples: "Examples") -> list["TrainingExample"]:
        return await examples.all()

    found = of(perform(work), counter(base) if base else estimate_tokens)
    if as_json:
        print_json(asdict(found))
        return
    charts = (
        ("status", found.status),
        ("approved, by origin", found.origin),
        ("part", found.split),
        (f"tokens (median {found.median_tokens})", found.tokens),
        ("topics", found.topics),
        ("growth", found.months),
    )
    typer.echo("\n\n".join(filter(None, (chart(*each) for each in charts))))
