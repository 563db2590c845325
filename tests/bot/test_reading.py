"""Files that come with questions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from house import ANN, PLACE, House, Start

from backends.base import End, Text, Turn
from bot.model import Attachment, Author, Deleted, Said
from bot.testing import ScriptedBackend
from bot.words import say

PLAN = Attachment("plan.md", "text/markdown", 20, "plan")
PHOTO = Attachment("photo.png", "image/png", 4, "photo")
FILES = {"plan": b"# Plan\n\nThe room is 4.", "photo": b"\x89PNG"}


def seen(turn: Turn) -> list[Any]:
    names = [f"{file.name}:{file.text or len(file.image)}" for file in turn.files]
    return [Text("; ".join(names) or "no files"), End()]


async def begin(start: Start, files: Mapping[str, bytes] = FILES) -> House:
    house = await start(seen=ScriptedBackend(seen))
    house.platform.files.update(files)
    return house


async def ask(house: House, text: str, *files: Attachment, author: Author = ANN) -> str:
    message = replace(house.message(text, author), attachments=files)
    await house.app.reception.accept(Said(message))
    await house.quiet()
    return house.platform.texts()[-1]


async def test_a_file_is_read_for_its_conversation(start: Start) -> None:
    house = await begin(start)

    assert "The room is 4." in await ask(house, "Which room?", PLAN)
    assert "The room is 4." in await ask(house, "And again?", author=Author("bob"))
    elsewhere = replace(PLACE, thread="other")
    assert await house.ask("Which room?", place=elsewhere) == "no files"


async def test_a_file_without_a_question_waits_for_one(start: Start) -> None:
    house = await begin(start)

    assert await ask(house, "", PLAN) == say("files_read", names="plan.md")
    assert house.backends["seen"].turns == []
    assert "The room is 4." in await ask(house, "Which room?")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (replace(PLAN, url="gone"), "plan.md cannot be read"),
        (replace(PLAN, size=50 * 2**20), "plan.md is larger than 20 MB"),
        (PHOTO, "photo.png is an image, and what answers here reads none"),
        (
            Attachment("tool.exe", "application/x", 4, "photo"),
            "'tool.exe' is of a type",
        ),
    ],
    ids=["gone", "too large", "image", "type"],
)
async def test_what_cannot_be_read_is_said(
    start: Start, file: Attachment, words: str
) -> None:
    house = await begin(start)

    answer = await ask(house, "Which room?", file)

    assert answer.startswith("no files\nNot read: ")
    assert words in answer
    assert words in await ask(house, "", file)


async def test_a_model_that_looks_at_pictures_gets_them(start: Start) -> None:
    house = await begin(start)
    house.backends["seen"].takes_images = True

    assert await ask(house, "What is it?", PHOTO) == "photo.png:4"


async def test_no_more_files_than_the_settings_say(start: Start) -> None:
    house = await begin(start)
    many = [replace(PLAN, name=f"{number}.md") for number in range(7)]

    answer = await ask(house, "Which room?", *many)

    assert [file.name for file in house.backends["seen"].turns[0].files] == [
        "0.md",
        "1.md",
        "2.md",
        "3.md",
        "4.md",
    ]
    assert "5.md is one more than the 5 files" in answer


async def test_a_deleted_message_takes_its_files_along(start: Start) -> None:
    house = await begin(start)
    await ask(house, "Which room?", PLAN)

    await house.app.reception.accept(Deleted(PLACE, "1"))
    await house.quiet()

    assert await ask(house, "Which room?") == "no files"


@pytest.mark.parametrize("words", ["reset", "forget me"])
async def test_files_are_forgotten(start: Start, words: str) -> None:
    house = await begin(start)
    await ask(house, "Which room?", PLAN)

    await ask(house, words)

    assert await ask(house, "Which room?") == "no files"
    assert await house.app.state.records.newest("file") == []
