"""What each part of our retrieval gains: the same measurement without it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from unittest.mock import patch

from backends.base import PastTurn
from backends.knowledge import edge_store, fusion, retriever, terms
from backends.knowledge.chunking import Piece
from backends.knowledge.fusion import Found, Ranking

NOTHING = Ranking((), ())
paired = fusion.paired
phrased = retriever.phrased


@dataclass(frozen=True, slots=True)
class Knob:
    """A variant; one that changes what is stored needs the set to be stored again."""

    name: str
    turned: Callable[[], AbstractContextManager[object]] = field(default=nullcontext)
    stores: bool = False


def _only(part: str) -> Callable[[], AbstractContextManager[object]]:
    """Fusion without the other kind of ranking."""
    other = "sparse" if part == "dense" else "dense"

    def bare(*given: object) -> list[Found]:
        return [replace(found, **{other: NOTHING}) for found in paired(*given)]  # type: ignore[arg-type]

    return lambda: patch.object(edge_store, "paired", bare)


def _without(*left_out: int) -> Callable[[], AbstractContextManager[object]]:
    """Follow-ups without some of their wordings."""

    def fewer(question: str, history: tuple[PastTurn, ...], more: str) -> list[str]:
        wordings = phrased(question, history)
        return [each for at, each in enumerate(wordings) if at not in left_out]

    return lambda: patch.object(retriever, "phrased", fewer)


KNOBS = (
    Knob("all of it"),
    Knob("without words (meaning only)", _only("dense")),
    Knob("without meaning (words only)", _only("sparse")),
    Knob("without exact forms", lambda: patch.object(terms, "EXACT", 0.0)),
    Knob("without pairs of words", lambda: patch.object(terms, "PAIR", 0.0)),
    Knob(
        "headings' words once",
        lambda: patch.object(Piece, "worded", Piece.indexed),
        stores=True,
    ),
    Knob(
        "without headings",
        lambda: patch.multiple(
            Piece,
            worded=property(lambda piece: piece.text),
            indexed=property(lambda piece: piece.text),
        ),
        stores=True,
    ),
    Knob(
        "50 candidates a ranking, not 200",
        lambda: patch.object(edge_store, "PREFETCH", 50),
    ),
    Knob("views weigh the same", lambda: patch.object(Found, "weight", 1.0)),
    Knob("the question alone", _without(1, 2, 3)),
    Knob("without the question before", _without(1)),
    Knob("without the first question", _without(2)),
    Knob("without the answer before", _without(3)),
)
