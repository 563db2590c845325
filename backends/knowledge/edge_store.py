"""A collection in a folder: Qdrant's engine inside this process, no server needed."""

import asyncio
import shutil
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import qdrant_edge as edge

from backends.knowledge.edge_folder import (
    create_beside,
    make_current,
    open_shard,
    read_identity,
    require_room,
    sweep,
    unusable,
)
from backends.knowledge.edge_points import (
    is_any,
    is_value,
    to_entry,
    to_hit,
    to_point,
    to_queries,
    vectors_of,
)
from backends.knowledge.folder_lock import FolderLock
from backends.knowledge.fusion import Ranking, fused, paired
from backends.knowledge.store import (
    DENSE,
    PREFETCH,
    SPARSE,
    DocumentRecord,
    Entry,
    Hit,
    Identity,
    StoreUnavailable,
    VectorStore,
    View,
    point_id,
    rarest,
    record_payload,
    to_record,
)

T = TypeVar("T")
PAGE = 1_000


class EdgeStore:
    """A vector store for one process. The engine blocks, so one thread does its work.

    The engine's own `optimize` is never called: it stops every Python thread as long as
    it runs (a minute at 50,000 pieces), and without it a search stays below 15 ms.
    """

    def __init__(
        self,
        folder: Path,
        shard: edge.EdgeShard,
        path: Path,
        executor: Executor,
        lock: FolderLock | None = None,
    ) -> None:
        self.folder = folder
        self._shard = shard
        self._path = path
        self._executor = executor
        self._lock = lock

    @classmethod
    async def open(
        cls,
        folder: Path,
        identity: Identity,
        rebuild: bool = False,
        *,
        checked: bool = True,
    ) -> "EdgeStore":
        """Open the collection, or create it; `rebuild` begins with an empty one.

        Without being `checked` it may have been made with something else.
        """
        lock = FolderLock(folder)
        try:
            lock.acquire()
        except OSError as error:
            lock.release()
            raise unusable(folder, error) from error
        executor = ThreadPoolExecutor(1, "knowledge-store")
        try:
            loop = asyncio.get_running_loop()
            shard, path = await loop.run_in_executor(
                executor,
                lambda: open_shard(folder, identity, rebuild=rebuild, checked=checked),
            )
        except BaseException:
            executor.shutdown(wait=False)
            lock.release()
            raise
        return cls(folder, shard, path, executor, lock)

    async def beside(self, identity: Identity) -> "EdgeStore":
        executor = ThreadPoolExecutor(1, "knowledge-store-beside")
        shard, path = await self._run(lambda: create_beside(self.folder, identity))
        return EdgeStore(self.folder, shard, path, executor)

    async def switch_to(self, other: VectorStore) -> None:
        assert isinstance(other, EdgeStore)
        await other.flush()
        other._executor.shutdown()

        def switch() -> None:
            make_current(self.folder, other._path)
            before, self._shard = self._shard, other._shard
            self._path = other._path
            before.close()
            sweep(self.folder, self._path)

        await self._run(switch)

    async def discard(self) -> None:
        def remove() -> None:
            self._shard.close()
            shutil.rmtree(self._path, ignore_errors=True)

        await self._run(remove)
        self._executor.shutdown(wait=False)

    async def identity(self) -> Mapping[str, Any]:
        return await self._run(lambda: read_identity(self._shard))

    async def upsert(self, entries: Sequence[Entry]) -> None:
        def write() -> None:
            require_room(self.folder)
            points = [to_point(entry) for entry in entries]
            self._shard.update(edge.UpdateOperation.upsert_points(points))

        if entries:
            await self._run(write)

    async def record(self, document: DocumentRecord) -> None:
        point = edge.Point(
            point_id("document", document.name), {}, record_payload(document)
        )

        def write() -> None:
            require_room(self.folder)
            self._shard.update(edge.UpdateOperation.upsert_points([point]))

        await self._run(write)

    async def prune(self, document: str, revision: str) -> None:
        old = edge.Filter(
            must=[is_value("type", "piece"), is_value("document", document)],
            must_not=[is_value("revision", revision)],
        )
        await self._run(
            lambda: self._shard.update(
                edge.UpdateOperation.delete_points_by_filter(old)
            )
        )

    async def delete(self, documents: Collection[str]) -> None:
        gone = edge.Filter(must=[is_any("document", documents)])
        if documents:
            await self._run(
                lambda: self._shard.update(
                    edge.UpdateOperation.delete_points_by_filter(gone)
                )
            )

    async def search(
        self, views: Sequence[View], audience: frozenset[str], limit: int
    ) -> list[Hit]:
        if not views:
            return []
        allowed = edge.Filter(must=[is_any("labels", audience)])
        requests = [
            edge.QueryRequest(limit=PREFETCH, query=query, filter=allowed)
            for view in views
            for query in to_queries(view)
        ]

        def look_up() -> list[Hit]:
            answers = self._shard.query_batch(edge.QueryBatchRequest(requests))
            rankings = [
                Ranking([str(p.id) for p in points], [p.score for p in points])
                for points in answers
            ]
            best = dict(fused(paired(views, rankings), limit))
            return [replace(hit, score=best[hit.id]) for hit in self._fetch(best)]

        return await self._run(look_up)

    async def fetch(self, ids: Sequence[str], audience: frozenset[str]) -> list[Hit]:
        hits = await self._run(lambda: self._fetch(ids))
        return [hit for hit in hits if hit.piece.labels & audience]

    def _fetch(self, ids: Iterable[str]) -> list[Hit]:
        wanted: list[int | uuid.UUID | str] = list(ids)
        points = self._shard.retrieve(wanted, with_payload=True, with_vector=[DENSE])
        hits = {str(point.id): to_hit(point) for point in points}
        return [hits[id] for id in map(str, wanted) if id in hits]

    async def rarity(self, terms: Collection[int]) -> dict[int, float]:
        def look_up() -> dict[int, float]:
            requests = [
                edge.QueryRequest(
                    limit=1,
                    query=edge.Query.Nearest(edge.SparseVector([term], [1.0]), SPARSE),
                    with_vector=[SPARSE],
                )
                for term in terms
            ]
            answers = self._shard.query_batch(edge.QueryBatchRequest(requests))
            known = {}
            for term, points in zip(terms, answers, strict=True):
                for point in points:
                    vector = vectors_of(point)[SPARSE]
                    weight = vector.values[vector.indices.index(term)]
                    known[term] = point.score / weight
            rest = 0.0 if len(known) == len(terms) else rarest(self._count())
            return {term: known.get(term, rest) for term in terms}

        return await self._run(look_up) if terms else {}

    async def documents(self) -> dict[str, DocumentRecord]:
        def read() -> dict[str, DocumentRecord]:
            wanted = edge.Filter(must=[is_value("type", "document")])
            found: list[DocumentRecord] = []
            offset = None
            while True:
                request = edge.ScrollRequest(
                    offset=offset, limit=PAGE, filter=wanted, with_payload=True
                )
                records, offset = self._shard.scroll(request)
                found.extend(to_record(record.payload or {}) for record in records)
                if offset is None:
                    return {record.name: record for record in found}

        return await self._run(read)

    async def entries(self, documents: Collection[str]) -> list[Entry]:
        wanted = edge.Filter(
            must=[is_value("type", "piece"), is_any("document", documents)]
        )

        def read() -> list[Entry]:
            found: list[Entry] = []
            offset = None
            while True:
                request = edge.ScrollRequest(
                    offset=offset,
                    limit=PAGE,
                    filter=wanted,
                    with_payload=True,
                    with_vector=True,
                )
                records, offset = self._shard.scroll(request)
                found.extend(map(to_entry, records))
                if offset is None:
                    return found

        return await self._run(read) if documents else []

    async def count(self) -> int:
        return await self._run(self._count)

    def _count(self) -> int:
        pieces = edge.Filter(must=[is_value("type", "piece")])
        count: int = self._shard.count(edge.CountRequest(exact=True, filter=pieces))
        return count

    async def flush(self) -> None:
        await self._run(lambda: self._shard.flush())

    async def close(self) -> None:
        def close() -> None:
            self._shard.flush()
            self._shard.close()

        try:
            await self._run(close)
        finally:
            self._executor.shutdown(wait=False)
            if self._lock is not None:
                self._lock.release()

    async def _run(self, work: Callable[[], T]) -> T:
        """Work in the store's thread; the engine knows one exception class for all."""
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, work)
        except StoreUnavailable:
            raise
        except Exception as error:
            raise StoreUnavailable(
                f"the document store in {str(self.folder)!r} failed: {error}"
            ) from error
