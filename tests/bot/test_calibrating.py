"""`curbside calibrate` over a real collection, alone and through a running bot."""

import json
from pathlib import Path

import pytest

from backends.knowledge.library import Library
from backends.silence.calibration import file_of, load
from backends.silence.questions import Question, read_questions
from bot import calibrating, control
from bot.errors import CurbsideError
from bot.settings import Settings

EXAMPLES = Path(__file__).parents[2] / "examples"


def questions() -> list[Question]:
    """Some of the handbook's questions, of both kinds."""
    asked = read_questions(EXAMPLES / "questions.jsonl")
    yes = [question for question in asked if question.answerable]
    return [*yes[:12], *(question for question in asked if not question.answerable)]


@pytest.fixture
async def library(tmp_path: Path) -> Library:
    library = Library(tmp_path)
    handbook = EXAMPLES / "handbook" / "public"
    await library.ingest("documents", [handbook / "opening-hours.md"])
    return library


async def test_learns_for_a_profile_and_tells_in_status(
    tmp_path: Path, library: Library
) -> None:
    settings = Settings(data_dir=tmp_path)

    learned = await calibrating.calibrate(
        settings, library, "verbatim", questions(), keep=0.9
    )
    await library.aclose()

    assert load(file_of(tmp_path, "verbatim")) == learned
    (line,) = calibrating.explained(settings)
    assert line == learned.explained("verbatim")


async def test_a_running_bot_learns_for_others(
    tmp_path: Path, library: Library
) -> None:
    settings = Settings(data_dir=tmp_path)
    arguments = {
        "profile": "verbatim",
        "keep": 0.9,
        "questions": [question.model_dump() for question in questions()],
    }

    async with control.serve(tmp_path, calibrating.jobs(settings, library)):
        lines = [
            line async for line in control.hand_over(tmp_path, "calibrate", arguments)
        ]
    await library.aclose()

    learned = load(file_of(tmp_path, "verbatim"))
    assert learned is not None
    assert lines[-1]["calibration"]["threshold"] == learned.threshold
    assert json.dumps(lines)


async def test_a_profile_without_documents_is_refused(
    tmp_path: Path, library: Library
) -> None:
    backends = {"plain": {"kind": "few_shot"}}
    settings = Settings(data_dir=tmp_path, backends=backends)

    for name, why in (("plain", "answers without documents"), ("x", "is no profile")):
        with pytest.raises(CurbsideError, match=f"{why}; choose one of verbatim"):
            await calibrating.calibrate(settings, library, name, [], keep=0.9)
    await library.aclose()
