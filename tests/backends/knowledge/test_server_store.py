"""What only a collection on a server does: it can be away, busy or forbidden."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from servers.qdrant import QdrantServer

from backends.base import BackendMisconfigured
from backends.knowledge.server_store import ServerStore
from backends.knowledge.store import (
    KEYWORDS,
    CollectionMismatch,
    DocumentRecord,
    Identity,
    StoreUnavailable,
    View,
)
from backends.knowledge.terms import Sparse

IDENTITY = Identity("hashed-words", "1", 4, "bm25")
ANYWHERE = View(np.ones(4, np.float32), Sparse((), ()))
STAFF = frozenset({"staff"})


@pytest.fixture
async def server() -> AsyncIterator[QdrantServer]:
    async with QdrantServer() as running:
        yield running


@pytest.fixture
async def store(server: QdrantServer) -> AsyncIterator[ServerStore]:
    opened = await ServerStore.open(server.url, "team", IDENTITY)
    yield opened
    await opened.close()


async def test_creates_an_index_for_each_field_that_filters_use(
    server: QdrantServer, store: ServerStore
) -> None:
    assert server.indexed.keys() == {("team--1", field) for field in KEYWORDS}


async def test_opening_again_creates_nothing(
    server: QdrantServer, store: ServerStore
) -> None:
    server.requests.clear()

    again = await ServerStore.open(server.url, "team", IDENTITY)
    await again.close()

    assert not [request for request in server.requests if request.startswith("PUT")]


async def test_collections_of_one_server_are_apart(
    server: QdrantServer, store: ServerStore
) -> None:
    other = await ServerStore.open(server.url, "other", IDENTITY)
    await store.record(DocumentRecord("a.md", "d"))

    assert await other.documents() == {}
    await other.close()


async def test_many_workers_may_open_it_at_once(server: QdrantServer) -> None:
    server.delay = 0.01

    stores = await asyncio.gather(
        *(ServerStore.open(server.url, "team", IDENTITY) for _ in range(5))
    )

    assert {await store.count() for store in stores} == {0}
    for store in stores:
        await store.close()


async def test_refuses_a_collection_that_somebody_else_made(
    server: QdrantServer, store: ServerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.knowledge.server_store.PATIENCE", 1)
    await server.forget_points("team")

    with pytest.raises(CollectionMismatch, match="collection 'team' at http"):
        await ServerStore.open(server.url, "team", IDENTITY)


@pytest.mark.parametrize("status", [404, 429, 500, 503])
async def test_a_failing_server_is_unavailable(
    server: QdrantServer, store: ServerStore, status: int
) -> None:
    server.failures.append(status)

    with pytest.raises(StoreUnavailable, match=server.url):
        await store.search([ANYWHERE], STAFF, 5)

    assert await store.search([ANYWHERE], STAFF, 5) == []


async def test_a_server_that_is_away_is_unavailable_until_it_is_back(
    server: QdrantServer, store: ServerStore
) -> None:
    await server.stop()
    with pytest.raises(StoreUnavailable, match="check that it runs"):
        await store.search([ANYWHERE], STAFF, 5)

    await server.start()

    assert await store.search([ANYWHERE], STAFF, 5) == []


async def test_a_server_that_was_never_there_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable, match="check that it runs"):
        await ServerStore.open("http://127.0.0.1:9", "team", IDENTITY)


async def test_a_slow_server_is_unavailable(server: QdrantServer) -> None:
    store = await ServerStore.open(server.url, "team", IDENTITY, timeout=1)
    server.delay = 3

    with pytest.raises(StoreUnavailable, match="does not answer"):
        await store.count()

    await store.close()


async def test_a_wrong_key_is_a_matter_for_the_admin() -> None:
    async with QdrantServer(api_key="right") as server:
        with pytest.raises(BackendMisconfigured, match="qdrant_api_key"):
            await ServerStore.open(server.url, "team", IDENTITY, api_key="wrong")

        store = await ServerStore.open(server.url, "team", IDENTITY, api_key="right")
        assert await store.count() == 0
        await store.close()
