"""Code told from prose in text that arrives bit by bit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.markup import CodeSplitter

BITS = st.lists(st.sampled_from(["`", "``", "```", "~~~", "\n", "a", " ", "\\"]))


def parts(*deltas: str) -> tuple[str, str]:
    """The text, and which of it is code (`c`) or not (`.`)."""
    splitter = CodeSplitter()
    pieces = [piece for delta in deltas for piece in splitter.feed(delta)]
    pieces += splitter.finish()
    text = "".join(piece.text for piece in pieces)
    return text, "".join(("c" if p.code else ".") * len(p.text) for p in pieces)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a`b`c", ".ccc."),
        ("a``b`c``d", ".ccccccc."),
        ("a`b", "..."),
        ("`\nb`", "...."),
        ("`a\n`b`\n\n`c`", "........ccc"),
        ("\\`b`c`", "...ccc"),
        ("```\nb\n```\nc", "....cccccc."),
        ("```b```c", "ccccccc."),
        ("~~~\nb\n~~~", "....ccccc"),
        ("````\n```\n````\na", ".....ccccccccc."),
        ("a ```\nb", "......."),
    ],
    ids=repr,
)
def test_what_is_code(text: str, kinds: str) -> None:
    assert parts(text) == (text, kinds)


@given(BITS)
def test_nothing_is_lost_however_it_is_cut(bits: list[str]) -> None:
    text = "".join(bits)

    assert parts(text)[0] == text
    assert parts(*bits) == parts(text) == parts(*text)
