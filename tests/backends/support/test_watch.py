"""An answer passes sentence by sentence, and what is not supported shows."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.base import Passage
from backends.support.watch import EXPLAINED, Policy, SupportWatch

TEXTS = (
    "The clinic opens at 8. On Fridays we close early, at 16:30. Dr. Ash is in charge.",
    "Parking is free for patients. Stay for two hours at most.",
)
PASSAGES = [
    Passage(id=f"p{n}", document=f"d{n}", title=f"T{n}", section="", text=text)
    for n, text in enumerate(TEXTS, 1)
]


def watched(*deltas: str, policy: Policy = Policy.MARK, known: str = "") -> str:
    watch = SupportWatch(PASSAGES, policy, known)
    return "".join(watch.feed(delta) for delta in deltas) + watch.finish()


@pytest.mark.parametrize(
    "answer",
    [
        "On Fridays we close at 16:30 [1].",
        "On Fridays we close at half past four. [1] Parking is free for patients [2].",
        "- Fridays: closed from 4:30 pm [1]\n- Parking: free for patients [2]\n",
        "I am glad to help. Here is what I found:",
        "```\nclose_at = 18 [1]\n```\n",
        "",
    ],
)
@pytest.mark.parametrize("policy", list(Policy))
def test_what_is_supported_passes_as_it_is(answer: str, policy: Policy) -> None:
    assert watched(answer, policy=policy) == answer


def test_a_wrong_number_is_marked_where_it_stands() -> None:
    shown = watched(
        "On Fridays we close at 18:00 [1]. Parking is free for patients [2]."
    )

    assert shown == (
        "On Fridays we close at 18:00 [1] *(unconfirmed: 18:00)*. "
        f"Parking is free for patients [2].{EXPLAINED}"
    )


def test_a_wrong_statement_is_left_out_and_that_is_said() -> None:
    answer = "On Fridays we close at 18:00 [1]. Parking is free for patients [2]."

    assert watched(answer, policy=Policy.DROP) == (
        "Parking is free for patients [2].\n\n"
        "*I left out one statement that the documents do not confirm.*"
    )


def test_an_item_that_is_left_out_leaves_the_list_whole() -> None:
    answer = (
        "- Parking is free for patients [2]\n- We close at 18:00 [1]\n- Dr. Ash [1]\n"
    )

    shown = watched(answer, policy=Policy.DROP)

    assert shown.startswith("- Parking is free for patients [2]\n\n- Dr. Ash [1]")


def test_nothing_is_left_when_all_was_wrong() -> None:
    watch = SupportWatch(PASSAGES, Policy.DROP)

    assert watch.feed("We close at 19:00 on Fridays [1].") + watch.finish() == ""
    assert watch.refused


def test_one_wrong_statement_refuses_the_whole_answer_before_any_is_shown() -> None:
    watch = SupportWatch(PASSAGES, Policy.REFUSE)

    shown = watch.feed("Parking is free for patients [2]. We close at 19:00 [1]. ")

    assert shown + watch.finish() == ""
    assert watch.refused


@pytest.mark.parametrize("policy", [Policy.MARK, Policy.DROP, Policy.REFUSE])
@pytest.mark.parametrize("marker", ["[2]", "[9]", "【2】", "[2][9]"])
def test_a_marker_of_the_wrong_passage_is_mended(policy: Policy, marker: str) -> None:
    answer = f"On Fridays the clinic closes early, at 16:30 {marker}."

    shown = watched(answer, policy=policy)

    assert shown == "On Fridays the clinic closes early, at 16:30 [1]."


def test_a_number_that_nobody_gave_needs_no_marker_to_be_noticed() -> None:
    assert "unconfirmed: 40 euros" in watched("It costs 40 euros. Parking is free [2].")


def test_a_number_of_the_question_needs_no_source() -> None:
    answer = "You asked about 40 euros. Parking is free for patients [2]."

    assert watched(answer, known="Do I pay 40 euros?") == answer


def test_what_is_shown_was_checked() -> None:
    watch = SupportWatch(PASSAGES, Policy.MARK)

    assert watch.feed("We close at 19:00 on Fridays") == ""
    assert watch.feed(" [1]. Parking is free for ") == (
        "We close at 19:00 on Fridays [1] *(unconfirmed: 19:00)*. "
    )
    assert watch.feed("patients.") == ""


def test_a_reason_cannot_carry_markup() -> None:
    shown = watched("See [x](https://evil.example/a_b) and <@U1> at 19:00 [1].")

    note = shown.partition("*(unconfirmed: ")[2].partition(")*")[0]
    assert note
    assert not set(note) & set("[]()<>@*_`")


BITS = st.sampled_from(
    [
        *("At 16:30", "at 19:00", " on Fridays", "Parking is free", ".", ". ", "! "),
        *(
            " ",
            "\n",
            "\n\n",
            "- ",
            "[1]",
            " [2]",
            "[9]",
            "【1】",
            "`a. b`",
            "```\n",
            "Dr. ",
        ),
        *("Ash", "e.g. ", "1. ", "…", "。", "(", ")", '"', "[", "]", "U.S. ", "x"),
    ]
)


@given(st.lists(BITS, max_size=25).map("".join), st.data())
@settings(max_examples=300, deadline=None)
def test_the_result_does_not_depend_on_the_cuts(
    answer: str, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(answer)), max_size=8).map(sorted))
    pieces = [answer[a:b] for a, b in pairwise([0, *cuts, len(answer)])]
    policy = data.draw(st.sampled_from(list(Policy)))

    assert watched(*pieces, policy=policy) == watched(answer, policy=policy)
    assert watched(*answer, policy=policy) == watched(answer, policy=policy)
