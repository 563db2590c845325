"""The client against a real server over sockets, with all its faults."""

import asyncio
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import date

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from servers.openai import HTML, OpenAIServer, Reply

from backends.base import (
    BackendError,
    BackendMisconfigured,
    BackendRateLimited,
    BackendRefused,
    BackendTimeout,
    BackendUnavailable,
    End,
    EndReason,
    Text,
    Usage,
)
from backends.chat_api import ChatModel
from backends.chat_types import Completion, Endpoint, ModelInfo, Sampling, Timeouts
from backends.prompt import Message

QUICK = Timeouts(connect=0.5, read=0.3, total=2.0)
HELLO = (Message("user", "Hello?"),)


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[ChatModel]:
    model = ChatModel(
        Endpoint(server.base_url, model="house-model", name="[backends.x]"), QUICK
    )
    yield model
    await model.aclose()


async def said(model: ChatModel) -> list[Text | Usage | End]:
    return [part async for part in model.stream(HELLO)]


async def failing(model: ChatModel) -> tuple[BackendError, list[Text | Usage | End]]:
    """The error of an answer, and what came before it."""
    parts: list[Text | Usage | End] = []
    try:
        async for part in model.stream(HELLO):
            parts.append(part)
    except BackendError as error:
        return error, parts
    pytest.fail(f"no error, but {parts}")


async def test_streams_the_answer_with_its_cost(
    server: OpenAIServer, model: ChatModel
) -> None:
    server.script("Hello dear people.")

    parts = await said(model)

    deltas = [part.delta for part in parts if isinstance(part, Text)]
    assert len(deltas) == 4
    assert "".join(deltas) == "Hello dear people."
    assert parts[-2:] == [Usage(1, 3), End()]


async def test_asks_for_what_the_profile_wants(
    server: OpenAIServer, model: ChatModel
) -> None:
    sampling = Sampling(max_tokens=7, temperature=0.0, seed=3, stop=("END",))

    await model.complete((Message("system", "Be brief."), *HELLO), sampling)

    body = server.requests[0].body
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello?"},
    ]
    assert body["model"] == "house-model"
    assert (body["max_tokens"], body["temperature"]) == (7, 0.0)
    assert (body["seed"], body["stop"]) == (3, ["END"])
    assert body["stream_options"] == {"include_usage": True}


async def test_completes_at_once(server: OpenAIServer, model: ChatModel) -> None:
    server.script(Reply("One two three", finish="length"))

    completion = await model.complete(HELLO)

    assert completion == Completion("One two three", EndReason.LENGTH, Usage(1, 3))


@pytest.mark.parametrize("pieces", [1, 5, 40])
async def test_leaves_the_thoughts_out(
    server: OpenAIServer, model: ChatModel, pieces: int
) -> None:
    server.script(Reply("\n<think>Hm.\nWell.</think>\n\nAt eight.", pieces=pieces))

    assert (await model.complete(HELLO)).text == "At eight."


async def test_hears_nothing_of_separate_reasoning(
    server: OpenAIServer, model: ChatModel
) -> None:
    server.script(Reply("At eight.", reasoning="They want to know when."))

    assert (await model.complete(HELLO)).text == "At eight."


