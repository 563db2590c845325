"""Reads and cuts documents: the part of an ingestion that runs in other processes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from backends.knowledge.chunking import cut
from backends.knowledge.documents import UnreadableDocument
from backends.knowledge.loaders import parse
from backends.knowledge.store import DocumentRecord
from backends.knowledge.writing import Prepared


@dataclass(frozen=True, slots=True)
class Raw:
    """A file's bytes, with what is known of it; `record` gets title and pieces.

    `reading` changes with how files are read, and makes another revision of them.
    """

    record: DocumentRecord
    data: bytes
    suffix: str
    reading: str
    link: str = ""


def prepare(batch: Sequence[Raw]) -> list[Prepared | UnreadableDocument]:
    """Each file as a document in pieces, or why it cannot be read."""
    return [_prepare(raw) for raw in batch]


def _prepare(raw: Raw) -> Prepared | UnreadableDocument:
    record = raw.record
    try:
        document = parse(raw.data, record.name, raw.suffix)
    except UnreadableDocument as error:
        return error
    document = replace(document, link=document.link or raw.link)
    labels = document.labels or record.labels
    pieces = cut(document, labels)
    content = f"{raw.reading}\n{pieces}"
    done = replace(
        record,
        title=document.title,
        labels=labels,
        pieces=len(pieces),
        revision=hashlib.sha256(content.encode("utf-8", "replace")).hexdigest(),
    )
    return Prepared(done, [replace(each, revision=done.revision) for each in pieces])
