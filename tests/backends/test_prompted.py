"""The engine: steps, abstention, citations, summaries, health, and its end."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from datetime import date
from typing import cast

import pytest
from servers.openai import OpenAIServer, Reply

from backends.abstention import NO_DOCUMENTS
from backends.base import (
    BackendMisconfigured,
    BackendRefused,
    BackendUnavailable,
    Chunk,
    Citation,
    End,
    EndReason,
    Passage,
    PastTurn,
    Step,
    Text,
    Turn,
    Usage,
)
from backends.chat_api import ChatModel
from backends.chat_types import Endpoint, Timeouts
from backends.context import Nothing, Passages
from backends.prompt import NOT_IN_DOCUMENTS
from backends.prompted import UNBACKED, Manner, Prompted
from backends.silence.decision import Silence
from backends.support.watch import WITHHELD, Policy
from backends.testing import FixedSearch, collect, services_for_tests, text_of

PUBLIC = frozenset({"public"})
TURN = Turn("When do you close on Fridays?", audience=PUBLIC)


def passage(text: str, title: str = "Opening hours", support: float = 0.8) -> Passage:
    return Passage(
        id=text,
        document="hours.md",
        title=title,
        section="",
        text=text,
        labels=PUBLIC,
        support=support,
    )


FRIDAYS = passage("On Fridays we close early, at 16:30.")
PARKING = passage("Parking is free for patients.", "Parking")


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[ChatModel]:
    endpoint = Endpoint(server.base_url, model="house-model", name="[backends.x]")
    model = ChatModel(endpoint, Timeouts(0.5, 0.3, 2))
    yield model
    await model.aclose()


@pytest.fixture
def search() -> FixedSearch:
    return FixedSearch([FRIDAYS, PARKING])


@pytest.fixture
def backend(model: ChatModel, search: FixedSearch) -> Prompted:
    source = Passages(services_for_tests(search), "clinic", 6)
    return Prompted(model, source, Manner(silence=Silence(0.5)))


async def test_tells_what_it_does_then_answers_with_sources(
    server: OpenAIServer, backend: Prompted
) -> None:
    server.script(Reply("Early, at 16:30 [1].", pieces=1))

    chunks = await collect(backend, TURN)

    assert chunks == [
        Step("Searching the clinic documents"),
        Step("Reading Opening hours, Parking"),
        Text("Early, at 16:30 [1]."),
        Usage(chunks[3].input_tokens, 4) if isinstance(chunks[3], Usage) else None,
        Citation(1, FRIDAYS, FRIDAYS.text),
        End(),
    ]


async def test_abstains_without_passages_and_asks_no_model(
    server: OpenAIServer, backend: Prompted, search: FixedSearch
) -> None:
    search.passages = [replace(FRIDAYS, labels=frozenset({"staff"}))]

    chunks = await collect(backend, TURN)

    assert text_of(chunks) == "I found nothing about this in the documents."
    assert chunks[-1] == End(EndReason.ABSTAINED)
    assert server.requests == []


async def test_without_documents_it_says_how_to_add_some(
    server: OpenAIServer, backend: Prompted, search: FixedSearch
) -> None:
    search.passages = []

    chunks = await collect(backend, TURN)

    assert text_of(chunks) == NO_DOCUMENTS
    assert chunks[-1] == End(EndReason.ABSTAINED)
    assert server.requests == []


async def test_names_who_may_know(model: ChatModel, search: FixedSearch) -> None:
    search.passages = [passage("Dogs wait outside.", "Dogs", support=0.4)]
    contacts = {"public": "the front desk, 555-0101", "staff": "Ines Moreau"}
    manner = Manner(silence=Silence(0.5), contacts=contacts)
    source = Passages(services_for_tests(search), "", 6)

    chunks = await collect(Prompted(model, source, manner), TURN)

    assert text_of(chunks).endswith("Who may know: the front desk, 555-0101.")


@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        (Policy.MARK, "At 18:00 [1] *(unconfirmed: 18:00)*."),
        (Policy.DROP, WITHHELD),
        (Policy.REFUSE, WITHHELD),
        (Policy.OFF, "At 18:00 [1]."),
    ],
)
async def test_what_the_passages_do_not_say(
    server: OpenAIServer,
    model: ChatModel,
    search: FixedSearch,
    policy: Policy,
    shown: str,
) -> None:
    server.script("At 18:00 [1].")
    source = Passages(services_for_tests(search), "", 6)
    backend = Prompted(model, source, Manner(support=policy))

    text = text_of(await collect(backend, TURN))

    assert text.startswith(shown)


async def test_a_wrong_marker_is_mended(
    server: OpenAIServer, model: ChatModel, search: FixedSearch
) -> None:
    server.script("On Fridays we close early, at 16:30 [2].")
    source = Passages(services_for_tests(search), "", 6)
    backend = Prompted(model, source, Manner(support=Policy.MARK))

    chunks = await collect(backend, TURN)

    assert text_of(chunks) == "On Fridays we close early, at 16:30 [1]."
    cited = [chunk.passage for chunk in chunks if isinstance(chunk, Citation)]
    assert cited == [FRIDAYS]


async def test_abstains_when_the_passages_are_too_far_off(
    server: OpenAIServer, backend: Prompted, search: FixedSearch
) -> None:
    search.passages = [passage("Dogs wait outside.", "Dogs", support=0.4)]

    chunks = await collect(backend, TURN)

    assert text_of(chunks).endswith("Closest to it: *Dogs*.")
    assert chunks[-1] == End(EndReason.ABSTAINED)
    assert server.requests == []


@pytest.mark.parametrize("pieces", [1, 7, 60])
async def test_abstains_when_the_model_finds_nothing(
    server: OpenAIServer, backend: Prompted, pieces: int
) -> None:
    server.script(Reply(f"{NOT_IN_DOCUMENTS} But I guess 5.", pieces=pieces))

    chunks = await collect(backend, TURN)

    assert text_of(chunks) == (
        "I found nothing about this in the documents.\n\n"
        "Closest to it: *Opening hours*; *Parking*."
    )
    assert chunks[-1] == End(EndReason.ABSTAINED)
    assert [chunk for chunk in chunks if isinstance(chunk, Usage)]
    assert not [chunk for chunk in chunks if isinstance(chunk, Citation)]


async def test_the_words_of_abstention_can_be_the_teams(
    model: ChatModel, search: FixedSearch
) -> None:
    search.passages = [replace(FRIDAYS, labels=frozenset({"staff"}))]
    source = Passages(services_for_tests(search), "", 6)
    backend = Prompted(model, source, Manner(abstain_text="Keine Ahnung."))

    assert text_of(await collect(backend, TURN)) == "Keine Ahnung."


async def test_an_answer_without_markers_gets_its_source(
    server: OpenAIServer, backend: Prompted
) -> None:
    server.script("On Fridays we close early, at 16:30.")

    chunks = await collect(backend, TURN)

    assert text_of(chunks) == "On Fridays we close early, at 16:30.\n\n[1]"
    assert Citation(1, FRIDAYS, FRIDAYS.text) in chunks


async def test_an_answer_from_nowhere_is_marked_as_such(
    server: OpenAIServer, backend: Prompted
) -> None:
    server.script("The moon is made of the finest green cheese [7].")

    chunks = await collect(backend, TURN)

    assert text_of(chunks) == "The moon is made of the finest green cheese." + UNBACKED
    assert chunks[-1] == End()


async def test_a_cut_answer_says_so(server: OpenAIServer, backend: Prompted) -> None:
    server.script(Reply("On Fridays [1] we clo", finish="length"))

    assert (await collect(backend, TURN))[-1] == End(EndReason.LENGTH)


@pytest.mark.parametrize(
    ("finish", "words"), [("stop", "said nothing"), ("length", "raise `max_tokens`")]
)
async def test_an_empty_answer_is_none(
    server: OpenAIServer, backend: Prompted, finish: str, words: str
) -> None:
    server.script(Reply("<think>Hm</think> ", finish=finish))

    with pytest.raises(BackendUnavailable, match=words):
        await collect(backend, TURN)


async def test_a_refusal_comes_through(server: OpenAIServer, backend: Prompted) -> None:
    server.script(Reply("Well", finish="content_filter"))

    with pytest.raises(BackendRefused):
        await collect(backend, TURN)


async def test_a_search_that_is_down_comes_through(
    server: OpenAIServer, backend: Prompted, search: FixedSearch
) -> None:
    search.error = BackendUnavailable("the store does not answer")

    with pytest.raises(BackendUnavailable, match="the store"):
        await collect(backend, TURN)
    assert server.requests == []


async def test_a_careless_search_leaks_nothing(
    server: OpenAIServer, model: ChatModel
) -> None:
    hidden = Passage("s", "s.md", "Secrets", "", "The key is 4711.", support=1.0)

    class Careless(FixedSearch):
        async def search(self, *_: object) -> list[Passage]:
            return [hidden, FRIDAYS]

    source = Passages(services_for_tests(Careless()), "", 6)

    await collect(Prompted(model, source), TURN)

    assert "4711" not in str(server.requests[0].body)


async def test_without_room_for_any_passage_the_model_is_not_asked(
    server: OpenAIServer, model: ChatModel, search: FixedSearch
) -> None:
    source = Passages(services_for_tests(search), "", 6)
    backend = Prompted(model, source, Manner(prompt_tokens=500))

    with pytest.raises(BackendMisconfigured, match="prompt_tokens"):
        await collect(backend, Turn("Why? " * 500, audience=PUBLIC))
    assert server.requests == []


async def test_the_conversation_goes_into_the_prompt(
    server: OpenAIServer, model: ChatModel
) -> None:
    turn = Turn(
        "And on Saturdays?",
        history=(PastTurn("When do you close?", "At six."),),
        summary="They plan a visit.",
    )

    await collect(Prompted(model, Nothing(), Manner(system="You are Robin.")), turn)

    contents = [message["content"] for message in server.requests[0].messages]
    assert contents[0].startswith("You are Robin.")
    assert contents[1:3] == ["When do you close?", "At six."]
    assert "They plan a visit." in contents[3]
    assert contents[3].endswith("And on Saturdays?")


async def test_a_tuned_model_cannot_invent_sources(
    server: OpenAIServer, model: ChatModel
) -> None:
    server.script("At six [1], or `a[1]`.")

    chunks = await collect(Prompted(model, Nothing()), TURN)

    assert text_of(chunks) == "At six, or `a[1]`."


async def test_closing_the_answer_ends_the_request(
    server: OpenAIServer, backend: Prompted
) -> None:
    server.script(Reply("word " * 100, pieces=100, delay=0.05))
    answer = cast("AsyncGenerator[Chunk, None]", backend.answer(TURN))
    async for chunk in answer:
        if isinstance(chunk, Text):
            break

    await answer.aclose()

    await server.wait_for(lambda: server.left == 1, timeout=0.5)


async def test_summarises(server: OpenAIServer, backend: Prompted) -> None:
    server.script(" Ada asked when. ")

    summary = await backend.summarise("Before.", (PastTurn("When?", "At 8.", "Ada"),))

    assert summary == "Ada asked when."
    assert "Before." in server.requests[0].question


async def test_an_empty_summary_does_not_forget(
    server: OpenAIServer, backend: Prompted
) -> None:
    server.script("")

    assert await backend.summarise("Before.", ()) == "Before."


async def test_health_names_model_and_its_end(
    server: OpenAIServer, backend: Prompted
) -> None:
    server.models = {"house-model": "2999-01-14"}

    health = await backend.health()

    assert health.ok
    assert health.model == "house-model"
    assert health.shutdown_date == date(2999, 1, 14)


async def test_health_tells_of_a_search_that_is_down(
    backend: Prompted, search: FixedSearch
) -> None:
    search.error = BackendUnavailable("the store does not answer")

    health = await backend.health()

    assert not health.ok
    assert health.detail == "the store does not answer"


async def test_health_does_not_wait_for_a_search_that_hangs(model: ChatModel) -> None:
    class Hanging(FixedSearch):
        async def search(self, *_: object) -> list[Passage]:
            await asyncio.sleep(60)
            return []

    backend = Prompted(model, Passages(services_for_tests(Hanging()), "", 6))

    async with asyncio.timeout(3):
        health = await backend.health()

    assert not health.ok
    assert "took longer" in health.detail
