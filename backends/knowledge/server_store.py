"""A collection on a Qdrant server, for many workers on many machines."""

import asyncio
import logging
from collections.abc import Awaitable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from backends.base import BackendMisconfigured
from backends.knowledge.fusion import Ranking, fused, paired
from backends.knowledge.server_layout import AlreadyThere, Generations
from backends.knowledge.server_options import ServerOptions
from backends.knowledge.server_points import (
    is_any,
    is_value,
    to_entry,
    to_hit,
    to_point,
    to_queries,
    vector_of,
)
from backends.knowledge.store import (
    DENSE,
    IDENTITY_ID,
    PREFETCH,
    SPARSE,
    CollectionMismatch,
    DocumentRecord,
    Entry,
    Hit,
    Identity,
    StoreUnavailable,
    VectorStore,
    View,
    check_identity,
    point_id,
    rarest,
    record_payload,
    to_record,
)

T = TypeVar("T")
PAGE = 1_000
CONFLICT, FORBIDDEN = 409, (401, 403)
PATIENCE = 10  # attempts to see the collection that another process is just making
FOLLOW_SECONDS = 5  # between two looks whether another generation took our place

log = logging.getLogger(__name__)


class ServerStore:
    """A vector store that any number of processes share."""

    follow_seconds = FOLLOW_SECONDS

    def __init__(
        self, client: AsyncQdrantClient, alias: str, url: str, options: ServerOptions
    ) -> None:
        self.collection = alias
        self._alias = alias
        self._client = client
        self._url = url
        self._options = options
        self._generations = Generations(client, alias, options, self._ask)
        self._identity: Identity | None = None
        self._look_again = 0.0

    @classmethod
    async def open(
        cls,
        url: str,
        collection: str,
        identity: Identity,
        api_key: str | None = None,
        rebuild: bool = False,
        timeout: int = 10,
        *,
        options: ServerOptions | None = None,
        checked: bool = True,
    ) -> "ServerStore":
        """Open the collection, or create it; `rebuild` begins with an empty one.

        Without being `checked` it may have been made with something else.
        """
        # As a header of our own: the client's parameter for it warns about plain HTTP,
        # which is how a server on the same machine or in the same pod is reached.
        headers = {"api-key": api_key} if api_key else None
        client = AsyncQdrantClient(
            url=url, headers=headers, timeout=timeout, check_compatibility=False
        )
        store = cls(client, collection, url, options or ServerOptions())
        try:
            await store._prepare(identity, rebuild, checked)
        except BaseException:
            await client.close()
            raise
        return store

    async def _prepare(self, identity: Identity, rebuild: bool, checked: bool) -> None:
        found = await self._generations.current()
        if rebuild and found:
            new = await self._generations.create_beside(identity, found)
            await self._generations.turn_to(new, found)
            if found != self._alias:
                await self._generations.drop(found)
            self.collection = new
        else:
            self.collection = found or await self._first(identity)
        if checked:
            await self._check(self.collection, identity)
            self._identity = identity

    async def _first(self, identity: Identity) -> str:
        with suppress(AlreadyThere):
            return await self._generations.create_first(identity)
        # Another worker was faster; should it have died meanwhile, we go on.
        for _ in range(PATIENCE):
            if found := await self._generations.current():
                return found
            await asyncio.sleep(0.1)
        return await self._generations.finish_first(identity)

    async def _check(self, collection: str, identity: Identity) -> None:
        where = f"collection {self._alias!r} at {self._url}"
        check_identity(await self._read_identity(collection), identity, where)

    async def identity(self) -> Mapping[str, Any]:
        return await self._read_identity(self.collection)

    async def _read_identity(self, collection: str) -> Mapping[str, Any]:
        found = await self._ask(self._client.retrieve(collection, [IDENTITY_ID]))
        return (found[0].payload if found else None) or {}

    async def beside(self, identity: Identity) -> "ServerStore":
        name = await self._generations.create_beside(identity, self.collection)
        other = ServerStore(self._client, self._alias, self._url, self._options)
        other.collection, other._identity = name, identity
        return other

    async def switch_to(self, other: VectorStore) -> None:
        """See `VectorStore`. Other processes follow within `FOLLOW_SECONDS`.

        Those that run with another embedder cannot follow; they go on with the earlier
        generation until they end, so it stays until the next one is made.
        """
        assert isinstance(other, ServerStore)
        before = self.collection
        same = await self.identity() == await other.identity()
        await self._generations.turn_to(other.collection, before)
        self.collection, self._identity = other.collection, other._identity
        if same and before != self._alias:
            await asyncio.sleep(2 * self.follow_seconds)
            await self._generations.drop(before)

    async def discard(self) -> None:
        await self._generations.drop(self.collection)

    async def _follow(self) -> None:
        """Go over to a generation that took the place of ours, if we can read it."""
        now = asyncio.get_running_loop().time()
        if self._identity is None or now < self._look_again:
            return
        self._look_again = now + self.follow_seconds
        found = await self._generations.current()
        if found and found != self.collection:
            try:
                await self._check(found, self._identity)
            except CollectionMismatch as error:
                log.warning("searching an earlier generation: %s", error)
            else:
                self.collection = found

    async def upsert(self, entries: Sequence[Entry]) -> None:
        if entries:
            points = [to_point(entry) for entry in entries]
            await self._ask(self._client.upsert(self.collection, points, wait=True))

    async def record(self, document: DocumentRecord) -> None:
        await self._put(point_id("document", document.name), record_payload(document))

    async def _put(self, point: str, payload: dict[str, Any]) -> None:
        """A point without vectors: no search ever finds it."""
        bare = models.PointStruct(id=point, vector={}, payload=payload)
        await self._ask(self._client.upsert(self.collection, [bare], wait=True))

    async def prune(self, document: str, revision: str) -> None:
        old = models.Filter(
            must=[is_value("type", "piece"), is_value("document", document)],
            must_not=[is_value("revision", revision)],
        )
        await self._delete(old)

    async def delete(self, documents: Collection[str]) -> None:
        if documents:
            await self._delete(models.Filter(must=[is_any("document", documents)]))

    async def _delete(self, wanted: models.Filter) -> None:
        selector = models.FilterSelector(filter=wanted)
        await self._ask(self._client.delete(self.collection, selector, wait=True))

    async def search(
        self, views: Sequence[View], audience: frozenset[str], limit: int
    ) -> list[Hit]:
        if not views:
            return []
        await self._follow()
        allowed = models.Filter(must=[is_any("labels", audience)])
        requests = [
            models.QueryRequest(
                query=query, using=using, limit=PREFETCH, filter=allowed
            )
            for view in views
            for using, query in to_queries(view)
        ]
        answers = await self._ask(
            self._client.query_batch_points(self.collection, requests)
        )
        rankings = [
            Ranking(
                [str(point.id) for point in answer.points],
                [point.score for point in answer.points],
            )
            for answer in answers
        ]
        best = dict(fused(paired(views, rankings), limit))
        hits = await self.fetch(list(best), audience)
        return [replace(hit, score=best[hit.id]) for hit in hits]

    async def fetch(self, ids: Sequence[str], audience: frozenset[str]) -> list[Hit]:
        points = await self._ask(
            self._client.retrieve(
                self.collection, list(ids), with_payload=True, with_vectors=[DENSE]
            )
        )
        hits = {str(point.id): to_hit(point) for point in points}
        found = [hits[id] for id in ids if id in hits]
        return [hit for hit in found if hit.piece.labels & audience]

    async def rarity(self, terms: Collection[int]) -> dict[int, float]:
        if not terms:
            return {}
        requests = [
            models.QueryRequest(
                query=models.SparseVector(indices=[term], values=[1.0]),
                using=SPARSE,
                limit=1,
                with_vector=[SPARSE],
            )
            for term in terms
        ]
        answers = await self._ask(
            self._client.query_batch_points(self.collection, requests)
        )
        known = {}
        for term, answer in zip(terms, answers, strict=True):
            for point in answer.points:
                vector = vector_of(point, SPARSE)
                weight = vector.values[vector.indices.index(term)]
                known[term] = point.score / weight
        rest = 0.0 if len(known) == len(terms) else rarest(await self.count())
        return {term: known.get(term, rest) for term in terms}

    async def documents(self) -> dict[str, DocumentRecord]:
        wanted = models.Filter(must=[is_value("type", "document")])
        found: list[DocumentRecord] = []
        offset = None
        while True:
            records, offset = await self._ask(
                self._client.scroll(self.collection, wanted, PAGE, offset=offset)
            )
            found.extend(to_record(record.payload or {}) for record in records)
            if offset is None:
                return {record.name: record for record in found}

    async def entries(self, documents: Collection[str]) -> list[Entry]:
        if not documents:
            return []
        wanted = models.Filter(
            must=[is_value("type", "piece"), is_any("document", documents)]
        )
        found: list[Entry] = []
        offset = None
        while True:
            records, offset = await self._ask(
                self._client.scroll(
                    self.collection, wanted, PAGE, offset=offset, with_vectors=True
                )
            )
            found.extend(map(to_entry, records))
            if offset is None:
                return found

    async def count(self) -> int:
        pieces = models.Filter(must=[is_value("type", "piece")])
        answer = await self._ask(
            self._client.count(self.collection, pieces, exact=True)
        )
        return answer.count

    async def flush(self) -> None:
        """Nothing to do: the server answered each write after it was durable."""

    async def close(self) -> None:
        await self._client.close()

    async def _ask(self, request: Awaitable[T]) -> T:
        try:
            return await request
        except UnexpectedResponse as error:
            if error.status_code == CONFLICT:
                raise AlreadyThere(self.collection) from error
            if error.status_code in FORBIDDEN:
                raise BackendMisconfigured(
                    f"the Qdrant server at {self._url} refuses our API key; "
                    "check `qdrant_api_key`"
                ) from error
            raise StoreUnavailable(
                f"the Qdrant server at {self._url} failed: {error}"
            ) from error
        except (ApiException, ResourceExhaustedResponse, RuntimeError) as error:
            cause = getattr(error, "source", error)
            raise StoreUnavailable(
                f"the Qdrant server at {self._url} does not answer "
                f"({type(cause).__name__}: {cause}); check that it runs"
            ) from error
