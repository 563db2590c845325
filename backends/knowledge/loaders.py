"""Reads one file into a document: picks the format, decodes, says why it cannot."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

from backends.knowledge.documents import Document, UnreadableDocument

LOADER_VERSION = "1"  # part of each document's hash: raise it when output changes
MAX_BYTES = 50 * 2**20

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
}
BINARY_FORMATS = {".pdf": ("pdf", "read"), ".docx": ("word", "read")}
SUFFIXES = frozenset(TEXT_FORMATS) | frozenset(BINARY_FORMATS)


def load(path: Path, name: str, max_bytes: int = MAX_BYTES) -> Document:
    """The document in a file; `UnreadableDocument` tells the reason and the fix."""
    return parse(read_bytes(path, name, max_bytes), name)


def read_bytes(path: Path, name: str, max_bytes: int = MAX_BYTES) -> bytes:
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise UnreadableDocument(
                f"{name!r} has {size / 2**20:.1f} MB, more than the "
                f"{max_bytes / 2**20:.0f} MB allowed; split it or raise the limit"
            )
        return path.read_bytes()
    except OSError as error:
        raise UnreadableDocument(
            f"{name!r} cannot be opened ({error.strerror}); check its permissions"
        ) from error


def parse(data: bytes, name: str) -> Document:
    suffix = Path(name).suffix.lower()
    if not data.strip():
        raise UnreadableDocument(f"{name!r} is empty; fill it or remove it")
    if suffix in TEXT_FORMATS:
        read_text = cast(Callable[[str, str], Document], _reader(*TEXT_FORMATS[suffix]))
        document = read_text(decode(data, name), name)
    elif suffix in BINARY_FORMATS:
        read = cast(Callable[[bytes, str], Document], _reader(*BINARY_FORMATS[suffix]))
        document = read(data, name)
    else:
        raise UnreadableDocument(unknown_type(name))
    if not document.blocks:
        raise UnreadableDocument(f"{name!r} holds no text; fill it or remove it")
    return document


def decode(data: bytes, name: str) -> str:
    """UTF-8 (or UTF-16 with its mark), else what Windows programs wrote before it."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\x00" in data[:4096]:
        encodings = []
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError:
            continue
    raise UnreadableDocument(
        f"{name!r} is no text in UTF-8 or Windows-1252; save it as UTF-8"
    )


def unknown_type(name: str) -> str:
    known = ", ".join(sorted(SUFFIXES))
    return f"{name!r} is of a type that is not read; convert it to one of {known}"


def _reader(module: str, function: str) -> object:
    return getattr(import_module(f"backends.knowledge.formats.{module}"), function)
