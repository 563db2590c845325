"""From a question to passages: wordings, sections, support."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from backends.base import PastTurn
from backends.knowledge import retriever as module
from backends.knowledge.chunking import Piece
from backends.knowledge.documents import Kind
from backends.knowledge.edge_store import EdgeStore
from backends.knowledge.embedding import Embedder
from backends.knowledge.retriever import (
    Retriever,
    boosted,
    closeness,
    coverage,
    phrased,
    support,
)
from backends.knowledge.runs import JOINED_WORDS, Run, completed, joined
from backends.knowledge.store import DocumentRecord, Entry, Hit, Identity
from backends.knowledge.terms import Terms
from backends.services import Focus

STAFF = frozenset({"staff"})


def hit(position: int, score: float, text: str = "", **changes: object) -> Hit:
    piece = Piece("a.md", "A", text or f"text {position}", position, revision="r1")
    piece = replace(piece, **changes)  # type: ignore[arg-type]
    return Hit(f"{piece.document}-{position}", piece, score, np.zeros(2, np.float32))


def positions(hits: Sequence[Hit]) -> list[list[int]]:
    return [[each.piece.position for each in run.hits] for run in joined(hits)]


def test_a_first_question_is_searched_as_it_is() -> None:
    assert phrased("when do you close?", ()) == ["when do you close?"]


def test_a_follow_up_is_searched_in_four_wordings() -> None:
    history = [
        PastTurn("one?", "1"),
        PastTurn("two?", "2"),
        PastTurn("three?", "3"),
        PastTurn("four?", "word " * 100),
    ]

    assert phrased("and on Fridays?", history) == [
        "and on Fridays?",
        "four? and on Fridays?",
        "one? and on Fridays?",
        "and on Fridays?" + " word" * 30,
    ]


def test_a_rewritten_question_is_one_wording_more() -> None:
    history = [PastTurn("one?", "1")]

    assert phrased("why?", (), "why one?") == ["why?", "why one?"]
    assert phrased("why?", history, "why one?")[-1] == "why one?"
    assert phrased("why?", history, "why one?")[:-1] == phrased("why?", history)


def test_labels_and_dates_raise_scores() -> None:
    today = date(2026, 3, 1)
    hits = [
        hit(0, 1.0),
        hit(1, 1.0, labels=STAFF),
        hit(2, 1.0, date="2026-03-01"),
        hit(3, 1.0, date="2025-03-01T10:00:00"),
        hit(4, 1.0, date="last spring"),
    ]

    scores = [
        each.score
        for each in boosted(hits, Focus(labels={"staff": 0.2}, recent=0.1), today)
    ]

    assert scores == pytest.approx([1.0, 1.2, 1.1, 1.05, 1.0])
    assert boosted(hits, Focus()) == hits


def test_everything_follows_the_best() -> None:
    best = [Run((hit(3, 0.9),))]
    everything = [hit(position, 0.0) for position in (4, 3, 0)]

    runs = completed(best, everything)

    assert [[each.piece.position for each in run.hits] for run in runs] == [
        [3],
        [0],
        [4],
    ]


def test_neighbours_of_a_section_are_joined() -> None:
    hits = [hit(4, 0.9), hit(1, 0.8), hit(5, 0.7), hit(3, 0.2), hit(9, 0.1)]

    assert positions(hits) == [[3, 4, 5], [1], [9]]


def test_sections_and_documents_are_not_joined() -> None:
    hits = [
        hit(0, 0.9, section=0),
        hit(1, 0.8, section=1),
        hit(2, 0.7, section=1, document="b.md"),
    ]

    assert positions(hits) == [[0], [1], [2]]


def test_joining_ends_where_a_passage_would_get_too_long() -> None:
    text = "word " * (JOINED_WORDS // 3)
    hits = [hit(position, 1 - position / 10, text) for position in range(6)]

    assert positions(hits) == [[0, 1, 2], [3, 4, 5]]


def test_takes_one_revision_of_a_document_that_is_being_replaced() -> None:
    hits = [hit(0, 0.9, revision="new"), hit(1, 0.8), hit(2, 0.7, revision="new")]

    assert positions(hits) == [[0], [2]]


def test_a_cut_table_gets_one_header_again() -> None:
    header = "| a | b |\n| --- | --- |\n"
    hits = [
        hit(0, 0.9, f"{header}| 1 | 2 |", kind=Kind.TABLE),
        hit(1, 0.8, f"{header}| 3 | 4 |", kind=Kind.TABLE),
        hit(2, 0.7, "After it."),
    ]

    (run,) = joined(hits)

    assert run.text == f"{header}| 1 | 2 |\n| 3 | 4 |\n\nAfter it."


def test_coverage_counts_rare_words_more() -> None:
    rarity = {1: 3.0, 2: 1.0}

    assert coverage(rarity, frozenset({1})) == 0.75
    assert coverage(rarity, frozenset({2, 7})) == 0.25
    assert coverage({}, frozenset({1})) == 0.0


def test_closeness_looks_at_the_question_and_at_it_with_the_one_before() -> None:
    plain, fuller, other = np.eye(3, dtype=np.float32)
    found = [replace(hit(0, 1.0), dense=other), replace(hit(1, 0.9), dense=fuller)]

    assert closeness(np.stack([plain]), found) == 0.0
    assert closeness(np.stack([plain, fuller]), found) == 1.0
    assert closeness(np.stack([plain, plain, fuller]), found) == 0.0


@pytest.mark.parametrize(
    ("close", "covered", "expected"),
    [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (-0.5, 0.0, 0.0), (0.5, 1.0, 0.65)],
)
def test_support_is_between_nothing_and_one(
    close: float, covered: float, expected: float
) -> None:
    assert support(close, covered) == pytest.approx(expected)


@pytest.fixture
async def retriever(
    tmp_path: Path, embedder: Embedder, terms: Terms
) -> AsyncIterator[Retriever]:
    pieces = [
        Piece(
            "handbook/hours.md",
            "Hours",
            "We close at 16:30 on Fridays.",
            0,
            headings=("Weekdays",),
            page=2,
            labels=STAFF,
            link="https://x.example",
        ),
        Piece("handbook/hours.md", "Hours", "Doors open at eight.", 1, labels=STAFF),
        Piece(
            "handbook/wine.md",
            "Cellar",
            "Red wine is kept cool.",
            0,
            labels=frozenset({"board"}),
        ),
    ]
    store = await opened(tmp_path, embedder, terms, pieces)
    yield Retriever(store, embedder, terms)
    await store.close()


async def test_gives_passages_with_their_sources(retriever: Retriever) -> None:
    passages = await retriever.search("when do we close on fridays?", (), STAFF, 3)

    best = passages[0]
    assert best.document == "handbook/hours.md"
    assert best.title == "Hours"
    assert best.section == "Weekdays"
    assert best.text == "We close at 16:30 on Fridays.\n\nDoors open at eight."
    assert (best.page, best.uri, best.labels) == (2, "https://x.example", STAFF)
    assert best.score > 0
    assert best.id


async def opened(
    folder: Path, embedder: Embedder, terms: Terms, pieces: Sequence[Piece]
) -> EdgeStore:
    store = await EdgeStore.open(folder, Identity.of(embedder, terms))
    vectors = embedder.embed([piece.indexed for piece in pieces])
    await store.upsert(
        [
            Entry(piece, vector, terms.of_document(piece.worded))
            for piece, vector in zip(pieces, vectors, strict=True)
        ]
    )
    for name in {piece.document for piece in pieces}:
        labels = frozenset[str]().union(
            *(piece.labels for piece in pieces if piece.document == name)
        )
        count = sum(piece.document == name for piece in pieces)
        await store.record(DocumentRecord(name, "1", labels=labels, pieces=count))
    return store


def section(texts: Sequence[str], **changes: object) -> list[Piece]:
    pieces = [
        Piece("long.md", "Long", text, position, labels=STAFF)
        for position, text in enumerate(texts)
    ]
    return [replace(piece, **changes) for piece in pieces]  # type: ignore[arg-type]


async def test_an_answer_goes_on_in_the_next_piece(
    tmp_path: Path, embedder: Embedder, terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FEWEST_HITS", 1)
    monkeypatch.setattr(module, "HITS_FOR_EACH", 1)
    secret = section(["A hidden zebra."], labels=frozenset({"board"}))[0]
    pieces = [
        *section(["Before it.", "The zebra eats:", "grass and hay."]),
        replace(secret, position=3),
        *section(["Something else."], section=1, document="other.md"),
    ]
    store = await opened(tmp_path, embedder, terms, pieces)

    found = await Retriever(store, embedder, terms).search("zebra eats", (), STAFF, 1)

    assert [passage.text for passage in found] == [
        "Before it.\n\nThe zebra eats:\n\ngrass and hay."
    ]
    await store.close()


class Backwards:
    """Likes the text best that comes last in the alphabet."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        self.asked.append(question)
        order = sorted(texts)
        return [float(order.index(text)) for text in texts]


