"""A model's health: there, known, and for how long."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date

import pytest
from servers.openai import OpenAIServer, Reply

from backends.base import BackendMisconfigured, Health
from backends.chat_api import ChatModel
from backends.chat_health import lifetime, model_health
from backends.chat_types import Endpoint
from backends.prompt import Message

TODAY = date(2026, 11, 20)


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


async def health(server: OpenAIServer, model: str = "house-model") -> Health:
    chat = ChatModel(Endpoint(server.base_url, model=model, name="[backends.x]"))
    async with asyncio.timeout(3):
        found = await model_health(chat)
    await chat.aclose()
    return found


async def test_a_listed_model_is_well_and_not_asked(server: OpenAIServer) -> None:
    assert await health(server) == Health(ok=True, model="house-model")
    assert server.requests == []


async def test_names_the_model_that_the_server_chooses(server: OpenAIServer) -> None:
    assert await health(server, "") == Health(ok=True, model="house-model")


async def test_an_unlisted_model_that_answers_is_well(server: OpenAIServer) -> None:
    server.script("pong")

    assert (await health(server, "deployment-7")).ok
    assert server.requests[0].body["max_tokens"] == 1


async def test_an_unknown_model_is_named(server: OpenAIServer) -> None:
    found = await health(server, "nobody")

    assert not found.ok
    assert "'nobody'" in found.detail
    assert found.model == "nobody"


async def test_a_server_without_a_list_may_be_well(server: OpenAIServer) -> None:
    server.lists_models = False

    assert (await health(server)).ok


async def test_a_wrong_key_is_told(server: OpenAIServer) -> None:
    server.api_key = "sk-right"

    found = await health(server)

    assert not found.ok
    assert "api_key_env" in found.detail


async def test_a_server_that_is_down_is_told(server: OpenAIServer) -> None:
    await server.stop()

    found = await health(server)

    assert not found.ok
    assert "no connection" in found.detail


async def test_a_server_that_hangs_is_told_in_time(server: OpenAIServer) -> None:
    server.lists_models = False
    server.script(Reply(first_delay=60))

    found = await health(server)

    assert not found.ok
    assert "within 2.5 s" in found.detail


@pytest.mark.parametrize(
    ("shutdown", "ok", "detail"),
    [
        (None, True, ""),
        (date(2027, 3, 14), True, ""),
        (date(2027, 1, 14), True, "m will be shut down on 2027-01-14"),
        (date(2026, 12, 20), True, "m will be shut down on 2026-12-20"),
        (TODAY, False, "m was shut down on 2026-11-20; choose another `model`"),
        (date(2026, 10, 23), False, "m was shut down on 2026-10-23"),
    ],
)
def test_a_models_end_is_told_in_time(
    shutdown: date | None, ok: bool, detail: str
) -> None:
    found = lifetime("m", shutdown, TODAY)

    assert found.ok is ok
    assert found.detail.startswith(detail)
    assert bool(found.detail) is bool(detail)
    assert found.shutdown_date == shutdown


async def test_the_date_that_the_profile_tells_counts_too(server: OpenAIServer) -> None:
    ended = Endpoint(
        server.base_url, model="house-model", shutdown_date=date(2020, 1, 1)
    )
    chat = ChatModel(ended)
    found = await model_health(chat)
    await chat.aclose()
    assert not found.ok
    assert found.shutdown_date == date(2020, 1, 1)


async def test_a_model_that_has_ended_is_not_asked_any_more(
    server: OpenAIServer,
) -> None:
    ended = Endpoint(
        server.base_url, model="house-model", shutdown_date=date(2020, 1, 1)
    )
    chat = ChatModel(ended)
    with pytest.raises(BackendMisconfigured, match="was shut down on 2020-01-01"):
        await chat.complete([Message("user", "Open?")])
    await chat.aclose()
    assert server.requests == []
