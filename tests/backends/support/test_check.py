"""Claims against passages: numbers, units, dates, names, negation, words."""

import pytest

from backends.base import Passage
from backends.support.check import check
from benchmarks.support import LATER, made, measure, written

OPENING = (
    "The clinic opens at 8:00. On Mondays to Thursdays we close at 18:00. "
    "On Fridays we close early, at 16:30. Walk-ins come between 8 and 10 am."
)
DOSES = (
    "Adults get 500 mg, children 250 mg three times a day. Give 5 mg/kg every 8 hours, "
    "at most 60 mg/kg a day. Store it at 2 to 8 °C; it must not be frozen."
)
RULES = (
    "Never share your password with anyone. Dogs are not allowed in the building. "
    "Staff may book up to 6 weeks ahead. Visitors must wear a badge. Form AB-12 is due "
    "on 3 May 2026. The fee is $1,500. Dr. Ash covers Monday, Dr. Bell Tuesday."
)


def supported(claim: str, text: str) -> bool:
    return check(claim, [Passage("p", "d", "", "", text)]).supported


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("On Fridays we close at 16:30.", OPENING),
        ("We close at 4:30 pm on Friday.", OPENING),
        ("We close at half past four on Fri.", OPENING),
        ("On Tuesdays we close at 6 p.m.", OPENING),
        ("Come between 8:00 and 10:00 for walk-ins.", OPENING),
        ("Children take 250 mg thrice a day.", DOSES),
        ("Children take 0.25 g 3 times per day.", DOSES),
        ("Children get 0,25 g three times daily.", DOSES),
        ("The dose is 5 mg per kilogram, every eight hours.", DOSES),
        ("No more than 60 mg/kg per day.", DOSES),
        ("It is stored between 2 °C and 8 °C.", DOSES),
        ("Store it at 35.6 to 46.4 °F.", DOSES),
        ("It must never be frozen.", DOSES),
        ("Do not share your password.", RULES),
        ("No dogs are allowed.", RULES),
        ("Dogs are forbidden in the building.", RULES),
        ("Staff can book at most 42 days ahead.", RULES),
        ("You can book six weeks in advance.", RULES),
        ("Form AB-12 is due on May 3rd.", RULES),
        ("Form ab12 is due 2026-05-03.", RULES),
        ("It costs 1500 dollars.", RULES),
        ("Monday is covered by Dr. Ash.", RULES),
        ("Freitags schließen wir um 16:30 Uhr.", OPENING),
        ("Yes.", RULES),
    ],
)
def test_the_same_in_other_words_is_supported(claim: str, text: str) -> None:
    assert supported(claim, text), check(claim, [Passage("p", "d", "", "", text)])


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        ("On Fridays we close at 18:00.", OPENING),
        ("On Fridays we close at 16:20.", OPENING),
        ("On Sundays we close at 16:30.", OPENING),
        ("The clinic opens at 8 pm.", OPENING),
        ("Children take 500 mg three times a day.", DOSES),
        ("Children take 250 g three times a day.", DOSES),
        ("Children take 250 mg four times a day.", DOSES),
        ("The dose is 5 mg/g every 8 hours.", DOSES),
        ("The dose is 5 mg/kg every 8 days.", DOSES),
        ("At least 60 mg/kg a day.", DOSES),
        ("Store it at 2 to 8 °F.", DOSES),
        ("It must be frozen.", DOSES),
        ("Always share your password.", RULES),
        ("Dogs are allowed in the building.", RULES),
        ("Staff may book at least 6 weeks ahead.", RULES),
        ("Staff may book up to 6 months ahead.", RULES),
        ("Visitors may wear a badge, which is optional.", RULES),
        ("Form AB-21 is due on 3 May.", RULES),
        ("Form AB-12 is due on 5 May.", RULES),
        ("The fee is €1,500.", RULES),
        ("The fee is $15,000.", RULES),
        ("Dr. Cole covers Monday.", RULES),
        ("The fee is paid to Harriet Miller.", RULES),
        ("The cafeteria serves excellent soup with fresh bread.", RULES),
        ("Freitags schließen wir um 17:30 Uhr.", OPENING),
    ],
)
def test_what_the_passage_does_not_say_is_noticed(claim: str, text: str) -> None:
    assert not supported(claim, text)


def test_it_names_what_is_wrong() -> None:
    verdict = check("We close at 17:45.", [Passage("p", "d", "", "", OPENING)])

    assert verdict.reason == "17:45"


def test_several_passages_may_support_one_statement_together() -> None:
    passages = [Passage("p", "d", "", "", text) for text in (OPENING, DOSES)]

    assert check("Friday: until 16:30; children: 250 mg.", passages).supported


def test_title_and_section_count_as_said() -> None:
    passage = Passage("p", "d", "Amoxicillin", "Children", "250 mg three times a day.")

    assert check("Children get 250 mg of amoxicillin.", [passage]).supported


def test_a_unit_in_the_head_of_a_table_counts() -> None:
    table = "| Test | Wait (days) |\n|---|---|\n| MRI | 14 |\n| CT | 4 |"

    assert supported("The wait for an MRI is 14 days.", table)
    assert not supported("The wait for an MRI is 4 days.", table)


def test_three_hundred_pairs() -> None:
    figures = measure([*written(), *made()])

    assert figures.pairs == 300
    assert figures.recall >= 0.97
    assert figures.precision >= 0.95


def test_pairs_that_no_rule_was_made_on() -> None:
    others, later = measure(made(300, seed=20)), measure(list(written(LATER)))

    assert others.recall >= 0.95
    assert others.precision >= 0.95
    assert later.recall >= 0.9
    assert later.precision >= 0.95
