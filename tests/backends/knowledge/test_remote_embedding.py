"""Vectors from a server: in order, in batches, with patience and clear complaints."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from servers.embeddings import DIMENSIONS, EmbeddingsServer, refusal, vector

from backends.base import (
    BackendMisconfigured,
    BackendRateLimited,
    BackendUnavailable,
)
from backends.knowledge import remote_embedding
from backends.knowledge.remote_embedding import BATCH, Pace, RemoteEmbedder


@pytest.fixture
async def server() -> AsyncIterator[EmbeddingsServer]:
    async with EmbeddingsServer() as server:
        yield server


async def made(server: EmbeddingsServer) -> RemoteEmbedder:
    return await asyncio.to_thread(
        lambda: RemoteEmbedder("house-embedder", base_url=server.base_url, api_key="k1")
    )


@pytest.fixture
async def embedder(server: EmbeddingsServer) -> AsyncIterator[RemoteEmbedder]:
    embedder = await made(server)
    yield embedder
    embedder.close()


async def test_gives_unit_vectors_in_the_order_of_the_texts(
    server: EmbeddingsServer, embedder: RemoteEmbedder
) -> None:
    texts = [f"text {number}" for number in range(2 * BATCH + 3)]

    vectors = await asyncio.to_thread(embedder.embed, texts)

    expected = np.array([vector(text) for text in texts])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert embedder.dimensions == DIMENSIONS
    assert vectors.dtype == np.float32
    assert vectors == pytest.approx(expected, abs=1e-6)
    sizes = [len(body["input"]) for body in server.requests[1:]]
    assert sizes == [BATCH, BATCH, 3]
    assert set(server.keys) == {"Bearer k1"}


async def test_empty_texts_are_not_sent_empty(
    server: EmbeddingsServer, embedder: RemoteEmbedder
) -> None:
    vectors = await asyncio.to_thread(embedder.embed, ["", " "])
    nothing = await asyncio.to_thread(embedder.embed, [])

    assert vectors.shape == (2, DIMENSIONS)
    assert nothing.shape == (0, DIMENSIONS)
    assert server.requests[-1]["input"] == ["-", "-"]


async def test_waits_as_long_as_a_busy_server_asks(
    server: EmbeddingsServer, embedder: RemoteEmbedder
) -> None:
    server.queued.append(refusal(429, "slow down", Retry_After="0.05"))
    server.queued.append(refusal(503, "starting", Retry_After="0.05"))

    vectors = await asyncio.to_thread(embedder.embed, ["once more"])

    assert vectors.shape == (1, DIMENSIONS)
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (429, BackendRateLimited, r"is busy \(HTTP 429: no more"),
        (401, BackendMisconfigured, "HTTP 401: no more"),
        (404, BackendMisconfigured, "check `model`"),
        (500, BackendUnavailable, r"failed \(HTTP 500: no more"),
    ],
)
async def test_says_what_a_server_refuses(
    server: EmbeddingsServer,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    kind: type[Exception],
    said: str,
) -> None:
    monkeypatch.setattr(remote_embedding, "RETRIES", 0)
    server.queued.append(refusal(status, "no more", Retry_After="7"))

    with pytest.raises(kind, match=said) as raised:
        await made(server)

    assert "house-embedder" in str(raised.value)
    if isinstance(raised.value, BackendRateLimited):
        assert raised.value.retry_after == 7.0


async def test_says_where_no_server_is(
    server: EmbeddingsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_embedding, "RETRIES", 0)
    await server.__aexit__()

    with pytest.raises(BackendUnavailable, match="check `base_url`"):
        await made(server)


async def test_a_model_that_gives_no_vectors_is_no_embedder(
    server: EmbeddingsServer,
) -> None:
    from aiohttp import web

    server.queued.append(web.json_response({"object": "list", "data": []}))

    with pytest.raises(BackendUnavailable, match="0 vectors for 1 texts"):
        await made(server)


def test_requests_keep_their_distance() -> None:
    waits: list[float] = []
    pace = Pace(60, waits.append)

    for _ in range(3):
        pace.wait()

    assert waits == pytest.approx([0.0, 1.0, 2.0], abs=0.2)


def test_without_a_limit_nobody_waits() -> None:
    waits: list[float] = []

    Pace(0, waits.append).wait()

    assert waits == []
