"""Attached files in prompts and answers."""

from dataclasses import replace

import pytest

from backends.attached import PART_CHARACTERS, PARTS, file_passages, with_images
from backends.base import File, Turn
from backends.prompt import Message, Prompt

AUDIENCE = frozenset({"public"})
PLAN = File("plan.pdf", "The room is 4.\n\nBring gloves.")


def turn(*files: File, question: str = "Which room?") -> Turn:
    return Turn(question, audience=AUDIENCE, files=files)


def test_a_short_file_is_one_passage_that_the_place_may_see() -> None:
    [passage] = file_passages(turn(PLAN))

    assert (passage.title, passage.text) == ("plan.pdf", PLAN.text)
    assert passage.labels == AUDIENCE


def test_of_a_long_file_the_nearest_parts_in_their_order() -> None:
    dull = ["Nothing to see in this paragraph. " * 30 for _ in range(40)]
    dull[30] = "The fridge alarm is silenced by the blue key. " * 20
    dull[35] = "Where the blue key of the fridge alarm hangs. " * 20

    parts = file_passages(
        turn(File("long.txt", "\n\n".join(dull)), question="fridge alarm blue key?")
    )

    assert len(parts) == PARTS
    texts = [part.text for part in parts]
    at = next(n for n, text in enumerate(texts) if text.startswith("The fridge"))
    assert any(text.startswith("Where the blue") for text in texts[at:])
    numbers = [int(part.id.rpartition(":")[2]) for part in parts]
    assert numbers == sorted(numbers)


def test_a_paragraph_without_an_end_is_cut() -> None:
    parts = file_passages(turn(File("one.txt", "x" * 3 * PART_CHARACTERS)))

    assert [len(part.text) for part in parts] == [PART_CHARACTERS] * 3


@pytest.mark.parametrize("file", [File("a.png", image=b"i"), File("e.txt", " \n\n ")])
def test_what_has_no_text_is_no_passage(file: File) -> None:
    assert file_passages(turn(file)) == ()


def test_pictures_go_beside_the_question() -> None:
    prompt = Prompt((Message("system", "s"), Message("user", "What is this?")))
    picture = File("a.png", image=b"\x01", media_type="image/png")

    shown = with_images(prompt, turn(PLAN, picture))

    assert shown.messages[0].as_dict() == {"role": "system", "content": "s"}
    assert shown.messages[1].as_dict()["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQ=="}},
    ]
    assert with_images(prompt, replace(turn(PLAN))) == prompt
