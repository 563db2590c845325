"""The team's documents as the program holds them: collections opened when needed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from backends.base import BackendError
from backends.knowledge.bulk import Bulk
from backends.knowledge.chunking import CHUNKER_VERSION
from backends.knowledge.embedding import Connected, Embedder, Vectors
from backends.knowledge.ingest import Progress, Report, sync
from backends.knowledge.loaders import DEFAULT_LIMITS
from backends.knowledge.models import load_embedder, load_reranker
from backends.knowledge.opening import Engine
from backends.knowledge.reindexing import carry_over, catch_up, copy
from backends.knowledge.retrieval_options import RetrievalOptions
from backends.knowledge.retriever import Reranker, Retriever
from backends.knowledge.server_options import ServerOptions
from backends.knowledge.sources.base import Source
from backends.knowledge.sources.files import LocalFiles, require
from backends.knowledge.store import (
    DocumentRecord,
    Identity,
    StoreInUse,
    StoreUnavailable,
    VectorStore,
    check_identity,
)
from backends.knowledge.teaching import Taught, TaughtAnswers, bring_back
from backends.knowledge.terms import Terms
from backends.knowledge.writing import Spread, Writer
from backends.situating import Situating


@dataclass(frozen=True, slots=True)
class Overview:
    """What a collection holds."""

    collection: str
    documents: int
    passages: int


class CopyIncomplete(BackendError):
    """A copy does not hold what the original does."""


class Library:
    """Collections in a Qdrant server, or in the data folder when none is named.

    Embedding weights and stores are loaded when they are first needed, so a bot that
    only talks to a tuned model never pays for them.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        qdrant_url: str | None = None,
        qdrant_api_key: str | None = None,
        server: ServerOptions | None = None,
        ray_address: str = "",
        models: RetrievalOptions | None = None,
        situating: Situating | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._engine = Engine(data_dir, qdrant_url, qdrant_api_key, server)
        self._ray_address = ray_address
        self._models = models or RetrievalOptions()
        self._situating = situating
        self._reranker: Reranker | None = None
        self._embedder: Embedder | None = None
        self._terms = Terms()
        self._stores: dict[str, VectorStore] = {}
        self._rebuilding: dict[str, VectorStore] = {}
        self._opening = asyncio.Lock()
        self._ingesting = asyncio.Lock()
        self._teaching = asyncio.Lock()

    async def search(self, collection: str) -> Retriever:
        """Retrieval over a collection, which is opened if need be."""
        store, embedder = await self._open(collection)
        return Retriever(store, embedder, self._terms, self._reranker)

    async def embed(self, texts: list[str]) -> Vectors:
        """One unit vector a text; float32, shape (texts, dimensions)."""
        return await asyncio.to_thread((await self._embed_with()).embed, texts)

    async def embedder_name(self) -> str:
        """What turns texts into vectors here, with its version."""
        embedder = await self._embed_with()
        return f"{embedder.name} {embedder.version}"

    async def copy_to(
        self,
        other: "Library",
        collection: str,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> Overview:
        """Copy a collection, vectors included, and what it was taught.

        What is there already is not copied again. Raises `CopyIncomplete`.
        """
        (old, _), (new, _) = await self._open(collection), await other._open(collection)
        await copy(old, new, progress)
        ours, theirs = await self.overview(collection), await other.overview(collection)
        if ours != theirs:
            raise CopyIncomplete(
                f"collection {collection!r} has {ours.passages} passages here and "
                f"{theirs.passages} there, so one of them was written to meanwhile; "
                "stop what writes, and run it again"
            )
        return theirs

    async def ingest(
        self,
        collection: str,
        paths: Sequence[Path],
        progress: Callable[[Progress], None] = lambda _: None,
        *,
        rebuild: bool = False,
    ) -> Report:
        """Bring a collection up to date with files; one ingestion at a time."""
        require(paths)
        return await self.sync(
            collection, [LocalFiles(paths)], progress, rebuild=rebuild
        )

    async def sync(
        self,
        collection: str,
        sources: Sequence[Source],
        progress: Callable[[Progress], None] = lambda _: None,
        *,
        rebuild: bool = False,
    ) -> Report:
        """Bring a collection up to date with sources; one at a time does."""
        async with self._ingesting:
            if rebuild:
                return await self._anew(collection, sources, progress, keep=False)
            store, embedder = await self._open(collection)
            bulk, spread = await self._cluster()
            writer = Writer(store, embedder, self._terms, spread, self._situating)
            report = await sync(sources, store, writer, progress, bulk)
            async with self._teaching:
                report.skipped += await bring_back(
                    self._taught(collection), store, writer
                )
            return report

    async def reindex(
        self,
        collection: str,
        sources: Sequence[Source] = (),
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> Report:
        """Build a collection anew for what is configured now; searches go on meanwhile.

        Sources are read anew only where the way to cut documents has changed. All else
        is taken from the collection, so nothing is lost. Killed at any moment, the
        collection is as it was.
        """
        async with self._ingesting:
            return await self._anew(collection, sources, progress, keep=True)

    async def _anew(
        self,
        collection: str,
        sources: Sequence[Source],
        progress: Callable[[Progress], None],
        *,
        keep: bool,
    ) -> Report:
        """Build a generation beside the one that is searched, and switch over."""
        embedder = await self._embed_with()
        identity = Identity.of(embedder, self._terms)
        async with self._opened_for(collection, identity, keep) as old:
            new = await old.beside(identity)
            try:
                bulk, spread = await self._cluster()
                writer = Writer(new, embedder, self._terms, spread, self._situating)
                same_cut = (await old.identity()).get("chunker") == CHUNKER_VERSION
                read = () if keep and same_cut else sources
                report = await sync(read, new, writer, progress, bulk)
                if keep:
                    await carry_over(old, new, writer, report, progress)
                async with self._teaching:
                    if keep:
                        await catch_up(old, new, writer)
                    taught = self._taught(collection)
                    report.skipped += await bring_back(taught, new, writer)
                    await old.switch_to(new)
            except BaseException:
                with suppress(StoreUnavailable):
                    await new.discard()
                raise
        return report

    @asynccontextmanager
    async def _opened_for(
        self, collection: str, identity: Identity, keep: bool
    ) -> AsyncIterator[VectorStore]:
        """A collection to be built anew, whatever it was made with."""
        async with self._opening:
            store = self._stores.get(collection)
            if store is None:
                store = await self._open_any(collection, identity, keep)
                self._rebuilding[collection] = store
        try:
            yield store
        except BaseException:
            if self._rebuilding.pop(collection, None):
                await store.close()
            raise
        # Now it is what the configuration asks for.
        self._rebuilding.pop(collection, None)
        self._stores[collection] = store

    async def _open_any(
        self, collection: str, identity: Identity, keep: bool
    ) -> VectorStore:
        try:
            return await self._engine.open(collection, identity, checked=False)
        except StoreInUse:
            raise
        except StoreUnavailable:
            if keep:
                raise
            # Damaged, and nothing of it is wanted.
            return await self._engine.open(collection, identity, rebuild=True)

    async def teach(
        self,
        collection: str,
        question: str,
        answer: str,
        *,
        labels: frozenset[str],
        source: str,
    ) -> str:
        """Make a reviewed answer a document at once; its name is returned.

        It takes the place of an earlier answer to the same question. `source` is a
        link to where it was given, or the reviewer's name.
        """
        today = datetime.now(UTC).date().isoformat()
        taught = Taught(question.strip(), answer.strip(), labels, source, today)
        taught.check()
        async with self._teaching:
            store, embedder = await self._open(collection)
            await asyncio.to_thread(self._taught(collection).write, taught)
            await Writer(store, embedder, self._terms).write([taught.prepared()])
            await store.flush()
        return taught.document

    async def unteach(self, collection: str, document: str) -> bool:
        """Forget a taught answer; whether there was one. Raises `NotTaught`."""
        async with self._teaching:
            store, _ = await self._open(collection)
            known = document in await store.documents()
            there = await asyncio.to_thread(self._taught(collection).remove, document)
            await store.delete([document])
            await store.flush()
        return known or there

    async def taught(self, collection: str) -> list[Taught]:
        """What the collection was taught, from this data folder."""
        return await asyncio.to_thread(self._taught(collection).all)

    def _taught(self, collection: str) -> TaughtAnswers:
        return TaughtAnswers(self._data_dir / "taught" / collection)

    async def overview(self, collection: str) -> Overview:
        """How much a collection holds."""
        store, _ = await self._open(collection)
        documents = await store.documents()
        return Overview(collection, len(documents), await store.count())

    async def documents(self, collection: str) -> list[DocumentRecord]:
        """What a collection holds, by name."""
        store, _ = await self._open(collection)
        documents = await store.documents()
        return [documents[name] for name in sorted(documents)]

    def require_free(self, collection: str) -> None:
        """Raise `StoreInUse` when another process holds a collection; opens nothing."""
        if collection not in self._stores:
            self._engine.require_free(collection)

    async def aclose(self) -> None:
        """Close what was opened."""
        for store in self._stores.values():
            await store.close()
        self._stores.clear()
        if isinstance(self._embedder, Connected):
            await asyncio.to_thread(self._embedder.close)

    async def _open(self, collection: str) -> tuple[VectorStore, Embedder]:
        async with self._opening:
            embedder = await self._embed_with()
            identity = Identity.of(embedder, self._terms)
            if outdated := self._rebuilding.get(collection):
                where = f"collection {collection!r}, which is just being built anew,"
                check_identity(await outdated.identity(), identity, where)
                return outdated, embedder
            if collection not in self._stores:
                self._stores[collection] = await self._engine.open(collection, identity)
            return self._stores[collection], embedder

    async def _cluster(self) -> tuple[Bulk | None, Spread | None]:
        """What bulk work runs on, if not on this machine."""
        if not self._ray_address:
            return None, None
        from backends.knowledge.ray_bulk import RayBulk

        # Ray takes the main thread's signals, which are the program's.
        given = self._ray_address, DEFAULT_LIMITS.process
        bulk = await asyncio.to_thread(RayBulk, *given)
        return bulk, Spread(bulk, partial(load_embedder, self._models, self._data_dir))

    async def _embed_with(self) -> Embedder:
        if self._embedder is None:
            given = (self._models, self._data_dir)
            self._reranker = await asyncio.to_thread(load_reranker, *given)
            self._embedder = await asyncio.to_thread(load_embedder, *given)
        return self._embedder
