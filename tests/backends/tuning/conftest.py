"""Examples to train on, made on the spot."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backends.tuning.example import (
    Origin,
    Provenance,
    Status,
    TrainingExample,
    example_id,
)

FIRST = datetime(2026, 1, 1, tzinfo=UTC)

SUBJECTS = [
    "the parking garage",
    "flu vaccines",
    "lost badges",
    "the X-ray room",
    "holiday requests",
    "the staff kitchen",
    "fire drills",
    "patient records",
    "the pharmacy counter",
    "translation services",
    "laundry of scrubs",
    "the on-call roster",
    "sick notes",
    "needle disposal",
    "the lab courier",
]

Make = Callable[..., TrainingExample]


@pytest.fixture
def make() -> Make:
    """Makes an approved example; `number` gives it a subject and a day of its own."""

    def make(number: int = 0, **changes: Any) -> TrainingExample:
        subject = SUBJECTS[number % len(SUBJECTS)]
        ward = number // len(SUBJECTS)
        given: dict[str, Any] = {
            "question": f"Whom do I ask about {subject} on ward {ward}?",
            "answer": f"Ask the desk for {subject}; it is extension {4000 + number}.",
            "provenance": Provenance(Origin.CURATED, author="slack:U1"),
            "created": FIRST + timedelta(days=number),
            "status": Status.APPROVED,
        } | changes
        given.setdefault("id", example_id(given["question"], given["answer"]))
        return TrainingExample(**given)

    return make


@pytest.fixture
def some(make: Make) -> list[TrainingExample]:
    """Fifteen approved examples about different things."""
    return [make(number) for number in range(len(SUBJECTS))]
