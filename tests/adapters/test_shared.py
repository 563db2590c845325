"""Splitting long Markdown, and how sources look."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.shared import compose, split_markdown
from bot.model import Answer, Source
from bot.text import visible

CODE = "```python\n" + "\n".join(f"x = {n}" for n in range(400)) + "\n```"
TABLE = "| day | closes |\n|---|---|\n" + "\n".join(
    f"| {n} | four |" for n in range(200)
)

blocks = st.one_of(
    st.text(alphabet="ab c\n.", max_size=400),
    st.integers(1, 120).map(lambda n: "```\n" + "\n".join(["y = 1"] * n) + "\n```"),
    st.integers(1, 120).map(lambda n: "| a |\n|---|\n" + "\n".join(["| 1 |"] * n)),
    st.integers(1, 900).map(lambda n: "w" * n),
)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]", text)


@settings(max_examples=300, deadline=None)
@given(st.lists(blocks, max_size=6).map("\n\n".join), st.integers(40, 300))
def test_no_piece_is_over_the_limit_and_fences_are_whole(text: str, limit: int) -> None:
    pieces = split_markdown(text, limit)

    assert pieces
    for piece in pieces:
        assert len(piece) <= limit
        assert piece.count("```") % 2 == 0


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab cd\n.é", max_size=2_000), st.integers(20, 300))
def test_prose_keeps_every_word_in_order(text: str, limit: int) -> None:
    pieces = split_markdown(text, limit)

    assert words("".join(pieces)) == words(text)


def test_a_broken_fence_is_closed_and_opened_again_with_its_language() -> None:
    first, *_, last = split_markdown(CODE, 1_000)

    assert first.startswith("```python\n")
    assert first.endswith("\n```")
    assert last.startswith("```python\n")


def test_a_broken_table_repeats_its_header() -> None:
    pieces = split_markdown(TABLE, 500)

    assert len(pieces) > 3
    for piece in pieces:
        assert piece.startswith("| day | closes |\n|---|---|\n|")


def test_paragraphs_stay_whole_where_they_fit() -> None:
    text = "\n\n".join(["one " * 20, "two " * 20, "three " * 20])

    pieces = split_markdown(text, 200)

    assert [piece.split()[0] for piece in pieces] == ["one", "three"]


def test_a_link_is_not_cut() -> None:
    text = "see " * 40 + "[the page on walk-ins](https://example.org/walk-ins) for more"

    assert any(
        "[the page on walk-ins](https://example.org/walk-ins)" in piece
        for piece in split_markdown(text, 180)
    )


def test_an_answer_shows_text_notice_and_sources() -> None:
    answer = Answer(
        "At four. [1]",
        sources=(Source(1, "Opening hours", "Walk-ins", page=2),),
        notice="Stopped.",
    )

    assert compose(answer) == (
        "At four. [1]\n\n_Stopped._\n\n**Sources**\n"
        "- [1] Opening hours › Walk-ins, page 2"
    )


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\u200bb", "ab"),
        ("a\u202eb", "ab"),
        ("a\U000e0041b", "ab"),
        ("a\x1b[31mb", "a[31mb"),
        ("line\n\tindented", "line\n\tindented"),
        ("👩\u200d⚕\ufe0f", "👩\u200d⚕\ufe0f"),
        ("ångström 注射", "ångström 注射"),
    ],
    ids=["zero width", "bidi", "tag", "escape", "layout", "emoji", "letters"],
)
def test_what_is_not_seen_is_taken_out(text: str, seen: str) -> None:
    assert visible(text) == seen
