"""The measures of retrieval count what they say."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from backends.base import PastTurn
from benchmarks.retrieval.measures import (
    area_under_curve,
    judged,
    mean,
    ndcg,
    recall,
    reciprocal_rank,
)
from benchmarks.retrieval.peers import asked
from benchmarks.retrieval.sets import Question, read_sets

TWO = frozenset({"a", "b"})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (["a", "b", "x"], 1.0),
        (["x", "y"], 0.0),
        (["x", "a"], (1 / math.log2(3)) / (1 + 1 / math.log2(3))),
        (["x"] * 10 + ["a"], 0.0),
    ],
)
def test_ndcg(found: list[str], expected: float) -> None:
    assert ndcg(found, TWO) == pytest.approx(expected)


def test_recall_and_first_rank() -> None:
    assert recall(["x", "a", "y"], TWO, 5) == 0.5
    assert recall(["x", "y", "a"], TWO, 2) == 0.0
    assert reciprocal_rank(["x", "a"], TWO) == 0.5
    assert reciprocal_rank(["x"], TWO) == 0.0


def test_each_question_has_a_value_for_each_measure() -> None:
    values = judged([["a", "b"], ["x"]], [TWO, TWO])

    assert values["nDCG@10"].tolist() == [1.0, 0.0]
    assert set(values) == {"nDCG@10", "recall@5", "recall@10", "recall@20", "MRR@10"}


def test_an_interval_holds_its_mean_and_narrows_with_more_questions() -> None:
    few, many = (mean(np.tile([0.0, 1.0], count)) for count in (10, 1_000))

    assert few.low < few.value == 0.5 < few.high
    assert many.high - many.low < few.high - few.low
    assert str(few).startswith("0.500 [")


def test_the_curve_counts_pairs_in_the_right_order() -> None:
    assert area_under_curve([0.9, 0.8], [0.1]) == 1.0
    assert area_under_curve([0.5], [0.5]) == 0.5
    assert area_under_curve([0.1, 0.9], [0.5]) == 0.5


def test_reads_a_set(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    passage = {"id": "https://x.example/guide/setup#a", "heading": "A", "text": "# T"}
    (folder / "passages.jsonl").write_text(json.dumps(passage) + "\n\n")
    question = {
        "question": "and then?",
        "relevant": [passage["id"]],
        "history": [{"role": "user", "text": "q"}, {"role": "assistant", "text": "a"}],
        "answerability": ["UNANSWERABLE"],
    }
    (folder / "questions.jsonl").write_text(json.dumps(question))

    (found,) = read_sets(tmp_path)

    assert found.name == "small"
    assert found.texts[0].title == "Guide > Setup > A"
    assert found.questions[0].history == (PastTurn("q", "a"),)
    assert found.questions[0].answerable is False


def test_peers_are_asked_with_the_questions_before() -> None:
    question = Question("c?", TWO, (PastTurn("a?", ""), PastTurn("b?", "")))

    assert asked(question, 0) == "c?"
    assert asked(question, 1) == "b? c?"
