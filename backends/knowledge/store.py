"""The contract of a vector store, and how a piece looks inside one.

Our error hierarchy, under `backends.base.BackendError`:

    StoreUnavailable     the server is down, or answers with an error of its own
    StoreInUse           another process holds the folder
    CollectionMismatch   the collection was built with another embedder or chunker
"""

import math
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from backends.base import BackendMisconfigured, BackendUnavailable
from backends.knowledge.chunking import CHUNKER_VERSION, Piece
from backends.knowledge.documents import Kind
from backends.knowledge.embedding import Embedder, Vectors
from backends.knowledge.terms import Sparse, Terms

DENSE, SPARSE = "dense", "sparse"
PREFETCH = 200  # candidates of each ranking, before they are fused
KEYWORDS = ("type", "document", "labels", "revision")
NAMESPACE = uuid.UUID("6d0f6b3e-8a52-5c1c-9d5e-2b7f3a1c4e90")
REINDEX = "curbside reindex"
REBUILD = "curbside ingest --rebuild"


class StoreUnavailable(BackendUnavailable):
    """The vector store cannot be reached, or failed."""


class StoreInUse(BackendUnavailable):
    """The store's folder is held by another process."""


class CollectionMismatch(BackendMisconfigured):
    """The collection cannot be used with this configuration; says how to rebuild it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a collection was made with; it never changes."""

    embedder: str
    embedder_version: str
    dimensions: int
    terms: str
    chunker: str = CHUNKER_VERSION

    @classmethod
    def of(cls, embedder: Embedder, terms: Terms) -> "Identity":
        return cls(
            embedder=embedder.name,
            embedder_version=embedder.version,
            dimensions=embedder.dimensions,
            terms=f"{terms.version} {terms.language}",
        )


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A document of the collection. `digest` is empty until all its pieces are in.

    `stamp` is what tells, without reading it, that its file is still the same, `digest`
    that its bytes are, and `revision` that what was read from them is.
    """

    name: str
    digest: str
    title: str = ""
    source: str = ""
    labels: frozenset[str] = frozenset()
    pieces: int = 0
    stamp: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """One wording of a question, in both kinds of vectors."""

    dense: Vectors
    sparse: Sparse


@dataclass(frozen=True, slots=True)
class Entry:
    """A piece to store, with its vectors."""

    piece: Piece
    dense: Vectors
    sparse: Sparse

    @property
    def id(self) -> str:
        """The same for the same piece and revision: storing it again is safe."""
        piece = self.piece
        return point_id("piece", piece.document, piece.revision, piece.position)


@dataclass(frozen=True, slots=True)
class Hit:
    """A piece that a search found; `score` orders the hits of this search only."""

    id: str
    piece: Piece
    score: float
    dense: Vectors


class VectorStore(Protocol):
    """One collection. Opened by `EdgeStore.open` or `ServerStore.open`."""

    async def upsert(self, entries: Sequence[Entry]) -> None: ...

    async def record(self, document: DocumentRecord) -> None:
        """Write down what is known of a document, in place of an earlier record."""
        ...

    async def prune(self, document: str, revision: str) -> None:
        """Delete the pieces of a document that stem from other revisions."""
        ...

    async def delete(self, documents: Collection[str]) -> None:
        """Delete documents: their pieces and their records."""
        ...

    async def search(
        self, views: Sequence[View], audience: frozenset[str], limit: int
    ) -> list[Hit]:
        """The best pieces over all views that carry a label of the audience."""
        ...

    async def fetch(self, ids: Sequence[str], audience: frozenset[str]) -> list[Hit]:
        """Those of these pieces that exist and carry a label of the audience."""
        ...

    async def rarity(self, terms: Collection[int]) -> dict[int, float]:
        """The inverse document frequency of each term; an unknown one is the rarest."""
        ...

    async def documents(self) -> dict[str, DocumentRecord]: ...

    async def count(self) -> int:
        """How many pieces there are."""
        ...

    async def entries(self, documents: Collection[str]) -> list[Entry]:
        """All pieces of these documents, with their vectors."""
        ...

    async def identity(self) -> Mapping[str, Any]:
        """What the collection was made with; see `Identity`."""
        ...

    async def beside(self, identity: Identity) -> "VectorStore":
        """An empty collection beside this one, for `switch_to` or `discard`."""
        ...

    async def switch_to(self, other: "VectorStore") -> None:
        """Put the contents of one that is `beside` in place of ours, at once.

        Searches go on meanwhile. `other` is not to be used any more.
        """
        ...

    async def discard(self) -> None:
        """Delete and close a collection that is beside another."""
        ...

    async def flush(self) -> None:
        """Make what was written durable and compact, after a batch."""
        ...

    async def close(self) -> None: ...


def point_id(*parts: object) -> str:
    return str(uuid.uuid5(NAMESPACE, "\n".join(map(str, parts))))


def check_identity(found: Mapping[str, Any], wanted: Identity, where: str) -> None:
    """Vectors of different models must never meet; the message says which differ."""
    known = {key: found.get(key) for key in identity_payload(wanted) if key != "type"}
    expected = {key: getattr(wanted, key) for key in known}
    if known != expected:
        differing = ", ".join(
            f"{key} {known[key]!r} instead of {expected[key]!r}"
            for key in known
            if known[key] != expected[key]
        )
        raise CollectionMismatch(
            f"{where} was built with {differing}; build it anew with: {REINDEX}"
        )


IDENTITY_ID = point_id("identity")


def identity_payload(identity: Identity) -> dict[str, Any]:
    return {
        "type": "identity",
        "embedder": identity.embedder,
        "embedder_version": identity.embedder_version,
        "dimensions": identity.dimensions,
        "terms": identity.terms,
        "chunker": identity.chunker,
    }


def record_payload(document: DocumentRecord) -> dict[str, Any]:
    return {
        "type": "document",
        "document": document.name,
        "digest": document.digest,
        "title": document.title,
        "source": document.source,
        "may_see": sorted(document.labels),
        "pieces": document.pieces,
        "stamp": document.stamp,
        "revision": document.revision,
    }


def to_record(payload: Mapping[str, Any]) -> DocumentRecord:
    return DocumentRecord(
        name=payload["document"],
        digest=payload["digest"],
        title=payload["title"],
        source=payload["source"],
        labels=frozenset(payload["may_see"]),
        pieces=payload["pieces"],
        stamp=payload.get("stamp", ""),
        revision=payload.get("revision", ""),
    )


def entry_payload(entry: Entry) -> dict[str, Any]:
    piece = entry.piece
    return {
        "type": "piece",
        "document": piece.document,
        "revision": piece.revision,
        "labels": sorted(piece.labels),
        "title": piece.title,
        "headings": list(piece.headings),
        "section": piece.section,
        "position": piece.position,
        "kind": piece.kind.value,
        "page": piece.page,
        "start": piece.start,
        "end": piece.end,
        "link": piece.link,
        "date": piece.date,
        "text": piece.text,
        "language": piece.language,
        "context": piece.context,
    }


def to_piece(payload: Mapping[str, Any]) -> Piece:
    return Piece(
        document=payload["document"],
        revision=payload["revision"],
        title=payload["title"],
        text=payload["text"],
        position=payload["position"],
        section=payload["section"],
        headings=tuple(payload["headings"]),
        kind=Kind(payload["kind"]),
        page=payload["page"],
        start=payload["start"],
        end=payload["end"],
        labels=frozenset(payload["labels"]),
        link=payload["link"],
        date=payload["date"],
        language=payload.get("language", ""),
        context=payload.get("context", ""),
    )


def rarest(pieces: int) -> float:
    """The inverse document frequency, as the engine counts it, of an unknown term."""
    return math.log(1 + (pieces + 0.5) / 0.5)
