"""Markers stay true, however a model writes them and however its text is cut."""

import re
from itertools import pairwise

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from backends.backing import closest_sentence, short_quote
from backends.base import Citation, Passage, Text
from backends.citations import (
    CitationFilter,
    parenthesised,
    without_markers,
)

TEXTS = (
    "The clinic opens at 8. On Fridays we close early, at 16:30.",
    "Parking is free for patients. Stay for two hours at most.",
    "Dogs wait outside.",
)
PASSAGES = tuple(
    Passage(id=f"p{n}", document=f"d{n}", title=f"T{n}", section="", text=text)
    for n, text in enumerate(TEXTS, 1)
)


def filtered(*deltas: str) -> tuple[str, list[Citation]]:
    citing = CitationFilter(PASSAGES)
    chunks = [chunk for delta in deltas for chunk in citing.feed(delta)]
    chunks += citing.finish()
    text = "".join(chunk.delta for chunk in chunks if isinstance(chunk, Text))
    return text, [chunk for chunk in chunks if isinstance(chunk, Citation)]


def text_of(answer: str) -> str:
    return filtered(answer)[0]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("At 8 [1].", "At 8 [1]."),
        ("At 8 [2].", "At 8 [1]."),
        ("A [3]. B [1]. C [3].", "A [1]. B [2]. C [1]."),
        ("A [1, 2].", "A [1][2]."),
        ("A [1; 2 & 3].", "A [1][2][3]."),
        ("A [1 and 3].", "A [1][2]."),
        ("A [1-3].", "A [1][2][3]."),
        ("A [1][3].", "A [1][2]."),
        ("A [1] [2].", "A [1] [2]."),
        ("A [1][1] [1].", "A [1]."),
        ("A【1】.", "A[1]."),
        ("A【2†source】.", "A[1]."),
        ("A ［3］.", "A [1]."),
        ("A [^1].", "A [1]."),
        ("A [ 1 ].", "A [1]."),
        ("A [Passage 2].", "A [1]."),
        ("A [source 1, source 2].", "A [source 1, source 2]."),
        ("A **[1]**.", "A **[1]**."),
        ("A [**1**].", "A [1]."),
        (r"A \[1\].", "A [1]."),
        ("A (1).", "A (1)."),
        ("A [9].", "A."),
        ("A [0] b.", "A b."),
        ("A [9]b.", "A b."),
        ("A[9], b", "A, b"),
        ("A [1, 9].", "A [1]."),
        ("[9] A", "A"),
        ("- [9] A\n- B [9]\n", "- A\n- B\n"),
        ("In [2024] and [see this].", "In [2024] and [see this]."),
        ("- [ ] to do\n- [x] done", "- [ ] to do\n- [x] done"),
        ("[link](https://example.org)", "[link](https://example.org)"),
        ("A [1](https://evil.example)", "A [1] (https://evil.example)"),
        ("![1](https://evil.example)", "![1] (https://evil.example)"),
        ("[1]: https://evil.example", "[1] : https://evil.example"),
        ("> - [1]: https://evil.example", "> - [1] : https://evil.example"),
        ("[1][9]: https://evil.example", "[1] : https://evil.example"),
        ("See [1]: it says so.", "See [1]: it says so."),
        ("`a[9]` b [9]", "`a[9]` b"),
        ("``a ` [9]`` b [9]", "``a ` [9]`` b"),
        ("`a [9]", "`a"),
        ("`a [9]\nb`", "`a\nb`"),
        (r"\`a[9]\`", r"\`a\`"),
        ("```\na[9]\n```\nb [9]", "```\na[9]\n```\nb"),
        ("~~~ py\na[9]\n~~~\nb [9]", "~~~ py\na[9]\n~~~\nb"),
        ("```\na[9]", "```\na[9]"),
        ("```a[9]``` b [9]", "```a[9]``` b"),
        ("The end [2", "The end"),
        ("The end [see", "The end [see"),
        ("[[1]]", "[[1]]"),
        ("[1[9]]", "[1]"),
        ("`[1]`[9]`", "`[1]` `"),
        ("`\n`[9]`", "`\n` `"),
        ("[9[9]]", ""),
        ("[see [9]]", "[see ]"),
        ("[see [1]] [a", "[see [1]] [a"),
        ("two  \nlines [1]", "two  \nlines [1]"),
        ("[" + "a" * 60 + " [9]]", "[" + "a" * 60 + "]"),
        ("", ""),
    ],
)
def test_markers_as_models_write_them(written: str, shown: str) -> None:
    assert text_of(written) == shown


def test_each_used_passage_is_cited_once_with_the_sentence_that_backs_it() -> None:
    answer = "Free parking for patients [2]. On Fridays, 16:30 [1]. Two hours [2]."

    _, citations = filtered(answer)

    assert citations == [
        Citation(1, PASSAGES[1], "Parking is free for patients."),
        Citation(2, PASSAGES[0], "On Fridays we close early, at 16:30."),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        "We close early on Fridays [1]. Dogs wait.",
        "We close early on Fridays. [1] Dogs wait.",
        "We close early on Fridays.[1] Dogs wait.",
        "[1] says that on Fridays we close early. Dogs wait.",
        "Dogs wait.\n- [1] Fridays: we close early\n- Dogs wait.",
    ],
)
def test_the_quote_belongs_to_the_sentence_with_the_marker(answer: str) -> None:
    _, (citation,) = filtered(answer)

    assert citation.quote == "On Fridays we close early, at 16:30."


