"""Carries documents from one collection into another, made with something else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from backends.knowledge.ingest import Progress, Report
from backends.knowledge.store import DocumentRecord, Entry, VectorStore
from backends.knowledge.writing import Prepared, Writer

TOGETHER = 32  # documents that are read at once

Tell = Callable[[Progress], None]


async def carry_over(
    old: VectorStore, new: VectorStore, writer: Writer, report: Report, tell: Tell
) -> None:
    """Embed anew, from their stored text, the documents that `new` does not have.

    Whatever became of their files: nothing that could be found before is lost.
    """
    known, there = await old.documents(), await new.documents()
    missing = [known[name] for name in known if name not in there]
    for done, records in _batches(missing):
        for prepared in await _read(old, records):
            await writer.write([prepared])
            report.passages += len(prepared.pieces)
            report.changed.append(prepared.record.name)
        tell(Progress(done, len(missing), records[-1].name, report.passages))


async def catch_up(old: VectorStore, new: VectorStore, writer: Writer) -> None:
    """Repeat what was taught, and forgotten, while the others were carried over."""
    known, there = await old.documents(), await new.documents()
    changed = [
        record
        for name, record in known.items()
        if name.startswith("taught/") and there.get(name) != record
    ]
    await writer.write(await _read(old, changed))
    await new.delete(
        [name for name in there if name.startswith("taught/") and name not in known]
    )


async def copy(old: VectorStore, new: VectorStore, tell: Tell) -> int:
    """Copy what `new` does not have yet, vectors included; how many documents.

    Ended at any moment, it goes on where it was when it is called again.
    """
    known, there = await old.documents(), await new.documents()
    missing = [record for name, record in known.items() if there.get(name) != record]
    passages = 0
    for done, records in _batches(missing):
        names = [record.name for record in records]
        await new.delete(names)
        entries = await old.entries(names)
        await new.upsert(entries)
        for record in records:
            await new.record(record)
        passages += len(entries)
        tell(Progress(done, len(missing), names[-1], passages))
    await new.flush()
    return len(missing)


def _batches(
    records: Sequence[DocumentRecord],
) -> Iterator[tuple[int, Sequence[DocumentRecord]]]:
    for start in range(0, len(records), TOGETHER):
        batch = records[start : start + TOGETHER]
        yield start + len(batch), batch


async def _read(
    store: VectorStore, records: Sequence[DocumentRecord]
) -> list[Prepared]:
    """Documents as they were before they were embedded."""
    entries = _grouped(await store.entries([record.name for record in records]))
    prepared = []
    for record in records:
        pieces = [
            entry.piece
            for entry in entries.get(record.name, [])
            if not record.digest or entry.piece.revision == record.revision
        ]
        pieces.sort(key=lambda piece: piece.position)
        prepared.append(Prepared(record, pieces))
    return prepared


def _grouped(entries: Sequence[Entry]) -> Mapping[str, list[Entry]]:
    def document(entry: Entry) -> str:
        return entry.piece.document

    ordered = sorted(entries, key=document)
    return {name: list(group) for name, group in groupby(ordered, document)}
