"""Brings a collection up to date with files: adds, replaces, removes, reports."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backends.base import BackendMisconfigured
from backends.knowledge.chunking import CHUNKER_VERSION, cut
from backends.knowledge.documents import UnreadableDocument
from backends.knowledge.embedding import Embedder
from backends.knowledge.loaders import (
    LOADER_VERSION,
    MAX_BYTES,
    SUFFIXES,
    parse,
    read_bytes,
    unknown_type,
)
from backends.knowledge.store import DocumentRecord, VectorStore
from backends.knowledge.terms import Terms
from backends.knowledge.writing import BATCH, Prepared, Writer

STAFF = frozenset({"staff"})
FOLDER_LABELS: Mapping[str, frozenset[str]] = {"public": frozenset({"public"})}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingestion has come."""

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


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read, and its name in the collection: root folder and path below it."""

    path: Path
    name: str
    folder: str = ""


async def ingest(
    paths: Sequence[Path],
    store: VectorStore,
    embedder: Embedder,
    progress: Callable[[Progress], None] = lambda _: None,
    *,
    terms: Terms | None = None,
    folder_labels: Mapping[str, frozenset[str]] = FOLDER_LABELS,
    default_labels: frozenset[str] = STAFF,
    max_bytes: int = MAX_BYTES,
) -> Report:
    """Make the collection hold what the files under `paths` hold now.

    A file that did not change is only read. One that cannot be read is reported and its
    earlier version stays. A document whose file is gone from these roots is removed.
    Killed at any moment, it is put right by running it again.
    """
    sources = await asyncio.to_thread(find, paths)
    reader = Reader(folder_labels, default_labels, max_bytes)
    run = _Run(store, embedder, terms or Terms(), len(sources), progress)
    run.known = await store.documents()
    names: set[str] = set()
    for source in sources:
        if source.name in names:
            reason = "another file has this name in the collection; rename a folder"
            run.skip(source, reason)
            continue
        names.add(source.name)
        await run.take(source, reader)
    await run.store_waiting()
    await run.remove(_gone(run.known.values(), paths, sources))
    await store.flush()
    return run.report


def find(paths: Sequence[Path]) -> list[Source]:
    """The files under the roots, each once, hidden ones left out."""
    found: dict[Path, Source] = {}
    for path in paths:
        root = path.resolve()
        if not root.exists():
            raise BackendMisconfigured(f"there is no file or folder {str(path)!r}")
        if root.is_file():
            found.setdefault(root, Source(root, f"{root.parent.name}/{root.name}"))
            continue
        for file in sorted(root.rglob("*")):
            below = file.relative_to(root)
            hidden = any(part.startswith((".", "~$")) for part in below.parts)
            if not hidden and file.is_file():
                folder = below.parts[0] if len(below.parts) > 1 else ""
                name = f"{root.name}/{below.as_posix()}"
                found.setdefault(file.resolve(), Source(file, name, folder))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads a file into pieces with their labels, unless the collection has them."""

    folder_labels: Mapping[str, frozenset[str]]
    default_labels: frozenset[str]
    max_bytes: int

    def read(self, source: Source, known: DocumentRecord | None) -> Prepared | None:
        """None where nothing changed; raises `UnreadableDocument`."""
        if source.path.suffix.lower() not in SUFFIXES:
            raise UnreadableDocument(unknown_type(source.name))
        data = read_bytes(source.path, source.name, self.max_bytes)
        labels = self.folder_labels.get(source.folder, self.default_labels)
        digest = _digest(data, labels)
        place = str(source.path.resolve())
        if known and known.digest == digest and known.source == place:
            return None
        document = parse(data, source.name)
        labels = document.labels or labels
        pieces = cut(document, labels, digest)
        record = DocumentRecord(
            source.name, digest, document.title, place, labels, len(pieces)
        )
        return Prepared(record, pieces)


class _Run:
    """One ingestion: small documents wait for each other, so that batches are full."""

    def __init__(
        self,
        store: VectorStore,
        embedder: Embedder,
        terms: Terms,
        total: int,
        progress: Callable[[Progress], None],
    ) -> None:
        self.report = Report()
        self.known: dict[str, DocumentRecord] = {}
        self._store = store
        self._writer = Writer(store, embedder, terms, self._stored)
        self._total = total
        self._done = 0
        self._progress = progress
        self._waiting: list[Prepared] = []

    async def take(self, source: Source, reader: Reader) -> None:
        known = self.known.get(source.name)
        try:
            prepared = await asyncio.to_thread(reader.read, source, known)
        except UnreadableDocument as error:
            stays = "; its earlier version stays" if known else ""
            self.skip(source, f"{error}{stays}")
            return
        if prepared is None:
            self.report.unchanged.append(source.name)
            self._finish(source.name)
            return
        self._waiting.append(prepared)
        if sum(len(each.pieces) for each in self._waiting) >= BATCH:
            await self.store_waiting()

    def skip(self, source: Source, reason: str) -> None:
        self.report.skipped.append((source.name, reason))
        self._finish(source.name)

    async def store_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        await self._writer.write(waiting)
        for each in waiting:
            name = each.record.name
            changed = name in self.known
            (self.report.changed if changed else self.report.added).append(name)
            self._finish(name)

    def _stored(self, document: str, pieces: int) -> None:
        self.report.passages += pieces
        self._tell(document)

    async def remove(self, names: Sequence[str]) -> None:
        await self._store.delete(names)
        self.report.removed.extend(names)

    def _finish(self, name: str) -> None:
        self._done += 1
        self._tell(name)

    def _tell(self, name: str) -> None:
        passages = self.report.passages
        self._progress(Progress(self._done, self._total, name, passages))


def _gone(
    known: Iterable[DocumentRecord], paths: Sequence[Path], sources: Sequence[Source]
) -> list[str]:
    """Documents of these roots without a file, and files now known by another name.

    Another machine may keep a folder of the same name: what it still has stays.
    """
    names = {source.name for source in sources}
    places = {str(source.path.resolve()) for source in sources}
    roots = [path.resolve() for path in paths if path.is_dir()]
    gone = []
    for record in known:
        here = any(record.name.startswith(f"{root.name}/") for root in roots)
        place = Path(record.source)
        missing = not place.exists() or any(map(place.is_relative_to, roots))
        if record.name not in names and (record.source in places or (here and missing)):
            gone.append(record.name)
    return sorted(gone)


def _digest(data: bytes, labels: frozenset[str]) -> str:
    """Changes with the file, with who may see it, and with how we read and cut it."""
    head = f"{LOADER_VERSION}\n{CHUNKER_VERSION}\n{','.join(sorted(labels))}\n"
    return hashlib.sha256(head.encode() + data).hexdigest()
