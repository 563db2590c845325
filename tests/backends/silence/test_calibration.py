"""When to answer is learned from questions, kept, and explained."""

import random
from pathlib import Path

import pytest

from backends.base import BackendMisconfigured, Passage
from backends.silence.calibration import Calibration, file_of, load, save
from backends.silence.decision import Silence
from backends.silence.features import NAMES, features
from backends.silence.learning import Judged, auroc, held_out, learn
from backends.silence.questions import read_questions

PUBLIC = frozenset({"public"})


def passage(text: str, support: float, score: float) -> Passage:
    return Passage("p", "d", "", "", text, labels=PUBLIC, support=support, score=score)


def judged(count: int = 200, seed: int = 1) -> list[Judged]:
    """Questions of which the better supported ones can more often be answered."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        support = chance.random()
        rest = [chance.random() for _ in NAMES[1:]]
        found.append(Judged((support, *rest), chance.random() < support))
    return found


def test_features_are_what_a_search_says() -> None:
    passages = [passage("We close at 16:30.", 0.6, 2.0), passage("Dogs.", 0.6, 1.0)]

    assert features("When do you close?", passages) == (0.6, 2.0, 1.0, 1.0)
    assert features("When?", []) == (0.0, 0.0, 0.0, 0.0)


def test_learns_what_tells_the_two_kinds_apart() -> None:
    learned = learn(judged(), "house")

    sure, unsure = (0.95, 0.5, 0.5, 0.5), (0.05, 0.5, 0.5, 0.5)
    assert learned.regression.probability(sure) > 0.8
    assert learned.regression.probability(unsure) < 0.2
    assert 0.75 < learned.auroc < 0.9


@pytest.mark.parametrize("keep", [0.7, 0.9, 1.0])
def test_keeps_the_wanted_share_of_answerable_questions(keep: float) -> None:
    table = learn(judged(), "house", keep=keep).table

    assert table.answered / (table.answered + table.wrongly_silent) >= keep
    assert table.answered + table.wrongly_silent + table.silent + (
        table.wrongly_answered
    ) == len(judged())


def test_features_without_meaning_teach_nothing() -> None:
    chance = random.Random(2)
    noise = [
        Judged(tuple(chance.random() for _ in NAMES), chance.random() < 0.5)
        for _ in range(400)
    ]

    assert 0.4 < learn(noise, "house").auroc < 0.6


def test_auroc_counts_pairs() -> None:
    import numpy as np

    scores = np.array([0.9, 0.5, 0.5, 0.1])
    answerable = np.array([True, True, False, False])

    assert auroc(scores, answerable) == 0.875
    assert len(
        held_out(np.random.default_rng(1).random((30, 4)), np.arange(30) % 2 > 0)
    )


def test_too_few_questions_are_refused() -> None:
    few = [each for each in judged() if each.answerable][:50]

    with pytest.raises(BackendMisconfigured, match="do not answer are too few"):
        learn(few, "house")


def test_what_was_learned_is_read_back_as_it_was(tmp_path: Path) -> None:
    learned = learn(judged(), "house")
    file = file_of(tmp_path, "rag")

    assert load(file) is None
    save(learned, file)

    assert load(file) == learned


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    file = file_of(tmp_path, "rag")
    file.parent.mkdir()
    file.write_text("{")

    with pytest.raises(BackendMisconfigured, match=r"rag\.json.*curbside calibrate"):
        load(file)
    assert "curbside calibrate" in Silence(0.0, file, "house").check()
    assert Silence(0.0, tmp_path / "none.json", "house").check() == ""


def test_what_another_version_learned_does_not_count(tmp_path: Path) -> None:
    file = file_of(tmp_path, "rag")
    save(learn(judged(), "house"), file)
    file.write_text(file.read_text().replace('"version": 1', '"version": 0'))

    assert load(file) is None


def calibrated(tmp_path: Path) -> Calibration:
    learned = learn(judged(), "house")
    save(learned, file_of(tmp_path, "rag"))
    return learned


def test_what_was_learned_decides_for_its_collection(tmp_path: Path) -> None:
    calibrated(tmp_path)
    weak, strong = [passage("x", 0.01, 0.5)], [passage("x", 0.99, 0.5)]
    file = file_of(tmp_path, "rag")

    assert Silence(0.0, file, "house").keeps("?", weak)
    assert not Silence(1.0, file, "house").keeps("?", strong)
    # Of another collection nothing is known: its passages need the fixed support.
    assert not Silence(0.0, file, "other").keeps("?", weak)
    assert Silence(1.0, file, "other").keeps("?", strong)


def test_without_passages_it_is_always_silent(tmp_path: Path) -> None:
    assert Silence().keeps("?", [])


def test_it_is_explained(tmp_path: Path) -> None:
    line = calibrated(tmp_path).explained("rag")

    assert line.startswith("`rag` answers when it is at least ")
    assert "`house`" in line
    assert "AUROC 0." in line


def test_reads_question_sets(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(
        '{"question": "When?", "document": "hours.md", "history": ["Before?"]}\n\n'
        '{"question": "Why?", "document": null}\n'
        '{"question": "How?", "answerable": true}\n'
    )

    questions = read_questions(file)

    assert [question.answerable for question in questions] == [True, False, True]
    assert [turn.question for turn in questions[0].turns] == ["Before?"]


@pytest.mark.parametrize("line", ["{", '{"question": ""}', '{"question": "When?"}'])
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(f'{{"question": "How?", "answerable": true}}\n{line}\n')

    with pytest.raises(BackendMisconfigured, match=r"line 2 of .*questions\.jsonl"):
        read_questions(file)