async def test_sends_no_key_where_none_is_set(
    server: OpenAIServer, model: ChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-somebody-else")

    await model.complete(HELLO)

    assert "Authorization" not in server.requests[0].headers


async def test_sends_its_key(server: OpenAIServer) -> None:
    server.api_key = "sk-right"
    model = ChatModel(Endpoint(server.base_url, "sk-right"), QUICK)

    await model.complete(HELLO)

    assert server.requests[0].headers["Authorization"] == "Bearer sk-right"
    await model.aclose()


# Faults before the first word.


async def test_tries_again_after_a_server_error(
    server: OpenAIServer, model: ChatModel
) -> None:
    server.script(Reply(status=500), Reply(status=503), "Here I am.")

    assert (await model.complete(HELLO)).text == "Here I am."
    assert len(server.requests) == 3


async def test_gives_up_after_three_server_errors(
    server: OpenAIServer, model: ChatModel
) -> None:
    server.script(*[Reply(status=500)] * 4)

    error, _ = await failing(model)

    assert type(error) is BackendUnavailable
    assert len(server.requests) == 3


async def test_waits_as_long_as_it_is_asked_to(
    server: OpenAIServer, model: ChatModel
) -> None:
    server.script(Reply(status=429, headers={"Retry-After": "1"}), "Now.")
    before = time.monotonic()

    assert (await model.complete(HELLO)).text == "Now."
    assert 0.9 < time.monotonic() - before < 1.9


async def test_does_not_wait_for_minutes(
    server: OpenAIServer, model: ChatModel
) -> None:
    server.script(Reply(status=429, headers={"Retry-After": "600"}))

    error, _ = await failing(model)

    assert isinstance(error, BackendRateLimited)
    assert error.retry_after == 600
    assert len(server.requests) == 1


async def test_a_connection_cut_before_the_first_word_is_tried_again(
    server: OpenAIServer, model: ChatModel
) -> None:
    server.script(Reply("Hello.", cut_after=0), "Here I am.")

    assert (await model.complete(HELLO)).text == "Here I am."


async def test_no_server_is_told_with_its_address(server: OpenAIServer) -> None:
    await server.stop()
    model = ChatModel(Endpoint(server.base_url, model="m", name="[backends.x]"), QUICK)

    error, _ = await failing(model)

    assert type(error) is BackendUnavailable
    assert "[backends.x]" in str(error)
    assert server.base_url in str(error)
    assert "base_url" in str(error)
    await model.aclose()


async def test_waits_for_the_first_word_no_longer_than_for_others(
    server: OpenAIServer, model: ChatModel
) -> None:
    server.script(Reply("Late.", first_delay=5))

    error, _ = await failing(model)

    assert isinstance(error, BackendTimeout)
    assert len(server.requests) == 1  # time is up for a second attempt, too


# Faults in the middle.


async def test_a_stall_is_a_timeout(server: OpenAIServer, model: ChatModel) -> None:
    server.script(Reply("abcdefgh", stall_after=2))
    before = time.monotonic()

    error, parts = await failing(model)

    assert isinstance(error, BackendTimeout)
    assert parts == [Text("ab"), Text("cd")]
    assert time.monotonic() - before < 1
    await server.wait_for(lambda: server.left == 1)


async def test_slow_drops_do_not_outlast_the_whole_time(server: OpenAIServer) -> None:
    server.script(Reply("x" * 100, pieces=100, delay=0.1))
    model = ChatModel(Endpoint(server.base_url), Timeouts(0.5, 0.3, 0.8))
    before = time.monotonic()

    error, parts = await failing(model)

    assert isinstance(error, BackendTimeout)
    assert "0.8" in str(error)
    assert parts
    assert time.monotonic() - before < 1.5
    await model.aclose()


async def test_a_slow_reader_is_not_interrupted(server: OpenAIServer) -> None:
    server.script("abcd")
    model = ChatModel(Endpoint(server.base_url), Timeouts(0.5, 0.3, 0.4))

    async with aclosing(model.stream(HELLO)) as parts:
        assert await anext(parts) == Text("a")
        await asyncio.sleep(0.6)  # past the deadline, in the reader's own time

    await model.aclose()


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply("abcdefgh", cut_after=2), id="cut"),
        pytest.param(Reply("abcdefgh", finish=None), id="no finish_reason"),
        pytest.param(Reply("abcdefgh", finish="error"), id="given up"),
        pytest.param(
            Reply("abcdefgh", error_after=2, message="overloaded", code=503),
            id="error in the stream",
        ),
        pytest.param(Reply("abcdefgh", finish="tool_calls"), id="wants a tool"),
    ],
)
async def test_half_an_answer_is_an_error_and_not_said_twice(
    server: OpenAIServer, model: ChatModel, reply: Reply
) -> None:
    server.script(reply)

    error, parts = await failing(model)

    assert type(error) is BackendUnavailable
    assert parts[:2] == [Text("ab"), Text("cd")]
    assert not [part for part in parts if isinstance(part, End)]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(body=HTML, content_type="text/html"), id="web page"),
        pytest.param(Reply(body=HTML), id="web page said to be a stream"),
        pytest.param(Reply(body="{", content_type="application/json"), id="half JSON"),
        pytest.param(Reply(body="data: {nope\n\n"), id="broken JSON"),
        pytest.param(Reply(body='data: "text"\n\n'), id="a string"),
        pytest.param(Reply(body="data: []\n\n"), id="a list"),
        pytest.param(Reply(body="data: null\n\n"), id="null"),
        pytest.param(Reply(body='data: {"choices": null}\n\n'), id="no choices"),
        pytest.param(Reply(body='data: {"choices": {}}\n\n'), id="odd choices"),
        pytest.param(Reply(body='data: {"choices": [null]}\n\n'), id="null choice"),
        pytest.param(Reply(body="data: [DONE]\n\n"), id="done at once"),
        pytest.param(Reply(body=""), id="empty"),
    ],
)
async def test_garbage_is_an_error_of_ours(
    server: OpenAIServer, model: ChatModel, reply: Reply
) -> None:
    server.script(reply, reply, reply)

    error, parts = await failing(model)

    assert type(error) is BackendUnavailable
    assert "[backends.x]" in str(error)
    assert parts == []


