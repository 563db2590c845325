"""A collection in a folder: Qdrant's engine inside this process, no server needed."""

import asyncio
import shutil
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import qdrant_edge as edge

from backends.knowledge.folder_lock import FolderLock
from backends.knowledge.store import (
    DENSE,
    IDENTITY_ID,
    KEYWORDS,
    PREFETCH,
    REBUILD,
    SPARSE,
    DocumentRecord,
    Entry,
    Hit,
    Identity,
    StoreUnavailable,
    View,
    check_identity,
    entry_payload,
    identity_payload,
    point_id,
    rarest,
    record_payload,
    to_piece,
    to_record,
)

T = TypeVar("T")
PAGE = 1_000

ROOM = 64 * 2**20
"""Free bytes that a write wants. The engine maps its files into memory, and on a full
disk a write to such a file does not fail: it ends the process."""


class EdgeStore:
    """A vector store for one process. The engine blocks, so one thread does its work.

    The engine's own `optimize` is never called: it stops every Python thread as long as
    it runs (a minute at 50,000 pieces), and without it a search stays below 15 ms.
    """

    def __init__(
        self, folder: Path, shard: edge.EdgeShard, lock: FolderLock, executor: Executor
    ) -> None:
        self.folder = folder
        self._shard = shard
        self._lock = lock
        self._executor = executor

    @classmethod
    async def open(
        cls, folder: Path, identity: Identity, rebuild: bool = False
    ) -> "EdgeStore":
        """Open the collection, or create it; `rebuild` begins with an empty one."""
        lock = FolderLock(folder)
        try:
            lock.acquire()
        except OSError as error:
            lock.release()
            raise _unusable(folder, error) from error
        executor = ThreadPoolExecutor(1, "knowledge-store")
        try:
            loop = asyncio.get_running_loop()
            shard = await loop.run_in_executor(
                executor, _open, folder, identity, rebuild
            )
        except BaseException:
            executor.shutdown(wait=False)
            lock.release()
            raise
        return cls(folder, shard, lock, executor)

    async def upsert(self, entries: Sequence[Entry]) -> None:
        def write() -> None:
            _require_room(self.folder)
            points = [_point(entry) for entry in entries]
            self._shard.update(edge.UpdateOperation.upsert_points(points))

        if entries:
            await self._run(write)

    async def record(self, document: DocumentRecord) -> None:
        point = edge.Point(
            point_id("document", document.name), {}, record_payload(document)
        )

        def write() -> None:
            _require_room(self.folder)
            self._shard.update(edge.UpdateOperation.upsert_points([point]))

        await self._run(write)

    async def prune(self, document: str, revision: str) -> None:
        old = edge.Filter(
            must=[_is("type", "piece"), _is("document", document)],
            must_not=[_is("revision", revision)],
        )
        await self._run(
            lambda: self._shard.update(
                edge.UpdateOperation.delete_points_by_filter(old)
            )
        )

    async def delete(self, documents: Collection[str]) -> None:
        gone = edge.Filter(must=[_any("document", documents)])
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
        allowed = edge.Filter(must=[_any("labels", audience)])
        request = edge.QueryRequest(
            limit=limit,
            prefetches=[
                edge.Prefetch(limit=PREFETCH, query=query, filter=allowed)
                for view in views
                for query in _queries(view)
            ],
            query=cast(edge.Fusion, edge.Fusion.Dbsf()),
            with_payload=True,
            with_vector=[DENSE],
        )
        return await self._run(
            lambda: [_hit(point) for point in self._shard.query(request)]
        )

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
                    vector = _vectors(point)[SPARSE]
                    weight = vector.values[vector.indices.index(term)]
                    known[term] = point.score / weight
            rest = 0.0 if len(known) == len(terms) else rarest(self._count())
            return {term: known.get(term, rest) for term in terms}

        return await self._run(look_up) if terms else {}

    async def documents(self) -> dict[str, DocumentRecord]:
        def read() -> dict[str, DocumentRecord]:
            wanted = edge.Filter(must=[_is("type", "document")])
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

    async def count(self) -> int:
        return await self._run(self._count)

    def _count(self) -> int:
        pieces = edge.Filter(must=[_is("type", "piece")])
        count: int = self._shard.count(edge.CountRequest(exact=True, filter=pieces))
        return count

    async def flush(self) -> None:
        await self._run(self._shard.flush)

    async def close(self) -> None:
        def close() -> None:
            self._shard.flush()
            self._shard.close()

        try:
            await self._run(close)
        finally:
            self._executor.shutdown(wait=False)
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