async def test_a_reranker_has_the_last_word(
    tmp_path: Path, embedder: Embedder, terms: Terms
) -> None:
    pieces = [
        replace(section([f"The zebra is {word}."])[0], document=f"{word}.md")
        for word in ("old", "young", "asleep")
    ]
    store = await opened(tmp_path, embedder, terms, pieces)
    reranker = Backwards()
    retriever = Retriever(store, embedder, terms, reranker)

    found = await retriever.search("asleep zebra", (PastTurn("who?", ""),), STAFF, 3)

    assert [p.document for p in found] == ["young.md", "old.md", "asleep.md"]
    assert reranker.asked == ["who? asleep zebra"]
    await store.close()


async def test_everything_is_given_where_it_fits(
    tmp_path: Path, embedder: Embedder, terms: Terms
) -> None:
    pieces = [
        *(
            replace(section([f"Page {number} says much."])[0], document=f"{number}.md")
            for number in range(9)
        ),
        replace(section(["A secret page."])[0], labels=frozenset({"board"})),
    ]
    store = await opened(tmp_path, embedder, terms, pieces)
    search = Retriever(store, embedder, terms).search

    everything = await search("page 4", (), STAFF, 1, Focus(whole=36))
    too_much = await search("page 4", (), STAFF, 1, Focus(whole=35))

    assert everything[0].document == "4.md"
    assert {p.document for p in everything} == {f"{number}.md" for number in range(9)}
    assert [p.document for p in too_much] == ["4.md"]
    await store.close()


async def test_what_the_audience_may_not_see_is_not_there(retriever: Retriever) -> None:
    assert await retriever.search("red wine", (), frozenset({"nobody"}), 3) == []
    found = await retriever.search("red wine", (), STAFF, 3)
    assert "handbook/wine.md" not in {passage.document for passage in found}


async def test_support_falls_when_the_documents_hold_nothing(
    retriever: Retriever,
) -> None:
    held = await retriever.search("when do we close on fridays", (), STAFF, 3)
    absent = await retriever.search("zeppelin quarrels", (), STAFF, 3)

    assert held[0].support > 0.6 > 0.3 > absent[0].support


async def test_gives_no_more_than_was_asked_for(retriever: Retriever) -> None:
    both = STAFF | {"board"}

    assert len(await retriever.search("wine at eight", (), both, 1)) == 1
    assert len(await retriever.search("wine at eight", (), both, 5)) == 2


@pytest.mark.parametrize("question", ["", "???", "the of and", "x" * 20_000])
async def test_any_question_can_be_asked(retriever: Retriever, question: str) -> None:
    passages = await retriever.search(question, (PastTurn("", ""),), STAFF, 3)

    assert all(0 <= passage.support <= 1 for passage in passages)
