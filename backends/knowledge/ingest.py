"""Brings a collection up to date with its sources: adds, replaces, removes, reports."""

import hashlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from backends.base import BackendError
from backends.knowledge.bulk import Bulk, ProcessBulk, processes
from backends.knowledge.chunking import CHUNKER_VERSION
from backends.knowledge.documents import UnreadableDocument
from backends.knowledge.embedding import Embedder
from backends.knowledge.loaders import (
    DEFAULT_LIMITS,
    LOADER_VERSION,
    SUFFIXES,
    Limits,
    too_costly,
    unknown_type,
)
from backends.knowledge.prepare import Raw, prepare
from backends.knowledge.process_pool import LimitExceeded, ProcessPool
from backends.knowledge.sources.base import (
    FOLDER_LABELS,
    STAFF,
    Item,
    Problem,
    Source,
    SourceUnavailable,
)
from backends.knowledge.sources.files import LocalFiles, require
from backends.knowledge.store import DocumentRecord, VectorStore
from backends.knowledge.teaching import PREFIX
from backends.knowledge.terms import Terms
from backends.knowledge.writing import Prepared, Writer

PARSED_TOGETHER = 16  # small files, to be sent to another process
BYTES_TOGETHER = 2**20


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingestion has come; `total` grows while a source is listed."""

    done: int
    total: int
    name: str
    passages: int


@dataclass(slots=True)
class Report:
    """What became of each file; names of documents, and reasons for those skipped."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    passages: int = 0

    def add(self, other: "Report") -> None:
        """Take in what became of others."""
        for each in fields(self):
            setattr(
                self, each.name, getattr(self, each.name) + getattr(other, each.name)
            )


async def ingest(
    paths: Sequence[Path],
    store: VectorStore,
    embedder: Embedder,
    progress: Callable[[Progress], None] = lambda _: None,
    *,
    terms: Terms | None = None,
    folder_labels: Mapping[str, frozenset[str]] = FOLDER_LABELS,
    default_labels: frozenset[str] = STAFF,
    limits: Limits = DEFAULT_LIMITS,
) -> Report:
    """Make the collection hold what the files under `paths` hold now; see `sync`."""
    require(paths)
    source = LocalFiles(
        paths,
        folder_labels=folder_labels,
        default_labels=default_labels,
        max_bytes=limits.bytes,
    )
    writer = Writer(store, embedder, terms or Terms())
    return await sync([source], store, writer, progress, limits=limits)


