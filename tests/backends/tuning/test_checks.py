"""What is wrong with a dataset is found, with the ids and the fix."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from backends.base import Passage, PastTurn
from backends.tuning.checks import Finding, Limits, check
from backends.tuning.clusters import clusters, split
from backends.tuning.example import (
    Origin,
    Provenance,
    Split,
    Status,
    TrainingExample,
)

Make = Callable[..., TrainingExample]
Many = list[TrainingExample]


def found(examples: Many, name: str, **how: Any) -> list[Finding]:
    return [finding for finding in check(examples, **how) if finding.check == name]


def test_a_good_dataset_has_no_errors(make: Make) -> None:
    examples = split([make(number) for number in range(60)])
    assert [finding for finding in check(examples) if finding.error] == []


@pytest.mark.parametrize(("count", "error"), [(0, True), (9, True), (10, False)])
def test_too_few_examples(make: Make, count: int, error: bool) -> None:
    (finding,) = found([make(number) for number in range(count)], "number")
    assert finding.error is error
    assert finding.fix


def test_only_approved_ones_count(some: Many) -> None:
    candidates = [replace(each, status=Status.CANDIDATE) for each in some]
    (finding,) = found(candidates, "number")
    assert finding.message == "no example is approved"


def test_the_same_question_with_two_answers(some: Many, make: Make) -> None:
    other = make(3, answer="Nobody knows whom to ask about that, try the cellar.")
    (finding,) = found([*some, other], "contradiction")
    assert finding.error
    assert set(finding.ids) == {some[3].id, other.id}


def test_the_same_follow_up_to_different_questions_is_no_contradiction(
    make: Make,
) -> None:
    one = make(1, question="And on Fridays?", history=(PastTurn("Badges?", "Nine."),))
    two = make(
        2,
        question="And on Fridays?",
        history=(PastTurn("When does the pharmacy open?", "At eight."),),
    )
    assert found([one, two], "contradiction") == []


def test_repeated_examples(some: Many) -> None:
    again = replace(some[3], id="again", question=some[3].question.upper())
    (finding,) = found([*some, again], "duplicate")
    assert not finding.error
    assert finding.ids == ("again",)


def test_a_held_out_question_that_is_known_from_training(some: Many) -> None:
    parted = [replace(each, split=Split.TRAIN) for each in some]
    known = replace(some[3], id="known", split=Split.HELD_OUT)
    (finding,) = found([*parted, known], "leak")
    assert finding.error
    assert "known" in finding.ids


def test_a_held_out_answer_that_is_known_from_training(some: Many, make: Make) -> None:
    parted = [replace(each, split=Split.TRAIN) for each in some]
    known = make(
        90,
        question="Something else entirely, what?",
        answer=some[3].answer,
        split=Split.HELD_OUT,
    )
    assert found([*parted, known], "leak")


def test_a_split_leaks_nothing(make: Make) -> None:
    examples = [make(number) for number in range(40)]
    examples += [
        make(n, id=f"like-{n}", question=f"{make(n).question} please")
        for n in range(20)
    ]
    parted = split(examples)
    assert found(parted, "leak") == []
    held = sum(each.split is Split.HELD_OUT for each in parted)
    assert 0.1 < held / len(parted) < 0.3


def test_what_was_held_out_stays_held_out(make: Make) -> None:
    parted = split([make(number) for number in range(30)])
    held = {each.id for each in parted if each.split is Split.HELD_OUT}
    # Newer ones would be held out in its place.
    grown = split([*parted, *(make(number) for number in range(30, 90))])
    still = {each.id for each in grown if each.split is Split.HELD_OUT}
    assert held <= still
    assert len(still) > len(held)


def test_the_newest_are_held_out(some: Many) -> None:
    parted = split(some)
    held = [each.created for each in parted if each.split is Split.HELD_OUT]
    learned = [each.created for each in parted if each.split is Split.TRAIN]
    assert held
    assert min(held) > max(learned)


def test_what_belongs_together_is_one_cluster(make: Make) -> None:
    one, two = make(1), make(2)
    same_answer = make(3, answer=one.answer)
    worded = make(2, id="w", question=two.question.replace("?", ", please?"))
    assert sorted(clusters([one, two, same_answer, worded])) == [[0, 2], [1, 3]]


def test_questions_about_other_numbers_are_other_questions(make: Make) -> None:
    rooms = [
        make(n, question=f"Who has the key of room {n}?", answer=f"Desk {n} has it.")
        for n in range(12)
    ]
    assert len(clusters(rooms)) == 12
    assert found(rooms, "contradiction") == []


def test_short_answers_do_not_tie_questions_together(make: Make) -> None:
    assert len(clusters([make(n, answer="Yes.") for n in range(5)])) == 5


def test_examples_that_no_trainer_would_see_whole(some: Many) -> None:
    limits = Limits(count=len, tokens=400)
    long = replace(some[0], id="long", answer="word " * 200)
    (finding,) = found([*some, long], "length", limits=limits)
    assert finding.ids == ("long",)


def test_answers_that_are_empty_or_the_bad_ones(make: Make) -> None:
    assert found([make(1, answer=" ")], "empty")
    assert found([make(1, rejected=make(1).answer)], "preference")


def test_different_system_prompts(some: Many) -> None:
    (finding,) = found([replace(some[0], system="Be rude."), *some[1:]], "system")
    assert finding.ids == (some[0].id,)


def test_nobody_says_that_they_do_not_know(some: Many) -> None:
    assert found(some, "refusals")
    unknown = replace(some[0], answer="The documents do not answer this question.")
    dunno = replace(some[1], answer="I can't tell from the documents.")
    assert not found([unknown, dunno, *some[2:]], "refusals")


def test_one_person_wrote_all_answers(some: Many) -> None:
    assert found(some, "author")
    other = Provenance(Origin.CURATED, author="slack:U2")
    shared = [replace(each, provenance=other) for each in some[:7]] + some[7:]
    assert not found(shared, "author")


def test_everything_is_about_one_document(some: Many) -> None:
    badges = Passage("1", "badges.md", "Badges", "", "text")
    parking = Passage("2", "parking.md", "Parking", "", "text")
    crowded = [replace(each, passages=(badges,)) for each in some[1:]]
    assert found([replace(some[0], passages=(parking,)), *crowded], "topics")


def test_personal_data_that_was_left_in(some: Many) -> None:
    (finding,) = found(
        [replace(some[0], answer="Ask dana@x.org."), *some], "personal data"
    )
    assert finding.error
