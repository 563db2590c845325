"""Words become numbers that meet where the words do."""

import pytest

from backends.knowledge.terms import Sparse, Terms


def score(terms: Terms, question: str, text: str) -> float:
    asked, said = terms.of_question(question), terms.of_document(text)
    weights = dict(zip(said.indices, said.values, strict=True))
    pairs = zip(asked.indices, asked.values, strict=True)
    return sum(weight * weights.get(term, 0.0) for term, weight in pairs)


def test_forms_of_a_word_meet(terms: Terms) -> None:
    assert terms.ids("closing") == terms.ids("closed") != terms.ids("opened")
    assert score(terms, "closing", "We closed early.") > 0


def test_the_very_form_counts_more(terms: Terms) -> None:
    assert score(terms, "closing", "the closing") > score(terms, "closing", "the close")


def test_neighbours_as_in_the_question_count_more(terms: Terms) -> None:
    together = score(terms, "blood test", "A blood test takes long.")
    apart = score(terms, "blood test", "A test takes long blood.")

    assert together > apart > 0


def test_saying_it_again_adds_less_each_time(terms: Terms) -> None:
    filler = " other words stand here and make the texts equally long" * 3
    once, twice, often = (
        score(terms, "vaccine", "vaccine " * times + filler) for times in (1, 2, 9)
    )

    assert once < twice < often < 3 * once


def test_a_long_text_has_to_say_it_more_often(terms: Terms) -> None:
    long = "vaccine " + "other words fill this text " * 40

    assert score(terms, "vaccine", "vaccine") > score(terms, "vaccine", long)


@pytest.mark.parametrize("text", ["", "???", "the of and", "\ud800"])
def test_nothing_to_search_for_is_no_error(terms: Terms, text: str) -> None:
    assert terms.of_question(text) == Sparse((), ())
    assert terms.of_document(text) == Sparse((), ())


def test_numbers_fit_what_the_stores_take(terms: Terms) -> None:
    vector = terms.of_document("Vaccines are kept at 5 °C, as id_4-7 says. 冷蔵庫")

    assert len(set(vector.indices)) == len(vector.indices) == len(vector.values)
    assert all(0 <= index < 2**32 for index in vector.indices)
    assert len(terms.ids("冷蔵庫")) == 3
