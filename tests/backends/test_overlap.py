"""Likeness by words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.overlap import likeness, shared, words

TEXT = st.text(st.sampled_from("ab .é日1\n"), max_size=20)


def test_words_put_case_plural_and_small_words_aside() -> None:
    assert words("The Dogs' keys are at 16:30, in the car.") == {
        "dog": 1,
        "key": 1,
        "16:30": 1,
        "car": 1,
    }


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [("dogs bark", "a dog barks loudly", 1.0), ("dog cat", "dog", 0.5), ("", "dog", 0)],
)
def test_how_much_of_one_text_the_other_holds(
    one: str, other: str, share: float
) -> None:
    assert shared(words(one), words(other)) == share


def test_rare_words_count_more() -> None:
    texts = ["open on Fridays", "open on Mondays", "open at noon", "open with a key"]

    scores = likeness("Are you open on Fridays?", texts)

    assert scores.index(max(scores)) == 0
    assert scores[2] < scores[0] / 2


@given(TEXT, st.lists(TEXT, max_size=5))
def test_likeness_is_a_share(question: str, texts: list[str]) -> None:
    scores = likeness(question, texts)

    assert len(scores) == len(texts)
    assert all(0 <= score <= 1.0001 for score in scores)
