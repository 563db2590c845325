"""Reads one file into a document: picks the format, decodes, says why it cannot."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import cast

from backends.knowledge.documents import Block, Document, UnreadableDocument
from backends.knowledge.process_pool import LimitExceeded, ProcessLimits, ProcessPool

LOADER_VERSION = "1"  # part of each document's hash: raise it when output changes
MAX_BYTES = 50 * 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """What the reading of one file may take; `memory` is in bytes too."""

    bytes: int = MAX_BYTES
    memory: int = 2**30
    seconds: float = 60

    @property
    def process(self) -> ProcessLimits:
        return ProcessLimits(self.memory, self.seconds)


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Page:
    """The text of a page; formats without pages are one, numbered None."""

    number: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Upload:
    """What was read from a file that somebody attached."""

    name: str
    title: str
    pages: tuple[Page, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(page.text for page in self.pages)


# Each format's module is imported when its first file comes: a team without PDFs does
# not pay for a PDF reader.
TEXT_FORMATS = {
    ".md": ("markdown", "read"),
    ".markdown": ("markdown", "read"),
    ".txt": ("plain", "read_text"),
    ".text": ("plain", "read_text"),
    ".csv": ("plain", "read_csv"),
    ".html": ("html", "read"),
    ".htm": ("html", "read"),
    ".json": ("data", "read"),
    ".jsonl": ("data", "read_lines"),
}
BINARY_FORMATS = {
    ".pdf": ("pdf", "read"),
    ".docx": ("word", "read"),
    ".xlsx": ("excel", "read"),
    ".pptx": ("slides", "read"),
    ".eml": ("mail", "read"),
}
OFFICE = "application/vnd.openxmlformats-officedocument"
MEDIA_TYPES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "application/json": ".json",
    "application/pdf": ".pdf",
    f"{OFFICE}.wordprocessingml.document": ".docx",
    f"{OFFICE}.spreadsheetml.sheet": ".xlsx",
    f"{OFFICE}.presentationml.presentation": ".pptx",
    "message/rfc822": ".eml",
}
SUFFIXES = frozenset(TEXT_FORMATS) | frozenset(BINARY_FORMATS)


def load(path: Path, name: str, max_bytes: int = MAX_BYTES) -> Document:
    """The document in a file; `UnreadableDocument` tells the reason and the fix."""
    return parse(read_bytes(path, name, max_bytes), name)


def read_bytes(path: Path, name: str, max_bytes: int = MAX_BYTES) -> bytes:
    try:
        check_size(path.stat().st_size, name, max_bytes)
        return path.read_bytes()
    except OSError as error:
        raise UnreadableDocument(
            f"{name!r} cannot be opened ({error.strerror}); check its permissions"
        ) from error


async def read_upload(
    name: str, media_type: str, data: bytes, limits: Limits = DEFAULT_LIMITS
) -> Upload:
    """The text of an attached file, read in a process of its own within the limits.

    Raises `UnreadableDocument` with the reason and what helps.
    """
    check_size(len(data), name, limits.bytes)
    suffix = suffix_of(name, media_type)
    async with ProcessPool(1, limits.process) as pool:
        try:
            document = await pool.run(parse, data, name, suffix)
        except LimitExceeded as error:
            raise UnreadableDocument(too_costly(name, error)) from error
    pages = tuple(
        Page(number, "\n\n".join(block.text for block in blocks))
        for number, blocks in groupby(_with_headings(document), lambda each: each.page)
    )
    return Upload(name, document.title, pages)


def _with_headings(document: Document) -> Iterator[Block]:
    """The blocks, each new heading written before the block that it leads."""
    before: tuple[str, ...] = ()
    for block in document.blocks:
        new = [
            f"{'#' * (level + 1)} {heading}"
            for level, heading in enumerate(block.headings)
            if block.headings[: level + 1] != before[: level + 1]
        ]
        before = block.headings
        yield replace(block, text="\n\n".join([*new, block.text]))


def parse(data: bytes, name: str, suffix: str = "") -> Document:
    """The document in these bytes; `suffix` where the name's own does not tell."""
    suffix = suffix or Path(name).suffix.lower()
    if not data.strip():
        raise UnreadableDocument(f"{name!r} is empty; fill it or remove it")
    try:
        document = _parse(data, name, suffix)
    except RecursionError as error:
        raise UnreadableDocument(
            f"{name!r} is nested too deeply; save it in a simpler format"
        ) from error
    if not document.blocks:
        raise UnreadableDocument(f"{name!r} holds no text; fill it or remove it")
    return document


def _parse(data: bytes, name: str, suffix: str) -> Document:
    if suffix in TEXT_FORMATS:
        read_text = cast(Callable[[str, str], Document], _reader(*TEXT_FORMATS[suffix]))
        return read_text(decode(data, name), name)
    if suffix in BINARY_FORMATS:
        read = cast(Callable[[bytes, str], Document], _reader(*BINARY_FORMATS[suffix]))
        return read(data, name)
    raise UnreadableDocument(unknown_type(name))


def check_size(size: int, name: str, allowed: int) -> None:
    if size > allowed:
        raise UnreadableDocument(
            f"{name!r} has {size / 2**20:.1f} MB, more than the "
            f"{allowed / 2**20:.0f} MB allowed; split it or raise the limit"
        )


def suffix_of(name: str, media_type: str) -> str:
    """What the file is: its name's suffix if that is read, else by its media type."""
    suffix = Path(name).suffix.lower()
    if suffix in SUFFIXES:
        return suffix
    media_type = media_type.partition(";")[0].strip().lower()
    known = MEDIA_TYPES.get(media_type)
    return known or (".txt" if media_type.startswith("text/") else suffix)


def too_costly(name: str, error: LimitExceeded) -> str:
    return f"{name!r} was given up: {error}; split it, or save it in a simpler format"


def decode(data: bytes, name: str) -> str:
    """UTF-8 (or UTF-16 with its mark), else what a page says or Windows wrote."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\x00" in data[:4096]:
        encodings = []
    else:
        encodings = ["utf-8-sig", *_declared(data, name), "cp1252"]
    for encoding in encodings:
        try:
            return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        except (UnicodeDecodeError, LookupError):
            continue
    raise UnreadableDocument(
        f"{name!r} is no text in UTF-8 or Windows-1252; save it as UTF-8"
    )


def _declared(data: bytes, name: str) -> list[str]:
    """The encoding that an HTML page names."""
    if not name.lower().endswith((".html", ".htm")):
        return []
    found = re.search(rb"charset\s*=\s*[\"']?([\w-]{2,20})", data[:2048], re.IGNORECASE)
    return [found[1].decode("ascii")] if found else []


def unknown_type(name: str) -> str:
    known = ", ".join(sorted(SUFFIXES))
    return f"{name!r} is of a type that is not read; convert it to one of {known}"


def _reader(module: str, function: str) -> object:
    return getattr(import_module(f"backends.knowledge.formats.{module}"), function)