async def test_an_answer_that_is_whole_needs_no_proper_goodbye(
    server: OpenAIServer, model: ChatModel
) -> None:
    server.script(Reply("Whole.", stall_at_end=True))

    parts = await said(model)

    assert parts[-1] == End()


# What the server declines.


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply("Some", finish="content_filter"), id="filtered"),
        pytest.param(Reply(refusal="I cannot help with that."), id="refused"),
        pytest.param(
            Reply(status=400, code="content_filter", message="blocked"), id="400"
        ),
        pytest.param(
            Reply(
                status=400,
                message="The response was filtered due to the prompt triggering "
                "Azure OpenAI's content management policy.",
            ),
            id="azure",
        ),
    ],
)
async def test_a_refusal_is_one(
    server: OpenAIServer, model: ChatModel, reply: Reply
) -> None:
    server.script(reply)

    error, _ = await failing(model)

    assert type(error) is BackendRefused
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "named"),
    [
        pytest.param(Reply(status=401), "api_key_env", id="401"),
        pytest.param(Reply(status=403), "api_key_env", id="403"),
        pytest.param(
            Reply(status=404, code="model_not_found", message="no such model"),
            "`model`",
            id="model",
        ),
        pytest.param(
            Reply(status=403, code="model_not_found", message="no access to model"),
            "`model`",
            id="model of others",
        ),
        pytest.param(Reply(status=404, message="Not Found"), "`base_url`", id="path"),
        pytest.param(
            Reply(
                status=400,
                code="context_length_exceeded",
                message="max_tokens: this model's maximum context length is 2048",
            ),
            "`prompt_tokens`",
            id="too long",
        ),
        pytest.param(Reply(status=400, message="bad role"), "bad role", id="else"),
    ],
)
async def test_what_an_admin_must_mend_is_named(
    server: OpenAIServer, model: ChatModel, reply: Reply, named: str
) -> None:
    server.script(reply)

    error, _ = await failing(model)

    assert type(error) is BackendMisconfigured
    assert "[backends.x]" in str(error)
    assert named in str(error)
    assert len(server.requests) == 1


async def test_a_refused_key_is_not_quoted(server: OpenAIServer) -> None:
    server.api_key = "sk-right"
    model = ChatModel(Endpoint(server.base_url, "sk-wrong-secret", "m"), QUICK)

    error, _ = await failing(model)

    assert "secret" not in str(error)
    assert "secret" not in repr(model.endpoint)
    await model.aclose()


@pytest.mark.parametrize(
    "rejected",
    [
        {"stream_options"},
        {"max_tokens"},
        {"temperature"},
        {"stream_options", "max_tokens", "temperature", "seed", "stop"},
    ],
    ids=lambda options: ",".join(sorted(options)),
)
async def test_options_that_a_server_rejects_are_left_out(
    server: OpenAIServer, model: ChatModel, rejected: set[str]
) -> None:
    server.rejects = rejected
    sampling = Sampling(max_tokens=9, temperature=0.1, seed=1, stop=("X",))

    first = await model.complete(HELLO, sampling)
    asked = len(server.requests)
    await model.complete(HELLO, sampling)

    assert first.text
    assert asked == 1 + len(rejected)
    assert len(server.requests) == asked + 1, "it remembers"
    last = server.requests[-1].body
    assert not rejected & last.keys()
    assert last.get("max_completion_tokens", last.get("max_tokens")) == 9


# Going away.


async def test_closing_the_stream_ends_the_request_at_once(
    server: OpenAIServer, model: ChatModel
) -> None:
    server.script(Reply("x" * 100, pieces=100, delay=0.05))

    async with aclosing(model.stream(HELLO)) as parts:
        await anext(parts)
    closed = time.monotonic()

    await server.wait_for(lambda: server.left == 1)
    assert server.requests[0].left_at - closed < 0.2


