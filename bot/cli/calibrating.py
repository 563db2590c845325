"""The command `calibrate`: when to answer, learned from a question set."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    from backends.silence.calibration import Calibration
    from backends.silence.questions import Question
    from bot.settings import Settings

KEEP = 0.9


@guarded
def calibrate(
    questions: Annotated[
        Path,
        typer.Argument(
            help="JSONL lines with `question`, and `answerable` or the `document`"
            " that answers it (null for none)."
        ),
    ],
    profile: Annotated[
        str, typer.Option(help="For this profile; else the default one.")
    ] = "",
    keep: Annotated[
        float,
        typer.Option(
            min=0.5, max=1, help="The share of answerable questions still answered."
        ),
    ] = KEEP,
    as_json: AsJson = False,
) -> None:
    """Learn when to answer and when to keep silent.

    Takes questions that the documents answer and others that they do not, ten of each
    at least. Safe to run while the bot runs; it counts from the next question on.
    """
    from backends.silence.questions import read_questions

    settings = read_settings()
    start_logging("WARNING" if settings.log_level == "INFO" else settings.log_level)
    asked = read_questions(questions)
    name = profile or _default(settings)
    learned = asyncio.run(_calibrate(settings, name, asked, keep))
    if as_json:
        from dataclasses import asdict

        print_json({"profile": name, **asdict(learned)})
        return
    for line in report(name, learned):
        typer.echo(line)


def report(name: str, learned: "Calibration") -> list[str]:
    """What was learned, with how many questions fall on which side."""
    table = learned.table
    return [
        f"Learned when {name} answers from {learned.collection!r}: it must be "
        f"{learned.threshold:.0%} sure. AUROC {learned.auroc:.3f}.",
        "",
        f"{'':24}{'answered':>10}{'silent':>10}",
        f"{'documents answer it':24}{table.answered:>10}{table.wrongly_silent:>10}",
        f"{'documents do not':24}{table.wrongly_answered:>10}{table.silent:>10}",
    ]


def _default(settings: "Settings") -> str:
    from bot.profiles import read_profiles

    profiles = read_profiles(settings)
    return settings.default_backend or ("rag" if "rag" in profiles else "verbatim")


async def _calibrate(
    settings: "Settings", name: str, questions: "list[Question]", keep: float
) -> "Calibration":
    from bot import calibrating, control
    from bot.app import open_library

    if not settings.qdrant_url and await control.listening(settings.data_dir):
        note("The running bot has the documents open; it does the work.")
        return await _hand_over(settings, name, questions, keep)
    library = open_library(settings)
    try:
        return await calibrating.calibrate(
            settings, library, name, questions, keep=keep
        )
    finally:
        await library.aclose()


async def _hand_over(
    settings: "Settings", name: str, questions: "list[Question]", keep: float
) -> "Calibration":
    from backends.silence.calibration import file_of, load
    from bot import control

    arguments = {
        "profile": name,
        "keep": keep,
        "questions": [question.model_dump() for question in questions],
    }
    async for _ in control.hand_over(settings.data_dir, "calibrate", arguments):
        pass
    learned = load(file_of(settings.data_dir, name))
    if learned is None:
        raise CommandFailed("the running bot ended before it had learned anything")
    return learned
