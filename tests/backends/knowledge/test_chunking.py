"""Documents are cut into pieces that can be found and understood alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.knowledge.chunking import (
    MOST_CODE_WORDS,
    MOST_TABLE_WORDS,
    MOST_WORDS,
    Piece,
    count_words,
    cut,
)
from backends.knowledge.documents import Block, Document, Kind, laid_out, table
from backends.knowledge.loaders import parse

SENTENCE = "This sentence has exactly eight words in it. "


def document(*blocks: Block) -> Document:
    text, placed = laid_out(blocks)
    return Document("handbook/a.md", "Handbook", text, placed)


def test_a_piece_knows_where_it_stands() -> None:
    page = parse(b"# Leave\n\n## Sick\n\nCall.\n\n### Doctor\n\nSee one.", "leave.md")

    first, second = cut(page, frozenset({"staff"}), "r1")

    assert first == Piece(
        document="leave.md",
        title="Leave",
        text="Call.",
        position=0,
        section=0,
        headings=("Sick",),
        start=18,
        end=23,
        labels=frozenset({"staff"}),
        revision="r1",
    )
    assert (second.position, second.section) == (1, 1)
    assert second.indexed == "Leave > Sick > Doctor: See one."


def test_short_blocks_of_a_section_stay_together() -> None:
    (piece,) = cut(document(Block("One."), Block("- two", Kind.LIST), Block("Three.")))

    assert piece.text == "One.\n\n- two\n\nThree."
    assert piece.kind is Kind.TEXT


def test_sections_are_not_mixed() -> None:
    pieces = cut(document(Block("One."), Block("Two.", headings=("B",))))

    assert [(piece.text, piece.section) for piece in pieces] == [
        ("One.", 0),
        ("Two.", 1),
    ]


def test_a_long_section_is_cut_evenly() -> None:
    blocks = [Block(SENTENCE.strip()) for _ in range(40)]

    sizes = [count_words(piece.text) for piece in cut(document(*blocks))]

    assert sum(sizes) == 320
    assert max(sizes) <= MOST_WORDS
    assert min(sizes) >= 80


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    pieces = cut(document(Block(SENTENCE * 50)))

    assert len(pieces) == 3
    assert all(piece.text.startswith("This sentence") for piece in pieces)
    assert all(piece.text.endswith("in it.") for piece in pieces)


def test_a_sentence_without_end_is_cut_between_words() -> None:
    pieces = cut(document(Block("word " * 500)))

    assert sum(count_words(piece.text) for piece in pieces) == 500
    assert max(count_words(piece.text) for piece in pieces) <= MOST_WORDS


def test_a_long_list_is_cut_between_items() -> None:
    items = "\n".join(f"- Item {number}: {SENTENCE.strip()}" for number in range(30))

    pieces = cut(document(Block(items, Kind.LIST)))

    assert len(pieces) > 1
    assert all(piece.text.startswith("- Item") for piece in pieces)


def test_a_big_table_repeats_its_header_over_each_group_of_rows() -> None:
    rows = [["name", "room"], *([f"Person {n}", f"Room {n}"] for n in range(40))]

    pieces = cut(document(Block(table(rows), Kind.TABLE)))

    assert len(pieces) > 2
    assert all(p.text.startswith("| name | room |\n| --- | --- |\n") for p in pieces)
    assert all(count_words(piece.text) <= MOST_TABLE_WORDS + 12 for piece in pieces)
    found = [line for p in pieces for line in p.text.split("\n")[2:]]
    assert found == table(rows).split("\n")[2:]


@pytest.mark.parametrize("lines", [20, 120], ids=["whole", "too long"])
def test_code_is_kept_whole_as_long_as_possible(lines: int) -> None:
    code = "\n".join(f"call({n}) # step {n} of it" for n in range(lines))

    pieces = cut(document(Block(code, Kind.CODE)))

    assert (len(pieces) == 1) is (count_words(code) <= MOST_CODE_WORDS)
    assert "\n".join(piece.text for piece in pieces) == code


def test_pieces_tell_their_place_in_the_text() -> None:
    source = document(
        Block("Intro."),
        Block(SENTENCE * 50, headings=("A",)),
        Block("\n".join(f"- {SENTENCE}" for _ in range(40)), Kind.LIST, ("B",)),
    )

    for piece in cut(source):
        assert source.text[piece.start : piece.end].strip() == piece.text.strip()


words = st.lists(st.text("abc .|-\n", min_size=1, max_size=12), max_size=300)


@given(st.lists(st.tuples(words, st.sampled_from([Kind.TEXT, Kind.LIST, Kind.CODE]))))
@settings(max_examples=60, deadline=None)
def test_no_word_is_lost(parts: list[tuple[list[str], Kind]]) -> None:
    blocks = [Block(" ".join(some), kind) for some, kind in parts]

    pieces = cut(document(*(block for block in blocks if block.text.strip())))

    expected = " ".join(block.text for block in blocks).split()
    assert " ".join(piece.text for piece in pieces).split() == expected
    assert [piece.position for piece in pieces] == list(range(len(pieces)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "---\nlanguage: DE\n---\n# Zeiten\n\nWir öffnen um acht."),
        ("a.html", '<html lang="de"><body><p>Wir öffnen um acht.</p></body></html>'),
    ],
)
def test_a_piece_knows_the_language_that_its_document_names(
    name: str, text: str
) -> None:
    (piece,) = cut(parse(text.encode(), name))

    assert piece.language == "de"
