"""Ratings: one a person and answer."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.state.base import Rating

GOOD = Rating("answer", "slack", "U1", "good", datetime(2026, 1, 2, tzinfo=UTC))


async def test_keeps_one_rating_of_each_person(state):
    bad = replace(GOOD, verdict="bad")
    theirs = replace(GOOD, author_id="U2")
    for rating in (GOOD, theirs, bad, replace(GOOD, answer_id="other")):
        await state.feedback.rate(rating)

    assert await state.feedback.of_answer("answer") == [bad, theirs]


async def test_takes_a_rating_back(state):
    await state.feedback.rate(GOOD)
    await state.feedback.rate(replace(GOOD, verdict="none"))

    assert await state.feedback.of_answer("answer") == []
    assert await state.feedback.forget("slack", "U1") == 0


async def test_forgets_a_person(state):
    theirs = replace(GOOD, author_id="U2")
    namesake = replace(GOOD, platform="discord")
    for rating in (GOOD, theirs, namesake, replace(GOOD, answer_id="other")):
        await state.feedback.rate(rating)

    assert await state.feedback.forget("slack", "U1") == 2
    assert await state.feedback.of_answer("answer") == [namesake, theirs]
    assert await state.feedback.of_answer("other") == []
