"""A frozen dataset: the same for the same examples, and never changed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from backends.base import Passage, PastTurn
from backends.tuning.clusters import split
from backends.tuning.example import Split, Status, TrainingExample
from backends.tuning.exporting import FORMATS, export, rows
from backends.tuning.reading import DatasetError, read_examples
from backends.tuning.rendering import Recipe, lesson
from backends.tuning.snapshot import freeze, load

Many = list[TrainingExample]


def test_the_same_examples_freeze_to_the_same_folder(
    some: Many, tmp_path: Path
) -> None:
    one = freeze(split(some), tmp_path)
    two = freeze(reversed(split(some)), tmp_path)
    assert one.hash == two.hash
    assert one.folder == two.folder
    assert len(one.train) + len(one.held_out) == len(some)


def test_another_text_makes_another_dataset(some: Many, tmp_path: Path) -> None:
    one = freeze(split(some), tmp_path)
    changed = [replace(some[0], answer="Something else."), *some[1:]]
    assert freeze(split(changed), tmp_path).hash != one.hash


def test_only_approved_examples_are_frozen(some: Many, tmp_path: Path) -> None:
    parted = split(some)
    parted[0] = replace(parted[0], status=Status.REJECTED)
    assert len(freeze(parted, tmp_path).train) == len(
        [each for each in parted if each.split is Split.TRAIN][1:]
    )


def test_nothing_approved_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="approve examples"):
        freeze([], tmp_path)


def test_a_file_that_was_changed_is_refused(some: Many, tmp_path: Path) -> None:
    folder = freeze(split(some), tmp_path).folder
    path = folder / "train.jsonl"
    path.write_text(path.read_text().replace("desk", "disk"))
    with pytest.raises(DatasetError, match="was changed after it was frozen"):
        load(folder)


def test_a_folder_without_a_manifest_is_none(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="curbside dataset freeze"):
        load(tmp_path)


def test_a_lesson_has_the_prompt_that_serving_makes(some: Many) -> None:
    passage = Passage("1", "badges.md", "Badges", "Lost", "Ask at the desk.")
    example = replace(
        some[2], passages=(passage,), history=(PastTurn("Before?", "Yes."),)
    )
    with_passages = lesson(example, Recipe(with_passages=True))
    without = lesson(example, Recipe())
    assert "Ask at the desk." in with_passages.prompt[-1].content
    assert "Ask at the desk." not in without.prompt[-1].content
    assert [message.role for message in without.prompt] == [
        "system",
        "user",
        "assistant",
        "user",
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_holds_every_answer(name: str, some: Many, tmp_path: Path) -> None:
    corrected = [replace(each, rejected="I do not care.") for each in some]
    snapshot = freeze(split(corrected), tmp_path / "data")
    *files, page = export(snapshot, name, Recipe(), tmp_path / "out")
    lines = [line for path in files for line in path.read_text().splitlines()]
    assert len(lines) == len(some)
    for example in corrected:
        assert sum(example.answer in json.dumps(json.loads(x)) for x in lines) == 1
    assert "train.jsonl" in page.read_text() or "tune train" in page.read_text()


@pytest.mark.parametrize("name", ["openai", "openai-dpo", "llama-factory", "trl"])
def test_what_is_exported_can_be_read_again(name: str, some: Many) -> None:
    corrected = [replace(each, rejected="I do not care.") for each in some]
    text = "\n".join(json.dumps(row) for row in rows(corrected, name, Recipe()))
    again = read_examples(text, "again.jsonl")
    assert [each.answer for each in again] == [each.answer for each in some]


def test_a_preference_needs_corrections(some: Many) -> None:
    with pytest.raises(DatasetError, match="corrections in the chat"):
        rows(some, "openai-dpo", Recipe())


def test_a_separator_within_a_text_does_not_part_its_line(
    some: Many, tmp_path: Path
) -> None:
    odd = replace(some[3], answer="One\u2028two\x85three.", split=Split.TRAIN)
    assert odd in freeze([odd], tmp_path).train