async def sync(
    sources: Sequence[Source],
    store: VectorStore,
    writer: Writer,
    progress: Callable[[Progress], None] = lambda _: None,
    bulk: Bulk | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Report:
    """Make the collection hold what its sources hold now.

    A file that did not change is not read, where its source can tell, and never parsed.
    One that cannot be read is reported and its earlier version stays. A document whose
    file is gone from its source is removed; of a source that cannot be listed, none is.
    Killed at any moment, it is put right by running it again.
    """
    async with ProcessPool(processes(), limits.process) as pool:
        run = _Run(store, writer, bulk or ProcessBulk(pool), progress)
        run.known = await store.documents()
        for source in sources:
            await run.take(source)
    await store.flush()
    run.report.skipped.sort()
    return run.report


class _Run:
    """One ingestion: small documents wait for each other, so that batches are full."""

    def __init__(
        self,
        store: VectorStore,
        writer: Writer,
        bulk: Bulk,
        progress: Callable[[Progress], None],
    ) -> None:
        self.report = Report()
        self.known: dict[str, DocumentRecord] = {}
        self._store = store
        self._writer = writer
        self._bulk = bulk
        self._progress = progress
        self._names: set[str] = set()
        self._digests: dict[str, str] = {}
        self._twins: dict[str, str] = {}
        self._done = 0
        self._total = 0

    async def take(self, source: Source) -> None:
        """Take in what changed in a source, and drop what is gone from it."""
        part = _Part()
        waiting: list[Prepared] = []
        batches = self._batches(source, part)
        async for results in self._bulk.map_batches(prepare, batches):
            for raw, result in zip(part.sent.popleft(), results, strict=True):
                if not isinstance(result, Prepared):
                    self._refuse(raw.record.name, result)
                elif self._same(result.record):
                    await self._store.record(result.record)
                    self._unchanged(raw.record)
                else:
                    waiting.append(result)
            if sum(len(each.pieces) for each in waiting) >= self._writer.together:
                await self._write(waiting)
                waiting = []
        await self._write(waiting)
        await self._drop_outdated_twins()
        if part.complete:
            gone = [
                name
                for name in source.gone(self.known)
                if not name.startswith(PREFIX)  # a folder may be called so, too
            ]
            await self._store.delete(gone)
            self.report.removed += gone

    async def _drop_outdated_twins(self) -> None:
        """What they said before is no longer so, and what they say now is there."""
        skipped = {name for name, _ in self.report.skipped}
        await self._store.delete(
            [name for name, twin in self._twins.items() if twin not in skipped]
        )
        self._twins.clear()

    async def _batches(
        self, source: Source, part: "_Part"
    ) -> AsyncIterator[Sequence[Raw]]:
        """What has to be read anew, small files together."""
        batch: list[Raw] = []
        async for raw in self._changed(source, part):
            batch.append(raw)
            size = sum(len(each.data) for each in batch)
            if len(batch) >= PARSED_TOGETHER or size >= BYTES_TOGETHER:
                part.sent.append(batch)
                yield batch
                batch = []
        if batch:
            part.sent.append(batch)
            yield batch

    async def _changed(self, source: Source, part: "_Part") -> AsyncIterator[Raw]:
        try:
            async for item in source.items(self.known):
                self._total += 1
                if isinstance(item, Problem):
                    self._skip(item.name, item.reason)
                elif raw := await self._read(item):
                    yield raw
        except SourceUnavailable as error:
            self._skip(source.name, f"{error}; what it held before stays")
            part.complete = False

    async def _read(self, item: Item) -> Raw | None:
        """The file, unless the collection has it as it is now."""
        if item.name in self._names:
            reason = "another file has this name in the collection; rename a folder"
            self._skip(item.name, reason)
            return None
        self._names.add(item.name)
        known = self.known.get(item.name)
        stamp = _stamp(item)
        if known and stamp and known.stamp == stamp and known.source == item.place:
            self._unchanged(known)
            return None
        try:
            if item.suffix not in SUFFIXES:
                raise UnreadableDocument(unknown_type(item.name))
            data = await item.read()
        except UnreadableDocument as error:
            self._refuse(item.name, error)
            return None
        digest = _digest(data, item.labels)
        record = DocumentRecord(
            item.name, digest, source=item.place, labels=item.labels, stamp=stamp
        )
        if known and known.digest == digest and known.source == item.place:
            if stamp:
                await self._store.record(replace(known, stamp=stamp))
            self._unchanged(known)
            return None
        if twin := self._digests.get(digest):
            if known:
                self._twins[item.name] = twin
            self._skip(item.name, f"it has the same content as {twin!r}; remove one")
            return None
        self._digests[digest] = item.name
        return Raw(record, data, item.suffix, _reading(item.labels), item.link)

    def _same(self, record: DocumentRecord) -> bool:
        """Whether other bytes hold the same text, as of a page made anew each time."""
        known = self.known.get(record.name)
        return (
            known is not None
            and known.digest != ""
            and known.revision == record.revision
        )

    def _unchanged(self, record: DocumentRecord) -> None:
        self._digests.setdefault(record.digest, record.name)
        self.report.unchanged.append(record.name)
        self._finish(record.name)

    async def _write(self, documents: Sequence[Prepared]) -> None:
        await self._writer.write(documents, self._stored)
        for each in documents:
            name = each.record.name
            changed = name in self.known
            (self.report.changed if changed else self.report.added).append(name)
            self._finish(name)

    def _stored(self, document: str, pieces: int) -> None:
        self.report.passages += pieces
        self._tell(document)

    def _refuse(self, name: str, error: BackendError) -> None:
        said = too_costly(name, error) if isinstance(error, LimitExceeded) else error
        stays = "; its earlier version stays" if name in self.known else ""
        self._skip(name, f"{said}{stays}")

    def _skip(self, name: str, reason: str) -> None:
        self.report.skipped.append((name, reason))
        self._finish(name)

    def _finish(self, name: str) -> None:
        self._done += 1
        self._tell(name)

    def _tell(self, name: str) -> None:
        passages = self.report.passages
        self._progress(Progress(self._done, self._total, name, passages))


@dataclass(slots=True)
class _Part:
    """What is known of a source while it is taken in."""

    sent: deque[Sequence[Raw]] = field(default_factory=deque)
    complete: bool = True


def _stamp(item: Item) -> str:
    """Changes with the file, with who may see it, and with how we read and cut it."""
    return f"{item.stamp}\n{_reading(item.labels)}" if item.stamp else ""


def _digest(data: bytes, labels: frozenset[str]) -> str:
    """The same for `_stamp`, of the file's content."""
    return hashlib.sha256(f"{_reading(labels)}\n".encode() + data).hexdigest()


def _reading(labels: frozenset[str]) -> str:
    return f"{LOADER_VERSION}\n{CHUNKER_VERSION}\n{','.join(sorted(labels))}"
