"""`curbside calibrate` over a real collection, alone and through a running bot."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backends.knowledge.library import Library
from backends.silence.calibration import file_of, load
from backends.silence.questions import Question, read_questions
from bot import calibrating, control
from bot.cli import app
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


async def test_the_command_prints_what_it_learned(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    await library.aclose()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CURBSIDE_DATA_DIR", str(tmp_path))
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(each.model_dump_json() for each in questions()))
    run = CliRunner().invoke

    told = await asyncio.to_thread(run, app, ["calibrate", str(file), "--json"])
    few = tmp_path / "few.jsonl"
    few.write_text('{"question": "When?", "answerable": true}')
    refused = await asyncio.to_thread(run, app, ["calibrate", str(few)])

    assert told.exit_code == 0, told.output
    learned = json.loads(told.stdout)
    assert learned["profile"] == "verbatim"
    assert sum(learned["table"].values()) == len(questions())
    assert refused.exit_code == 2
    assert "too few to learn from" in refused.output
