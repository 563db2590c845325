"""Sentences end where a reader thinks they end; lists and tables stay readable."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.knowledge.sentences import Sentence, quotable, spans, split


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        pytest.param("One. Two! Three?", ["One.", "Two!", "Three?"], id="plain"),
        pytest.param("Ask Dr. Pascoe today.", ["Ask Dr. Pascoe today."], id="title"),
        pytest.param(
            "Ask J. Smith. She knows.", ["Ask J. Smith.", "She knows."], id="initial"
        ),
        pytest.param(
            "Set it to 5.0 °C. Wait.", ["Set it to 5.0 °C.", "Wait."], id="decimal"
        ),
        pytest.param("Pay $85. Then sit.", ["Pay $85.", "Then sit."], id="number"),
        pytest.param(
            "Use forms, e.g. F-12, or ask.",
            ["Use forms, e.g. F-12, or ask."],
            id="for example",
        ),
        pytest.param(
            "Open at 8 a.m. Doors close at 6 p.m. on Friday.",
            ["Open at 8 a.m.", "Doors close at 6 p.m. on Friday."],
            id="time of day",
        ),
        pytest.param(
            'He said "Stop." Then he left.',
            ['He said "Stop."', "Then he left."],
            id="quotation",
        ),
        pytest.param("Wait... then go on.", ["Wait... then go on."], id="dots"),
        pytest.param(
            "See example.com/a.b for more. Bye.",
            ["See example.com/a.b for more.", "Bye."],
            id="address",
        ),
        pytest.param(
            "It is **closed.** Come later.",
            ["It is **closed.**", "Come later."],
            id="markup",
        ),
        pytest.param("Really?! Yes.", ["Really?!", "Yes."], id="two marks"),
        pytest.param("Offen. Über uns.", ["Offen.", "Über uns."], id="umlaut"),
        pytest.param(
            "今日は休みです。明日来て。",
            ["今日は休みです。", "明日来て。"],
            id="japanese",
        ),
        pytest.param("No end", ["No end"], id="no stop"),
        pytest.param("  ", [], id="nothing"),
        pytest.param("Room No. 5 is free.", ["Room No. 5 is free."], id="number sign"),
        pytest.param(
            "Is it free? No. It costs 5.",
            ["Is it free?", "No.", "It costs 5."],
            id="the word no",
        ),
        pytest.param(
            "1. Wash your hands. 2. Dry them.",
            ["1. Wash your hands.", "2. Dry them."],
            id="numbered",
        ),
    ],
)
def test_splits_as_a_reader_would(text: str, sentences: list[str]) -> None:
    assert split(text) == sentences


@given(st.text('aB. !?\n"1)。', max_size=60))
def test_sentences_cover_the_text_without_overlap(text: str) -> None:
    found = spans(text)

    kept = "".join(text[start:end] for start, end in found)
    assert "".join(kept.split()) == "".join(text.split())
    assert all(first[1] <= second[0] for first, second in pairwise(found))


def test_takes_a_passage_apart() -> None:
    passage = """We are open. Bring these:

- your card
  (any card)
- a form, namely
  1. the long one
  2. or the short one

Not on Sunday.

| Day | Hours |
| --- | :---: |
| Monday | 8 to 11 |
| Sunday | |

> Somebody said
> this.

```sh
ring. Bell
```
"""

    assert list(quotable(passage)) == [
        Sentence("We are open."),
        Sentence("your card (any card)", "Bring these:"),
        Sentence("a form, namely", "Bring these:"),
        Sentence("the long one", "Bring these: a form, namely"),
        Sentence("or the short one", "Bring these: a form, namely"),
        Sentence("Not on Sunday."),
        Sentence("Day: Monday; Hours: 8 to 11"),
        Sentence("Day: Sunday"),
        Sentence("Somebody said this."),
        Sentence("```sh\nring. Bell\n```"),
    ]


def test_a_table_row_carries_the_line_that_leads_the_table_in() -> None:
    passage = "Doses by age:\n\n| Age | Dose |\n|---|---|\n| under 6 | 0.15 \\| mL |"

    (sentence,) = quotable(passage)

    assert sentence.whole == "Doses by age: Age: under 6; Dose: 0.15 | mL"


@pytest.mark.parametrize(
    "passage",
    [
        pytest.param("| a | b |", id="a row without header"),
        pytest.param("```\nopen fence", id="open fence"),
        pytest.param("- ", id="empty item"),
        pytest.param("Bring these:", id="lead-in that leads nowhere"),
        pytest.param("Bring these:\n\nNothing else.", id="lead-in before text"),
    ],
)
def test_odd_passages_lose_nothing_important(passage: str) -> None:
    assert list(quotable(passage))
