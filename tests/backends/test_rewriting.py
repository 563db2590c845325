"""A model makes follow-ups stand alone, and nothing waits for one that fails."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from servers.openai import OpenAIServer

from backends.base import Passage, PastTurn, Turn
from backends.chat_api import ChatModel
from backends.chat_types import Endpoint
from backends.context import Passages
from backends.rewriting import ModelRewriter
from backends.services import PLAIN, Focus
from backends.testing import FixedSearch, services_for_tests

HISTORY = (PastTurn("When do we close?", "At six. [1]"),)


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def rewriter(server: OpenAIServer) -> AsyncIterator[ModelRewriter]:
    model = ChatModel(Endpoint(server.base_url, None, "house-model", "here"))
    yield ModelRewriter(model)
    await model.aclose()


async def test_a_follow_up_is_put_so_that_it_stands_alone(
    server: OpenAIServer, rewriter: ModelRewriter
) -> None:
    server.answer = lambda asked: "When do we close\non Fridays?\n"

    assert (
        await rewriter.rewrite("and on Fridays?", HISTORY)
        == "When do we close on Fridays?"
    )
    asked = server.requests[0].messages[-1]["content"]
    assert "When do we close?" in asked
    assert asked.endswith("Last question: and on Fridays?")
    assert "[1]" not in asked


async def test_a_first_question_is_not_sent(
    server: OpenAIServer, rewriter: ModelRewriter
) -> None:
    assert await rewriter.rewrite("when do we close?", ()) == ""
    assert server.requests == []


async def test_what_is_no_question_is_left_out(
    server: OpenAIServer, rewriter: ModelRewriter
) -> None:
    server.answer = lambda asked: "blah " * 200

    assert await rewriter.rewrite("and on Fridays?", HISTORY) == ""


async def test_a_model_that_fails_is_no_obstacle(
    server: OpenAIServer, rewriter: ModelRewriter
) -> None:
    server.models = {}

    assert await rewriter.rewrite("and on Fridays?", HISTORY) == ""


class Attentive(FixedSearch):
    """Remembers what a search was to follow."""

    async def search(
        self,
        question: str,
        history: tuple[PastTurn, ...],
        audience: frozenset[str],
        limit: int,
        focus: Focus = PLAIN,
    ) -> list[Passage]:
        self.focus = focus
        return await super().search(question, history, audience, 99, focus)


def passages(count: int) -> list[Passage]:
    labels = frozenset({"staff"})
    return [
        Passage(f"p{at}", "a.md", "A", "", f"text {at}", labels=labels)
        for at in range(count)
    ]


async def test_the_search_follows_the_rewritten_question(
    server: OpenAIServer, rewriter: ModelRewriter
) -> None:
    server.answer = lambda asked: "When do we close on Fridays?"
    search = Attentive(passages(3))
    focus = Focus(labels={"policy": 0.1})
    source = Passages(services_for_tests(search), "", 2, focus, rewriter)

    found = await source.gather(
        Turn("and on Fridays?", HISTORY, audience=frozenset({"staff"}))
    )

    assert search.focus.rewritten == "When do we close on Fridays?"
    assert search.focus.labels == {"policy": 0.1}
    assert len(found.passages) == 2


async def test_all_that_fits_is_given() -> None:
    search = Attentive(passages(5))
    source = Passages(services_for_tests(search), "", 2, Focus(whole=1_000))

    found = await source.gather(Turn("any?", audience=frozenset({"staff"})))

    assert len(found.passages) == 5


async def test_no_passage_is_given_twice() -> None:
    copy = replace(passages(1)[0], id="copy", text=" text  0 ")
    search = Attentive([*passages(1), copy, *passages(4)[1:]])
    source = Passages(services_for_tests(search), "", 3)

    found = await source.gather(Turn("any?", audience=frozenset({"staff"})))

    assert [passage.id for passage in found.passages] == ["p0", "p1", "p2"]