def _open(folder: Path, identity: Identity, rebuild: bool) -> edge.EdgeShard:
    path = folder / "shard"
    if rebuild or not (path / "edge_config.json").exists():
        return _create_anew(folder, path, identity)
    shard = _load(folder, path)
    try:
        found = shard.retrieve([IDENTITY_ID], with_payload=True, with_vector=False)
        payload = (found[0].payload if found else None) or {}
        check_identity(payload, identity, f"{str(folder)!r}")
    except BaseException:
        shard.close()
        raise
    return shard


def _create_anew(folder: Path, path: Path, identity: Identity) -> edge.EdgeShard:
    _require_room(folder)
    try:
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return _create(path, identity)
    except Exception as error:  # the engine knows one class for all
        # What is left of it must not pass for a collection the next time.
        shutil.rmtree(path, ignore_errors=True)
        raise _unusable(folder, error) from error


def _require_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        raise StoreUnavailable(
            f"the disk of the document store in {str(folder)!r} has "
            f"{free / 2**20:.0f} MB left, and {ROOM / 2**20:.0f} MB are needed; make "
            "room, or set `data_dir` to a bigger disk, then run `curbside ingest` again"
        )


def _unusable(folder: Path, error: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        f"the document store cannot be made in {str(folder)!r} ({error}); check that "
        "it can be written to and that its disk has room, or set `data_dir`"
    )


def _create(path: Path, identity: Identity) -> edge.EdgeShard:
    config = edge.EdgeConfig(
        vectors={
            DENSE: edge.EdgeVectorParams(
                size=identity.dimensions, distance=edge.Distance.Cosine
            )
        },
        sparse_vectors={
            SPARSE: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)
        },
    )
    shard = edge.EdgeShard.create(str(path), config)
    for field in KEYWORDS:
        index = edge.UpdateOperation.create_field_index(
            field, edge.PayloadSchemaType.Keyword
        )
        shard.update(index)
    point = edge.Point(IDENTITY_ID, {}, identity_payload(identity))
    shard.update(edge.UpdateOperation.upsert_points([point]))
    shard.flush()
    return shard


def _load(folder: Path, path: Path) -> edge.EdgeShard:
    try:
        return edge.EdgeShard.load(str(path))
    except Exception as error:
        _require_room(folder)  # on a full disk nothing is wrong with what is there
        raise StoreUnavailable(
            f"the document store in {str(folder)!r} cannot be opened ({error}); "
            f"restore it from a backup, or build it anew with: {REBUILD}"
        ) from error


def _point(entry: Entry) -> edge.Point:
    sparse = edge.SparseVector(list(entry.sparse.indices), list(entry.sparse.values))
    vectors = {DENSE: entry.dense.tolist(), SPARSE: sparse}
    return edge.Point(entry.id, vectors, entry_payload(entry))


def _queries(view: View) -> list[edge.Query]:
    queries = [edge.Query.Nearest(view.dense.tolist(), DENSE)]
    if view.sparse.indices:
        sparse = edge.SparseVector(list(view.sparse.indices), list(view.sparse.values))
        queries.append(edge.Query.Nearest(sparse, SPARSE))
    return queries


def _hit(point: edge.ScoredPoint) -> Hit:
    return Hit(
        id=str(point.id),
        piece=to_piece(point.payload or {}),
        score=point.score,
        dense=np.asarray(_vectors(point)[DENSE], np.float32),
    )


def _vectors(point: edge.ScoredPoint) -> dict[str, Any]:
    return cast(dict[str, Any], point.vector)


def _is(field: str, value: str) -> edge.FieldCondition:
    return edge.FieldCondition(field, match=edge.MatchValue(value))


def _any(field: str, values: Collection[str]) -> edge.FieldCondition:
    return edge.FieldCondition(field, match=edge.MatchAny(sorted(values)))
