"""Reading a stream: thoughts left out, however they are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.chat_stream import WithoutThinking


def aloud(*deltas: str) -> str:
    hearing = WithoutThinking()
    return "".join(hearing.feed(delta) for delta in deltas) + hearing.finish()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("At eight.", "At eight."),
        ("<think>Hm.</think>At eight.", "At eight."),
        ("\n<think>\nHm <b>.\n</think>\n\nAt eight.", "At eight."),
        ("<think></think>At <think>eight</think>.", "At <think>eight</think>."),
        ("<thinking> is a tag.", "<thinking> is a tag."),
        ("At <think>.", "At <think>."),
        ("<th", "<th"),
        ("<think>never ends", ""),
        ("<think>Hm.</think>", ""),
        ("", ""),
    ],
)
def test_only_a_leading_thought_is_left_out(written: str, said: str) -> None:
    assert aloud(written) == said
    assert aloud(*written) == said


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<th", "ink>", "a", " ", "\n"]))
)
def test_the_cuts_do_not_matter(pieces: list[str]) -> None:
    assert aloud("".join(pieces)) == aloud(*pieces) == aloud(*"".join(pieces))
