"""Saying that the documents do not hold the answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.abstention import AbstentionWatch, abstain
from backends.base import Passage
from backends.prompt import NOT_IN_DOCUMENTS


def watched(*deltas: str) -> tuple[str, bool]:
    watch = AbstentionWatch()
    shown = "".join(watch.feed(delta) for delta in deltas) + watch.finish()
    return shown, watch.abstained


@pytest.mark.parametrize(
    "answer",
    [
        NOT_IN_DOCUMENTS,
        f"\n {NOT_IN_DOCUMENTS} ",
        f'"{NOT_IN_DOCUMENTS}"',
        f"**{NOT_IN_DOCUMENTS}**",
        NOT_IN_DOCUMENTS.rstrip("."),
        NOT_IN_DOCUMENTS.upper(),
        f"{NOT_IN_DOCUMENTS} But I believe that it is eight.",
    ],
)
def test_the_fixed_sentence_is_not_shown(answer: str) -> None:
    assert watched(answer) == ("", True)
    assert watched(*answer) == ("", True)


@pytest.mark.parametrize(
    "answer",
    [
        "At eight.",
        "",
        "The documents",
        "The documents do not answer this question directly, but say: at eight [1].",
        "The documents say that we open at eight [1].",
        f"At eight [1]. {NOT_IN_DOCUMENTS}",
    ],
)
def test_any_other_answer_is_shown_as_it_is(answer: str) -> None:
    assert watched(answer) == (answer, False)
    assert watched(*answer) == (answer, False)


@given(
    st.lists(
        st.sampled_from(["The documents ", "do not answer ", "this question", ".", " "])
    )
)
def test_the_cuts_do_not_matter(pieces: list[str]) -> None:
    assert watched("".join(pieces)) == watched(*pieces)


def test_an_answer_is_held_back_no_longer_than_needed() -> None:
    watch = AbstentionWatch()

    assert watch.feed("The doc") == ""
    assert watch.feed("tor is in.") == "The doctor is in."
    assert watch.feed(" Come.") == " Come."


def document(title: str, name: str = "hours.md") -> Passage:
    return Passage(id=title, document=name, title=title, section="", text="")


def test_without_documents_it_says_only_that() -> None:
    assert abstain([]) == "I found nothing about this in the documents."


def test_names_the_nearest_documents_once_each() -> None:
    titles = ["Opening hours", "Parking", "Opening hours", "Fees", "Dogs"]

    assert abstain([document(title) for title in titles]) == (
        "I found nothing about this in the documents.\n\n"
        "Closest to it: *Opening hours*; *Parking*; *Fees*."
    )


def test_a_title_cannot_pass_for_a_marker_and_may_be_missing() -> None:
    text = abstain([document("Notes [1]\nof *Ada*"), document("")], "Keine Ahnung.")

    assert text == "Keine Ahnung.\n\nClosest to it: Notes (1) of *Ada*; *hours.md*."
