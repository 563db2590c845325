"""Training files of others become examples, or their bad lines are named."""

import json
from typing import Any

import pytest

from backends.base import PastTurn
from backends.tuning.example import Origin, TrainingExample
from backends.tuning.reading import DatasetError, read_examples


def read(*lines: Any) -> list[TrainingExample]:
    return read_examples("\n".join(map(json.dumps, lines)), "file.jsonl")


def chat(*messages: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": r, "content": c} for r, c in messages], **more}


def test_each_answer_of_a_chat_is_an_example_with_what_went_before() -> None:
    one, two = read(
        chat(
            ("system", "Be brief."),
            ("user", "Open?"),
            ("assistant", "Yes."),
            ("user", "Until when?"),
            ("assistant", "Four."),
        )
    )
    assert (one.question, one.answer, one.history) == ("Open?", "Yes.", ())
    assert (two.question, two.answer) == ("Until when?", "Four.")
    assert two.history == (PastTurn("Open?", "Yes."),)
    assert one.system == two.system == "Be brief."
    assert two.provenance.origin is Origin.IMPORTED
    assert two.provenance.source == "file.jsonl:1"


def test_an_answer_of_weight_0_is_history_and_not_learned() -> None:
    line = chat(
        ("user", "Open?"), ("assistant", "BAD"), ("user", "Sure?"), ("assistant", "No.")
    )
    line["messages"][1]["weight"] = 0
    (example,) = read(line)
    assert example.answer == "No."
    assert example.history == (PastTurn("Open?", "BAD"),)


def test_a_preference_keeps_the_answer_to_unlearn() -> None:
    (example,) = read(
        {
            "input": {"messages": [{"role": "user", "content": "Open?"}]},
            "preferred_output": [{"role": "assistant", "content": "Until four."}],
            "non_preferred_output": [{"role": "assistant", "content": "Dunno."}],
        }
    )
    assert (example.answer, example.rejected) == ("Until four.", "Dunno.")


def test_a_sharegpt_file_is_one_list() -> None:
    text = json.dumps(
        [
            {
                "conversations": [
                    {"from": "human", "value": "Open?"},
                    {"from": "gpt", "value": "Yes."},
                ]
            }
        ]
    )
    (example,) = read_examples(text, "share.json")
    assert (example.question, example.answer) == ("Open?", "Yes.")


def test_a_table_has_named_columns() -> None:
    text = '\ufeffQuestion,Answer,labels\n"Open, today?",Yes.,"public,staff"\n'
    (example,) = read_examples(text, "faq.csv")
    assert (example.question, example.answer) == ("Open, today?", "Yes.")
    assert example.labels == {"public", "staff"}


def test_the_same_file_again_makes_the_same_ids() -> None:
    lines = [chat(("user", f"q{n}"), ("assistant", f"a{n}")) for n in range(3)]
    assert [e.id for e in read(*lines)] == [e.id for e in read(*lines)]
    assert len({e.id for e in read(*lines)}) == 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nope", "is no JSON"),
        ("[1]", "is no object"),
        ("{}", "has none of `messages`"),
        ('{"messages": []}', "must be a list that is not empty"),
        ('{"messages": [{"role": "bot", "content": "x"}]}', "role 'bot' is unknown"),
        ('{"messages": [{"role": "user", "content": " "}]}', "is empty"),
        ('{"messages": [{"role": "user", "content": "x"}]}', "not the assistant's"),
        (
            '{"messages": [{"role": "assistant", "content": "x"}]}',
            "before any question",
        ),
        (
            '{"messages": [{"role": "user", "content": "x"},'
            ' {"role": "assistant", "content": "y", "weight": 2}]}',
            "weight is 2",
        ),
        ('{"question": "x"}', "`answer` is empty"),
        ('{"conversations": [{"from": "bing", "value": "x"}]}', "'bing' is unknown"),
        ('{"preferred_output": []}', "`input` must be an object"),
    ],
)
def test_a_bad_line_is_named_with_its_number(line: str, said: str) -> None:
    good = json.dumps(chat(("user", "x"), ("assistant", "y")))
    with pytest.raises(DatasetError, match="line 2: ") as raised:
        read_examples(f"{good}\n{line}\n{good}", "file.jsonl")
    assert said in str(raised.value)


def test_all_bad_lines_are_named_at_once() -> None:
    with pytest.raises(DatasetError) as raised:
        read_examples("\n".join(["nope"] * 30), "file.jsonl")
    assert "line 1:" in str(raised.value)
    assert "and 10 more" in str(raised.value)


@pytest.mark.parametrize(("text", "name"), [("", "a.jsonl"), ("q,a\n1,2\n", "a.csv")])
def test_a_file_of_nothing_is_refused(text: str, name: str) -> None:
    with pytest.raises(DatasetError):
        read_examples(text, name)


def test_a_separator_within_a_text_does_not_part_its_line() -> None:
    row = {"question": "One\u2028two\x85three?", "answer": "Yes."}
    text = json.dumps(row, ensure_ascii=False)
    [example] = read_examples(f"{text}\n", "a.jsonl")
    assert example.question == row["question"]


@pytest.mark.parametrize(
    "line",
    [
        '{"conversations": [{"from": "human"}]}',
        '{"messages": [{"role": {}, "content": "a"}]}',
        '{"messages": [{"role": "user", "content": [{"text": null}]}]}',
        '{"question": "a", "answer": "b", "labels": 1}',
        "[" * 100_000,
    ],
)
def test_what_is_misshapen_is_named_with_its_line(line: str) -> None:
    with pytest.raises(DatasetError, match="line 1: is"):
        read_examples(f"{line}\n", "a.jsonl")


def test_a_cell_that_is_too_long_is_named() -> None:
    with pytest.raises(DatasetError, match="is no CSV"):
        read_examples(f"question,answer\n{'x' * 200_000},b\n", "a.csv")
