"""The examples: read, chosen, shown to those who may see them."""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backends.base import BackendMisconfigured, BackendUnavailable, PastTurn, Turn
from backends.few_shot import NearestExamples, read_examples
from backends.services import Services
from backends.testing import services_for_tests

LINES = [
    {"question": "When do you open?", "answer": "At eight."},
    {"question": "May I bring my dog?", "answer": "It waits outside."},
    {
        "question": "Where are the morphine keys?",
        "answer": "Safe.",
        "labels": ["staff"],
    },
]
PUBLIC = frozenset({"public"})


def written(path: Path, lines: Sequence[object] = LINES) -> Path:
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n\n")
    return path


def spoil(path: Path) -> None:
    path.write_text('{"question": "May')


def remove(path: Path) -> None:
    path.unlink()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path / "examples.jsonl")


def questions(examples: Sequence[object]) -> list[str]:
    return [getattr(example, "question", "") for example in examples]


async def nearest(source: NearestExamples, question: str, **turn: object) -> list[str]:
    asked = replace(Turn(question, audience=PUBLIC), **turn)  # type: ignore[arg-type]
    return questions((await source.gather(asked)).examples)


async def test_the_most_alike_example_comes_first(path: Path) -> None:
    source = NearestExamples(path, 2, services_for_tests())

    assert (await nearest(source, "Is my dog welcome?"))[0] == "May I bring my dog?"
    assert len(await nearest(source, "Is my dog welcome?")) == 2


async def test_an_example_is_shown_only_to_its_audience(path: Path) -> None:
    source = NearestExamples(path, 9, services_for_tests())
    question = "Where are the morphine keys?"

    assert "morphine" not in " ".join(await nearest(source, question))
    staff = await nearest(source, question, audience=frozenset({"public", "staff"}))
    assert staff[0] == question
    assert await nearest(source, question, audience=frozenset()) == []


async def test_a_follow_up_is_understood_by_the_question_before(path: Path) -> None:
    source = NearestExamples(path, 1, services_for_tests())
    history = (PastTurn("May my dog come?", "Yes."),)

    assert await nearest(source, "And inside?", history=history) == [
        "May I bring my dog?"
    ]


def embedding(texts: list[str]) -> NDArray[np.float32]:
    """Two dimensions: animals and time."""
    rows = [["dog" in text or "cat" in text, "open" in text] for text in texts]
    return np.array(rows, np.float32) + 0.1


async def embed(texts: list[str]) -> NDArray[np.float32]:
    return embedding(texts)


async def embed_down(texts: list[str]) -> NDArray[np.float32]:
    raise BackendUnavailable("no embeddings today")


def with_embedding(function: object = embed) -> Services:
    return replace(services_for_tests(), embed=function)  # type: ignore[arg-type]


async def test_with_embeddings_meaning_counts(path: Path) -> None:
    source = NearestExamples(path, 1, with_embedding())

    assert await nearest(source, "Is my cat welcome?") == ["May I bring my dog?"]


async def test_without_working_embeddings_words_count(path: Path) -> None:
    source = NearestExamples(path, 1, with_embedding(embed_down))

    assert await nearest(source, "Is my dog welcome?") == ["May I bring my dog?"]


async def test_embeddings_that_fail_later_do_no_harm(path: Path) -> None:
    alive = True

    async def flaky(texts: list[str]) -> NDArray[np.float32]:
        return embedding(texts) if alive else await embed_down(texts)

    source = NearestExamples(path, 1, with_embedding(flaky))
    await nearest(source, "Is my cat welcome?")
    alive = False

    assert await nearest(source, "Is my dog welcome?") == ["May I bring my dog?"]


async def test_an_edited_file_is_read_again(path: Path) -> None:
    source = NearestExamples(path, 1, services_for_tests())
    await nearest(source, "Cat?")

    written(path, [{"question": "May I bring my cat?", "answer": "No."}])
    os.utime(path, (1, 1))

    assert await nearest(source, "Is my cat welcome?") == ["May I bring my cat?"]
    assert await source.check() == ""


async def test_half_an_edit_does_not_silence_it(path: Path) -> None:
    source = NearestExamples(path, 1, services_for_tests())

    spoil(path)

    assert await nearest(source, "Is my dog welcome?") == ["May I bring my dog?"]
    assert "line 1" in await source.check()


async def test_a_file_that_vanished_is_told_by_health_only(path: Path) -> None:
    source = NearestExamples(path, 1, services_for_tests())

    remove(path)

    assert await nearest(source, "Is my dog welcome?") == ["May I bring my dog?"]
    assert "cannot be read" in await source.check()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no example"),
        ("\n \n", "holds no example"),
        ('{"question": "a", "answer": "b"}\nnope', "line 2"),
        ('["a"]', "line 1"),
        ('{"question": "", "answer": "b"}', "line 1"),
        ('{"question": "a"}', "line 1"),
        ('{"question": "a", "answer": "b", "labels": "public"}', "line 1"),
    ],
)
def test_a_wrong_file_is_told_by_its_line(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_text(text)

    with pytest.raises(BackendMisconfigured, match=words):
        read_examples(path)


def test_empty_labels_mean_public(tmp_path: Path) -> None:
    line = {"question": "a", "answer": "b", "labels": [], "source": "faq"}

    (example,) = read_examples(written(tmp_path / "e.jsonl", [line]))

    assert example.labels == PUBLIC
