"""Several rankings become one."""

import numpy as np
import pytest

from backends.knowledge.fusion import Found, Ranking, fused, normalised, paired
from backends.knowledge.store import View
from backends.knowledge.terms import Sparse

NOTHING = Ranking((), ())


def ids(views: list[Found], limit: int = 10) -> list[str]:
    return [id for id, _ in fused(views, limit)]


def test_what_both_rankings_hold_wins() -> None:
    dense = Ranking(["a", "b", "c"], [0.9, 0.8, 0.1])
    sparse = Ranking(["b", "d", "e"], [30.0, 29.0, 1.0])

    assert ids([Found(dense, sparse)])[0] == "b"


def test_scales_do_not_matter() -> None:
    dense = Ranking(["a", "b", "c"], [0.9, 0.5, 0.1])
    small = Ranking(["c", "b", "a"], [0.03, 0.02, 0.01])
    large = Ranking(["c", "b", "a"], [300.0, 200.0, 100.0])

    assert dict(fused([Found(dense, small)], 3)) == pytest.approx(
        dict(fused([Found(dense, large)], 3))
    )


def test_a_view_that_hits_nothing_closely_counts_less() -> None:
    close = Found(Ranking(["a", "b"], [0.8, 0.2]), NOTHING)
    far = Found(Ranking(["b", "a"], [0.3, 0.1]), NOTHING)

    assert ids([close, far]) == ["a", "b"]
    assert ids([far, close]) == ["a", "b"]


def test_a_single_view_needs_no_weight() -> None:
    opposite = Found(Ranking(["a"], [-0.2]), Ranking(["b"], [3.0]))

    assert fused([opposite], 2) == [("a", 0.5), ("b", 0.5)]


def test_gives_no_more_than_the_limit() -> None:
    many = Ranking([str(number) for number in range(9)], list(range(9, 0, -1)))

    assert len(fused([Found(many, NOTHING)], 4)) == 4


@pytest.mark.parametrize("scores", [[], [3.0], [2.0, 2.0, 2.0]])
def test_scores_that_do_not_differ_are_in_the_middle(scores: list[float]) -> None:
    assert normalised(scores) == [0.5] * len(scores)


def test_a_view_without_words_has_one_ranking() -> None:
    worded = View(np.ones(2, np.float32), Sparse((1,), (1.0,)))
    bare = View(np.ones(2, np.float32), Sparse((), ()))
    first, second, third = (Ranking([name], [1.0]) for name in "abc")

    found = paired([bare, worded], [first, second, third])

    assert found == [Found(first, NOTHING), Found(second, third)]
