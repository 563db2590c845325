"""What is missing, grouped: the same each time, and told only where it may be."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from backends.knowledge.minilm import MiniLM
from bot import state
from bot.cli import app
from bot.gaps import Gap, grouped, open_gaps, shown, visible, weekly_summary
from bot.settings import Settings
from bot.state.base import Record
from bot.unanswered import KIND

MONDAY = datetime(2026, 11, 16, 9, tzinfo=UTC)

TOPICS = (
    (
        "How do I reset my VPN password?",
        "vpn password reset??",
        "I forgot the password of the VPN, how can I reset it",
    ),
    (
        "Who pays for parking at the airport?",
        "is airport parking reimbursed",
    ),
    (
        "Can I bring my dog to the office?",
        "are dogs allowed in the office?",
        "dog in the office?",
    ),
    ("When is the next fire drill?",),
)


def gap(number: int, question: str, reason: str = "abstained", **more: object) -> Gap:
    at = MONDAY + timedelta(minutes=number)
    return Gap(f"g{number:03}", question, reason, at, **more)  # type: ignore[arg-type]


def gaps() -> list[Gap]:
    questions = [question for topic in TOPICS for question in topic]
    return [gap(number, question) for number, question in enumerate(questions)]


@pytest.fixture(scope="module")
def embedder() -> MiniLM:
    return MiniLM.installed()


def test_questions_of_one_topic_come_together(embedder: MiniLM) -> None:
    found = gaps()

    groups = grouped(found, embedder.embed([each.question for each in found]))

    topics = {frozenset(each.question for each in group.gaps) for group in groups}
    assert topics == {frozenset(topic) for topic in TOPICS}
    assert [len(group.gaps) for group in groups] == [3, 3, 2, 1]


def test_without_vectors_words_decide() -> None:
    found = [gap(1, "Where is the key?"), gap(2, "where is the KEY?"), gap(3, "Why?")]

    groups = grouped(found)

    assert [group.question for group in groups] == ["Where is the key?", "Why?"]


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_gaps_does_not_matter(chance: random.Random) -> None:
    found = gaps()
    mixed = list(found)
    chance.shuffle(mixed)

    assert grouped(mixed) == grouped(found)


def test_nothing_makes_no_groups() -> None:
    assert grouped([]) == []
    assert weekly_summary([]) == ""


def test_many_gaps_are_grouped_quickly() -> None:
    found = [gap(n, f"question {n % 70} about thing {n % 70}") for n in range(900)]

    groups = grouped(found)

    assert sum(len(group.gaps) for group in groups) == 500
    assert len(groups) <= 70


def test_a_place_is_told_only_of_places_that_see_no_more() -> None:
    staff, public = frozenset({"public", "staff"}), frozenset({"public"})
    found = [
        gap(1, "Open?", labels=public),
        gap(2, "Salary?", labels=staff),
        gap(3, "Nothing?"),
    ]

    assert [each.id for each in visible(found, public)] == ["g001", "g003"]
    assert visible(found, staff) == found


def test_the_weekly_message() -> None:
    found = [
        gap(1, "Where is *the* key? @everyone"),
        gap(2, "Where is *the* key? @everyone", "downvoted"),
        gap(3, "Why?", "missed"),
    ]

    assert weekly_summary(grouped(found)) == (
        "**What the documents did not answer** (3 questions, the most asked first)\n\n"
        "1. Where is the key? everyone — 1 without an answer, 1 judged unhelpful; last "
        "on 16 Nov\n"
        "2. Why? — 1 missed while I was away; last on 16 Nov"
    )


def test_a_question_is_shown_short_and_plain() -> None:
    assert shown("<!channel> [a](b)\n\n`c`") == "!channel a (b) c"
    assert len(shown("word " * 100)) <= 142


def record(number: int, question: str, **data: object) -> Record:
    whole = {"question": question, "reason": "abstained", "state": "open", **data}
    return Record(KIND, f"g{number}", whole, MONDAY + timedelta(minutes=number))


def test_closed_gaps_are_left_out() -> None:
    records = [record(1, "Open?"), record(2, "Shut?", state="answered"), record(3, " ")]

    assert [each.question for each in open_gaps(records)] == ["Open?"]


async def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio
    import json

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CURBSIDE_DATA_DIR", str(tmp_path / "data"))
    opened = state.create(Settings(), state.MAIN)
    await opened.open()
    for number, question in enumerate(TOPICS[2] + TOPICS[3]):
        await opened.records.put(record(number, question, labels=["public"], note="!"))
    await opened.aclose()
    run = CliRunner().invoke

    listed = await asyncio.to_thread(run, app, ["gaps", "--questions"])
    told = await asyncio.to_thread(run, app, ["gaps", "--json", "--limit", "1"])

    assert listed.exit_code == 0, listed.output
    assert "3  " in listed.output
    assert "> When is the next fire drill? (!)" in listed.output
    (row,) = json.loads(told.stdout)
    assert row["count"] == 3
    assert row["reasons"] == {"abstained": 3}
    assert [each["labels"] for each in row["gaps"]] == [["public"]] * 3
