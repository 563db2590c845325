"""The team's documents as the program holds them: collections opened when needed."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from backends.base import BackendError, BackendMisconfigured
from backends.knowledge.embedding import Embedder, Vectors
from backends.knowledge.folder_lock import FolderLock
from backends.knowledge.ingest import Progress, Report, sync
from backends.knowledge.retriever import Retriever
from backends.knowledge.sources.base import Source
from backends.knowledge.sources.files import LocalFiles, require
from backends.knowledge.store import Identity, VectorStore
from backends.knowledge.teaching import Taught, TaughtAnswers
from backends.knowledge.terms import Terms
from backends.knowledge.writing import Writer


@dataclass(frozen=True, slots=True)
class Overview:
    """What a collection holds."""

    collection: str
    documents: int
    passages: int


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
    ) -> None:
        self._data_dir = data_dir
        self._url = qdrant_url
        self._api_key = qdrant_api_key
        self._embedder: Embedder | None = None
        self._terms = Terms()
        self._stores: dict[str, VectorStore] = {}
        self._opening = asyncio.Lock()
        self._ingesting = asyncio.Lock()
        self._teaching = asyncio.Lock()

    async def search(self, collection: str) -> Retriever:
        """Retrieval over a collection, which is opened if need be."""
        store, embedder = await self._open(collection)
        return Retriever(store, embedder, self._terms)

    async def embed(self, texts: list[str]) -> Vectors:
        """One unit vector a text; float32, shape (texts, dimensions)."""
        return await asyncio.to_thread((await self._embed_with()).embed, texts)

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
            if rebuild and collection in self._stores:
                await self._stores.pop(collection).close()
            store, embedder = await self._open(collection, rebuild=rebuild)
            writer = Writer(store, embedder, self._terms)
            report = await sync(sources, store, writer, progress)
            report.skipped += await self._bring_back_taught(collection)
            return report

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

    async def _bring_back_taught(self, collection: str) -> list[tuple[str, str]]:
        """Store what a crash or a rebuild left out; returns what cannot be read."""
        answers, skipped = self._taught(collection), []
        async with self._teaching:
            store, embedder = await self._open(collection)
            known = await store.documents()
            missing = []
            for path in await asyncio.to_thread(answers.paths):
                try:
                    taught = (await asyncio.to_thread(answers.read, path)).prepared()
                except BackendError as error:
                    skipped.append((f"taught/{path.stem}", str(error)))
                    continue
                found = known.get(taught.record.name)
                if found is None or found.digest != taught.record.digest:
                    missing.append(taught)
            await Writer(store, embedder, self._terms).write(missing)
        return skipped

    def _taught(self, collection: str) -> TaughtAnswers:
        return TaughtAnswers(self._data_dir / "taught" / collection)

    async def overview(self, collection: str) -> Overview:
        """How much a collection holds."""
        store, _ = await self._open(collection)
        documents = await store.documents()
        return Overview(collection, len(documents), await store.count())

    def require_free(self, collection: str) -> None:
        """Raise `StoreInUse` when another process holds a collection; opens nothing."""
        folder = self._folder(collection)
        if self._url or collection in self._stores or not folder.exists():
            return
        lock = FolderLock(folder)
        with suppress(OSError):  # what is wrong with the folder shows when it is opened
            lock.acquire()
        lock.release()

    async def aclose(self) -> None:
        """Close what was opened."""
        for store in self._stores.values():
            await store.close()
        self._stores.clear()

    async def _open(
        self, collection: str, *, rebuild: bool = False
    ) -> tuple[VectorStore, Embedder]:
        async with self._opening:
            embedder = await self._embed_with()
            if collection not in self._stores:
                identity = Identity.of(embedder, self._terms)
                self._stores[collection] = await self._store(
                    collection, identity, rebuild
                )
            return self._stores[collection], embedder

    async def _store(
        self, collection: str, identity: Identity, rebuild: bool
    ) -> VectorStore:
        if not collection.replace("-", "").replace("_", "").isalnum():
            raise BackendMisconfigured(
                f"collection {collection!r}: use letters, digits, - and _ only"
            )
        if self._url:
            from backends.knowledge.server_store import ServerStore

            return await ServerStore.open(
                self._url, collection, identity, self._api_key, rebuild
            )
        from backends.knowledge.edge_store import EdgeStore

        return await EdgeStore.open(self._folder(collection), identity, rebuild)

    def _folder(self, collection: str) -> Path:
        return self._data_dir / "knowledge" / collection

    async def _embed_with(self) -> Embedder:
        if self._embedder is None:
            from backends.knowledge.minilm import MiniLM

            self._embedder = await asyncio.to_thread(MiniLM.installed, self._data_dir)
        return self._embedder
