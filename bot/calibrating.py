"""Learns from a question set when a profile answers and when it keeps silent."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from backends.base import BackendError
from backends.knowledge.library import Library
from backends.silence.calibration import Calibration, file_of, load, save
from backends.silence.questions import Question
from bot import control
from bot.errors import CurbsideError
from bot.profiles import read_profiles
from bot.settings import Settings

KINDS = ("rag", "hybrid", "verbatim")
PASSAGES = 6

Told = Callable[[int], None]


async def calibrate(
    settings: Settings,
    library: Library,
    name: str,
    questions: Sequence[Question],
    *,
    keep: float,
    told: Told = lambda _: None,
) -> Calibration:
    """Search for each question, learn, and keep it for the profile of this name.

    Raises CurbsideError, BackendError.
    """
    from backends.silence.features import features
    from backends.silence.learning import Judged, learn

    profile = read_profiles(settings).get(name)
    if profile is None or profile.kind not in KINDS:
        fitting = [n for n, p in read_profiles(settings).items() if p.kind in KINDS]
        why = "is no profile" if profile is None else "answers without documents"
        raise CurbsideError(f"{name!r} {why}; choose one of {', '.join(fitting)}")
    collection = str(profile.options.get("collection") or settings.collection)
    limit = int(profile.options.get("passages", PASSAGES))
    search = await library.search(collection)
    audience = frozenset(
        label for labels in settings.audience.values() for label in labels
    )
    judged = []
    for number, question in enumerate(questions, 1):
        asked = question.question
        found = await search.search(asked, question.turns, audience, limit)
        judged.append(Judged(features(asked, found), question.answerable))
        told(number)
    calibration = await asyncio.to_thread(learn, judged, collection, keep=keep)
    await asyncio.to_thread(save, calibration, file_of(settings.data_dir, name))
    return calibration


def jobs(settings: Settings, library: Library) -> dict[str, control.Job]:
    """What the owner of the documents does for `curbside calibrate`."""

    async def job(arguments: dict[str, Any], emit: control.Emit) -> None:
        calibration = await calibrate(
            settings,
            library,
            arguments["profile"],
            [Question.model_validate(row) for row in arguments["questions"]],
            keep=arguments["keep"],
        )
        await emit({"calibration": asdict(calibration)})

    return {"calibrate": job}


def explained(settings: Settings) -> list[str]:
    """For `status`: what was learned for each profile."""
    lines = []
    for name in read_profiles(settings):
        try:
            calibration = load(file_of(settings.data_dir, name))
        except BackendError as error:
            lines.append(str(error))
            continue
        if calibration is not None:
            lines.append(calibration.explained(name))
    return lines
