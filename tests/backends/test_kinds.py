"""Our five kinds keep the contract, and each puts into the prompt what it promises."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from servers.openai import OpenAIServer

from backends import few_shot, fine_tuned, hybrid, rag, verbatim
from backends.base import (
    Backend,
    BackendMisconfigured,
    Citation,
    Factory,
    Passage,
    Profile,
    Turn,
)
from backends.services import ModelDefaults, Services
from backends.testing import (
    BackendContract,
    FixedSearch,
    collect,
    services_for_tests,
    text_of,
)

QUESTION = "When do you close on Fridays?"
PASSAGES = [
    Passage(
        id="1",
        document="hours.md",
        title="Opening hours",
        section="Week",
        text="The clinic opens at eight. On Fridays we close early, at 16:30.",
        labels=frozenset({"public"}),
        support=0.8,
    ),
    Passage(
        id="2",
        document="cleaning.md",
        title="Cleaning",
        section="Rota",
        text="On Fridays the cleaners come when we close, with the secret key 4711.",
        labels=frozenset({"staff"}),
        support=0.8,
    ),
]


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
def services(server: OpenAIServer) -> Services:
    return services_for_tests(FixedSearch(PASSAGES), ModelDefaults(server.base_url))


def make(create: Factory, services: Services, **options: Any) -> Backend:
    return create(Profile("handbook", "kind", options), services)


class OurContract(BackendContract):
    question = QUESTION


class TestRag(OurContract):
    @pytest.fixture
    async def backend(self, services: Services) -> AsyncIterator[Backend]:
        backend = make(rag.create, services)
        yield backend
        await backend.aclose()


class TestHybrid(OurContract):
    @pytest.fixture
    async def backend(self, services: Services) -> AsyncIterator[Backend]:
        backend = make(hybrid.create, services, model="house-model")
        yield backend
        await backend.aclose()


class TestFineTuned(OurContract):
    @pytest.fixture
    async def backend(self, services: Services) -> AsyncIterator[Backend]:
        backend = make(fine_tuned.create, services, model="house-model")
        yield backend
        await backend.aclose()


class TestFewShot(OurContract):
    @pytest.fixture
    async def backend(
        self, services: Services, tmp_path: Path
    ) -> AsyncIterator[Backend]:
        path = tmp_path / "examples.jsonl"
        path.write_text(json.dumps({"question": "When?", "answer": "At [1] eight."}))
        backend = make(few_shot.create, services, examples=str(path))
        yield backend
        await backend.aclose()


class TestVerbatim(OurContract):
    @pytest.fixture
    async def backend(self, services: Services) -> AsyncIterator[Backend]:
        backend = make(verbatim.create, services)
        yield backend
        await backend.aclose()


PUBLIC = Turn(QUESTION, audience=frozenset({"public"}))


@pytest.mark.parametrize(
    ("create", "options", "passages", "examples"),
    [
        pytest.param(rag.create, {}, True, False, id="rag"),
        pytest.param(hybrid.create, {"model": "house-model"}, True, False, id="hybrid"),
        pytest.param(
            fine_tuned.create, {"model": "house-model"}, False, False, id="fine_tuned"
        ),
        pytest.param(few_shot.create, {}, False, True, id="few_shot"),
    ],
)
async def test_the_prompt_holds_what_the_kind_promises(
    create: Factory,
    options: dict[str, Any],
    passages: bool,
    examples: bool,
    server: OpenAIServer,
    services: Services,
    tmp_path: Path,
) -> None:
    if examples:
        path = tmp_path / "examples.jsonl"
        path.write_text('{"question": "Dogs?", "answer": "Outside."}')
        options = {"examples": str(path)}
    backend = make(create, services, **options)

    await collect(backend, PUBLIC)

    (asked,) = server.requests
    assert ("[1] Opening hours > Week" in asked.question) is passages
    assert ("Answer: Outside." in asked.system) is examples
    assert QUESTION in asked.question
    assert "4711" not in str(asked.body), "of another audience"
    await backend.aclose()


async def test_rag_answers_with_the_sentence_that_it_read(services: Services) -> None:
    backend = make(rag.create, services)

    chunks = await collect(backend, PUBLIC)

    assert text_of(chunks) == "On Fridays we close early, at 16:30. [1]"
    (citation,) = [chunk for chunk in chunks if isinstance(chunk, Citation)]
    assert citation.passage == PASSAGES[0]
    assert citation.quote == "On Fridays we close early, at 16:30."
    await backend.aclose()


@pytest.mark.parametrize("create", [hybrid.create, fine_tuned.create])
def test_tuned_weights_must_be_named(create: Factory, services: Services) -> None:
    with pytest.raises(BackendMisconfigured, match="`model` is missing"):
        make(create, services)


def test_a_missing_examples_file_is_named(services: Services, tmp_path: Path) -> None:
    missing = tmp_path / "none.jsonl"

    with pytest.raises(
        BackendMisconfigured, match=r"\[backends.handbook\].*none.jsonl"
    ):
        make(few_shot.create, services, examples=str(missing))