async def test_cancelling_the_reader_ends_the_request_at_once(
    server: OpenAIServer, model: ChatModel
) -> None:
    server.script(Reply("abcd", first_delay=5))
    task = asyncio.create_task(said(model))
    await server.wait_for(lambda: server.requests)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await server.wait_for(lambda: server.left == 1)


async def test_many_answers_do_not_mix(server: OpenAIServer, model: ChatModel) -> None:
    server.answer = lambda asked: Reply(asked.question * 3, pieces=9, delay=0.001)

    completions = await asyncio.gather(
        *(model.complete((Message("user", f"<{n}>"),)) for n in range(50))
    )

    assert [c.text for c in completions] == [f"<{n}>" * 3 for n in range(50)]


async def test_it_can_be_used_after_closing(
    server: OpenAIServer, model: ChatModel
) -> None:
    await model.complete(HELLO)
    await model.aclose()
    await model.aclose()

    assert (await model.complete(HELLO)).text


# Models.


async def test_lists_models_with_their_end(
    server: OpenAIServer, model: ChatModel
) -> None:
    server.models = {"old": "2027-01-14", "odd": "soon", "new": None}

    assert await model.models() == (
        ModelInfo("old", date(2027, 1, 14)),
        ModelInfo("odd"),
        ModelInfo("new"),
    )


async def test_without_a_name_the_first_model_that_chats_answers(
    server: OpenAIServer,
) -> None:
    server.models = {"text-embedding-9": None, "tiny-chat": None}
    model = ChatModel(Endpoint(server.base_url), QUICK)

    await model.complete(HELLO)
    await model.complete(HELLO)

    assert [asked.body["model"] for asked in server.requests] == ["tiny-chat"] * 2
    assert server.listings == 1
    await model.aclose()


async def test_finds_the_new_model_after_a_change_of_models(
    server: OpenAIServer,
) -> None:
    model = ChatModel(Endpoint(server.base_url), QUICK)
    await model.complete(HELLO)
    server.models = {"next-model": None}

    assert (await model.complete(HELLO)).text
    assert server.requests[-1].body["model"] == "next-model"
    await model.aclose()


async def test_a_server_without_models_is_told(server: OpenAIServer) -> None:
    server.models = {}
    model = ChatModel(Endpoint(server.base_url), QUICK)

    error, _ = await failing(model)

    assert "set `model`" in str(error)
    await model.aclose()


def test_openai_is_imported_only_when_it_is_needed() -> None:
    script = (
        "import sys, backends.rag, backends.chat_health;"
        "sys.exit('openai' in sys.modules or 'numpy' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [(HTML, "does `base_url` end in /v1?"), ('{"data": 3}', "lists no models")],
)
async def test_a_page_is_no_list_of_models(answer: str, words: str) -> None:
    async def page(request: web.Request) -> web.Response:
        kind = "text/html" if answer == HTML else "application/json"
        return web.Response(text=answer, content_type=kind)

    app = web.Application()
    app.router.add_get("/models", page)
    async with TestServer(app, host="127.0.0.1") as elsewhere:
        model = ChatModel(Endpoint(str(elsewhere.make_url("")), name="[backends.x]"))
        with pytest.raises(BackendUnavailable, match=re.escape(words)):
            await model.name()
        with pytest.raises(BackendUnavailable, match=re.escape(words)):
            await model.models()
        await model.aclose()


async def test_a_host_that_does_not_answer_is_told_apart_from_silence() -> None:
    with socket.socket() as busy, socket.socket() as first, socket.socket() as second:
        busy.bind(("127.0.0.1", 0))
        busy.listen(0)
        for waiting in (first, second):  # after these the queue is full
            waiting.setblocking(False)
            waiting.connect_ex(busy.getsockname())
        url = f"http://127.0.0.1:{busy.getsockname()[1]}/v1"
        model = ChatModel(Endpoint(url, model="m"), Timeouts(0.3, 5, 9))

        error, _ = await failing(model)

    assert isinstance(error, BackendTimeout)
    assert "no connection" in str(error)
    await model.aclose()


async def test_there_is_no_waiting_past_the_whole_time(server: OpenAIServer) -> None:
    server.script(Reply(status=429, headers={"Retry-After": "4"}))
    model = ChatModel(Endpoint(server.base_url, model="house-model"), QUICK)
    before = time.monotonic()

    error, _ = await failing(model)

    assert isinstance(error, BackendRateLimited)
    assert time.monotonic() - before < 1
    await model.aclose()
