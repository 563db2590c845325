"""Answers that a reviewer gave: files in the data folder, documents in a collection."""

import asyncio
import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from backends.base import BackendError
from backends.knowledge.chunking import CHUNKER_VERSION, cut
from backends.knowledge.formats import markdown
from backends.knowledge.store import DocumentRecord, VectorStore
from backends.knowledge.writing import Prepared, Writer

PREFIX = "taught/"
NAME = re.compile(rf"{PREFIX}([a-z0-9-]+)")
SLUG_LENGTH = 48


class NothingTaught(BackendError):
    """A question or an answer is empty, or nobody could see it."""


class NotTaught(BackendError):
    """A document is not one that was taught."""


@dataclass(frozen=True, slots=True)
class Taught:
    """A reviewed question with its answer in Markdown.

    `source` says where it comes from: a link, or the reviewer's name.
    """

    question: str
    answer: str
    labels: frozenset[str]
    source: str = ""
    date: str = ""

    @property
    def document(self) -> str:
        """Its name in the collection, the same for the same question."""
        asked = " ".join(self.question.casefold().split()).rstrip("?!. ")
        words = re.sub(r"[^a-z0-9]+", "-", asked).strip("-")[:SLUG_LENGTH].strip("-")
        digest = hashlib.sha256(asked.encode()).hexdigest()[:12]
        return f"{PREFIX}{words}-{digest}" if words else f"{PREFIX}{digest}"

    def check(self) -> None:
        """Raises `NothingTaught`."""
        for what in ("question", "answer", "labels"):
            value = getattr(self, what)
            if not (value.strip() if isinstance(value, str) else value):
                raise NothingTaught(
                    f"the {what} of what is to be taught: nothing there"
                )

    def prepared(self) -> Prepared:
        """The answer as a document, the question being its title."""
        # An empty line before it: what looks like front matter must not set labels.
        read = markdown.read(f"\n{self.answer}", self.document)
        title = " ".join(self.question.split())
        link = self.source if self.source.startswith(("http://", "https://")) else ""
        document = replace(read, title=title, link=link, date=self.date)
        content = f"{CHUNKER_VERSION}\n{self.to_json()}"
        digest = hashlib.sha256(content.encode()).hexdigest()
        pieces = cut(document, self.labels, digest)
        record = DocumentRecord(
            name=self.document,
            digest=digest,
            title=title,
            source=self.source,
            labels=self.labels,
            pieces=len(pieces),
            revision=digest,
        )
        return Prepared(record, pieces)

    def to_json(self) -> str:
        fields = asdict(self) | {"labels": sorted(self.labels)}
        return json.dumps(fields, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Taught":
        fields = json.loads(text)
        return cls(**fields | {"labels": frozenset(fields["labels"])})


class TaughtAnswers:
    """What a collection was taught, a file each, so that it survives a rebuild."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.json"))

    def read(self, path: Path) -> Taught:
        """Raises `BackendError` for a damaged file."""
        try:
            return Taught.from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BackendError(
                f"the taught answer in {str(path)!r} cannot be read ({error}); "
                "restore it from a backup, or delete the file"
            ) from error

    def all(self) -> list[Taught]:
        return [self.read(path) for path in self.paths()]

    def write(self, taught: Taught) -> None:
        """Durable when this returns; in place of an earlier answer."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(taught.document)
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            file.write(taught.to_json())
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)

    def remove(self, document: str) -> bool:
        """Whether it was there."""
        path = self._path(document)
        there = path.exists()
        path.unlink(missing_ok=True)
        return there

    def _path(self, document: str) -> Path:
        found = NAME.fullmatch(document)
        if found is None:
            raise NotTaught(f"{document!r} is no document that was taught")
        return self._folder / f"{found[1]}.json"


async def bring_back(
    answers: TaughtAnswers, store: VectorStore, writer: Writer
) -> list[tuple[str, str]]:
    """Store what a crash or a rebuild left out; returns what cannot be read."""
    known = await store.documents()
    missing: list[Prepared] = []
    skipped: list[tuple[str, str]] = []
    for path in await asyncio.to_thread(answers.paths):
        try:
            taught = (await asyncio.to_thread(answers.read, path)).prepared()
        except BackendError as error:
            skipped.append((f"{PREFIX}{path.stem}", str(error)))
            continue
        found = known.get(taught.record.name)
        if found is None or found.digest != taught.record.digest:
            missing.append(taught)
    await writer.write(missing)
    return skipped