def test_a_citation_comes_as_soon_as_its_sentence_is_over() -> None:
    citing = CitationFilter(PASSAGES)

    assert citing.feed("On Fridays [1]") == [Text("On Fridays [1]")]
    assert [type(c) for c in citing.feed(" early. B")] == [Text, Citation]


def test_text_is_held_back_only_where_a_marker_may_begin() -> None:
    citing = CitationFilter(PASSAGES)

    assert citing.feed("On Fridays") == [Text("On Fridays")]
    assert citing.feed(" [") == []
    assert citing.feed("1") == []
    assert citing.feed("]") == [Text(" [1]")]


def test_an_answer_without_markers_is_tied_to_what_it_was_taken_from() -> None:
    citing = CitationFilter(PASSAGES)
    citing.feed("On Fridays we close early, namely at 16:30.")
    citing.finish()

    assert not citing.used
    assert citing.backed() == [
        Text("\n\n[1]"),
        Citation(1, PASSAGES[0], "On Fridays we close early, at 16:30."),
    ]


def test_an_invented_answer_is_tied_to_nothing() -> None:
    citing = CitationFilter(PASSAGES)
    citing.feed("The cafeteria serves excellent soup on Mondays.")
    citing.finish()

    assert citing.backed() == []


def test_there_is_no_quote_where_nothing_is_alike() -> None:
    assert closest_sentence(PASSAGES[0], "Ganz andere Sprache") == ""


def test_a_quote_is_one_plain_line() -> None:
    assert short_quote("**On Fridays** we\n_close_ at 2 * 8_0.") == (
        "On Fridays we close at 2 * 8_0."
    )
    assert len(short_quote("word " * 100)) <= 242


def test_takes_markers_out_and_leaves_code() -> None:
    assert without_markers("At 8 [1]. `a[1]` b [2][3]") == "At 8. `a[1]` b"


def test_footnotes_of_a_quotation_are_no_markers() -> None:
    assert parenthesised("So it is.[3] `a[0]`") == "So it is.(3) `a[0]`"


# Whatever the text and however it is cut.

BITS = st.sampled_from(
    [
        *("a", "b c", " ", "  ", ". ", ", ", "\n", "\n\n", "`", "``", "```", "~~~"),
        *("[", "]", "1", "2", "3", "9", "12", "[1]", "[2]", "[3]", "[7]", "[1, 2]"),
        *("【1】", "【", "】", "[^2]", "\\", "\\[", "*", "**", "_", "(", ")", "[1](u)"),
        *("[2]: u", "- ", "> ", ":", "-", "and", "source 1", "[2024]", "é", "。", "†"),
    ]
)
ANSWERS = st.lists(BITS, max_size=30).map("".join)


@given(ANSWERS, st.data())
@settings(max_examples=400, deadline=None)
def test_the_result_does_not_depend_on_the_cuts(
    answer: str, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(answer)), max_size=8).map(sorted))
    bounds = [0, *cuts, len(answer)]
    pieces = [answer[a:b] for a, b in pairwise(bounds)]

    assert filtered(*pieces) == filtered(answer) == filtered(*answer)


def readable(tokens: list[Token]) -> str:
    """What a reader sees as text of a Markdown document, code left out."""
    seen = []
    for token in tokens:
        if token.type == "inline":
            seen.append(readable(token.children or []))
        elif token.type == "text":
            seen.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            seen.append("\n")
        elif token.type in ("code_inline", "fence", "code_block", "image"):
            seen.append("\0")
    return "".join(seen)


MARKER = re.compile(r"\[(\d{1,3})\]")


@given(ANSWERS)
@example("`a\n[9]`")
@example("\\`[9]\\`")
@example("[*9]*")
@settings(max_examples=800, deadline=None)
def test_no_number_without_a_passage_is_ever_seen(answer: str) -> None:
    # Whether a deep indentation means code depends on the list around it.
    assume(not re.search(r"(?m)^[ >\-*]*(    |\t)", answer))
    assume(not re.search(r"(?m)^ *[>\-*].*(```|~~~)", answer))

    text, citations = filtered(answer)

    seen = readable(MarkdownIt("commonmark", {"html": False}).parse(text))
    numbers = [citation.number for citation in citations]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert {int(n) for n in MARKER.findall(seen)} <= set(numbers)


@given(ANSWERS)
@settings(max_examples=400, deadline=None)
def test_a_marker_never_becomes_a_link(answer: str) -> None:
    text, _ = filtered(answer)

    for token in MarkdownIt("commonmark").parse(text):
        children = token.children or []
        for opened, inside in pairwise(children):
            if opened.type == "link_open":
                assert not re.fullmatch(r"\d{1,3}", inside.content)
