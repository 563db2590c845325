"""Quotations instead of a model: marked, cited, and silent where nothing fits."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from backends.abstention import NO_DOCUMENTS
from backends.base import (
    BackendUnavailable,
    Chunk,
    Citation,
    End,
    EndReason,
    Passage,
    Profile,
    Step,
    Turn,
)
from backends.testing import FixedSearch, collect, services_for_tests, text_of
from backends.verbatim import block, create

PUBLIC = frozenset({"public"})


def passage(id: str, text: str, support: float = 0.8, title: str = "Hours") -> Passage:
    return Passage(
        id=id,
        document=f"{title}.md",
        title=title,
        section="",
        text=text,
        labels=PUBLIC,
        support=support,
    )


HOURS = passage("1", "We open at eight. On Fridays we close early [3]. Bring a card.")
HIDDEN = replace(HOURS, labels=frozenset({"staff"}))
PARKING = passage("2", "On Fridays the car park may close at noon.", title="Parking")


async def answer(
    question: str, passages: Sequence[Passage], **options: Any
) -> list[Chunk]:
    services = services_for_tests(FixedSearch(passages))
    backend = create(Profile("house", "verbatim", options), services)
    return await collect(backend, Turn(question, audience=PUBLIC))


async def test_quotes_the_sentences_that_fit_with_their_sources() -> None:
    chunks = await answer("When do you close on Fridays?", [HOURS, PARKING])

    assert chunks[0] == Step("Searching the documents")
    assert "> On Fridays we close early (3). [1]" in text_of(chunks)
    assert "> On Fridays the car park may close at noon. [2]" in text_of(chunks)
    cited = [chunk for chunk in chunks if isinstance(chunk, Citation)]
    assert [(each.number, each.passage) for each in cited] == [(1, HOURS), (2, PARKING)]
    assert chunks[-1] == End()


async def test_a_passage_is_cited_once_however_often_it_is_quoted() -> None:
    chunks = await answer("When do you open, when do you close on Fridays?", [HOURS])

    assert set(re.findall(r"\[\d\]", text_of(chunks))) == {"[1]"}
    assert len([chunk for chunk in chunks if isinstance(chunk, Citation)]) == 1


async def test_quotes_no_more_than_it_may() -> None:
    question = "When do you open, when do you close on Fridays?"

    assert text_of(await answer(question, [HOURS], sentences=1)).count("> ") == 1


@pytest.mark.parametrize(
    ("question", "passages", "closest"),
    [
        pytest.param("When do you close?", [HIDDEN], "", id="nothing found"),
        pytest.param(
            "When do you close?",
            [passage("1", HOURS.text, support=0.2)],
            "\n\nClosest to it: *Hours*.",
            id="too far off",
        ),
        pytest.param(
            "Zebra?", [HOURS], "\n\nClosest to it: *Hours*.", id="no word in common"
        ),
    ],
)
async def test_says_honestly_that_it_found_nothing(
    question: str, passages: Sequence[Passage], closest: str
) -> None:
    chunks = await answer(question, passages)

    said = "I found nothing about this in the documents."
    assert text_of(chunks) == said + closest
    assert chunks[-1] == End(EndReason.ABSTAINED)


async def test_its_words_of_silence_can_be_the_teams() -> None:
    assert text_of(await answer("?", [HIDDEN], abstain_text="Keine Ahnung.")) == (
        "Keine Ahnung."
    )


async def test_without_documents_it_says_how_to_add_some() -> None:
    chunks = await answer("When do you close?", [])

    assert text_of(chunks) == NO_DOCUMENTS
    assert chunks[-1] == End(EndReason.ABSTAINED)


async def test_a_search_that_is_down_is_told() -> None:
    search = FixedSearch()
    search.error = BackendUnavailable("the store does not answer")
    backend = create(Profile("house", "verbatim"), services_for_tests(search))

    health = await backend.health()

    assert (health.ok, health.detail) == (False, "the store does not answer")
    with pytest.raises(BackendUnavailable):
        await collect(backend, Turn("?", audience=PUBLIC))


def test_code_keeps_its_lines() -> None:
    assert block("```\nx[0] = 1\n\ny = 2\n```", 2) == (
        "> ```\n> x[0] = 1\n>\n> y = 2\n> ```\n>\n> [2]"
    )
