"""Word documents (.docx): headings, paragraphs, lists and tables in their order."""

import io
import re
import zipfile
from collections.abc import Iterator

import docx
from docx.document import Document as WordFile
from docx.opc.exceptions import OpcError
from docx.table import Table
from docx.text.paragraph import Paragraph

from backends.knowledge.documents import (
    Block,
    Document,
    Headings,
    Kind,
    UnreadableDocument,
    laid_out,
    table,
    title_from,
    without_title,
)

# A Word file is a zip: a small one can unpack to more than the memory holds.
MAX_UNPACKED = 500 * 2**20
OLD_FORMAT = b"\xd0\xcf\x11\xe0"  # .doc, and what Word makes of a password


def read(data: bytes, name: str) -> Document:
    file = _open(data, name)
    title = file.core_properties.title.strip()
    blocks = list(_blocks(file))
    first = next((block.headings[0] for block in blocks if block.headings), "")
    title = title or first or title_from(name)
    body, placed = laid_out(without_title(blocks, title))
    return Document(name, title, body, placed)


def _open(data: bytes, name: str) -> WordFile:
    if data.startswith(OLD_FORMAT):
        raise UnreadableDocument(
            f"{name!r} is encrypted or in the old .doc format; "
            "save it as .docx without a password"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED:
                raise UnreadableDocument(f"{name!r} unpacks to more than 500 MB")
        return docx.Document(io.BytesIO(data))
    except (zipfile.BadZipFile, OpcError, KeyError, ValueError, SyntaxError) as error:
        raise UnreadableDocument(
            f"{name!r} is damaged or not a Word file ({error}); "
            "open it in Word and save it again"
        ) from error


def _blocks(file: WordFile) -> Iterator[Block]:
    headings = Headings()
    items: list[str] = []
    for part in file.iter_inner_content():
        level = _level(part)
        words = " ".join(part.text.split()) if isinstance(part, Paragraph) else ""
        if isinstance(part, Paragraph) and _is_item(part):
            if words:
                items.append(f"- {words}")
            continue
        if items:
            yield Block("\n".join(items), Kind.LIST, headings.path)
            items.clear()
        if isinstance(part, Table):
            rows = [[cell.text for cell in row.cells] for row in part.rows]
            if any(any(row) for row in rows):
                yield Block(table(rows), Kind.TABLE, headings.path)
        elif words and level is not None:
            headings.enter(level, words)
        elif words:
            yield Block(words, Kind.TEXT, headings.path)
    if items:
        yield Block("\n".join(items), Kind.LIST, headings.path)


def _style(paragraph: Paragraph) -> str:
    style = paragraph.style
    return (style.name or "") if style is not None else ""


def _level(part: Paragraph | Table) -> int | None:
    if not isinstance(part, Paragraph):
        return None
    name = _style(part)
    if name == "Title":
        return 0
    found = re.match(r"Heading (\d)", name, re.I)
    return int(found[1]) if found else None


def _is_item(paragraph: Paragraph) -> bool:
    properties = paragraph._p.pPr  # there is no public accessor
    numbered = properties is not None and properties.numPr is not None
    return _style(paragraph).startswith("List") or (
        numbered and _level(paragraph) is None
    )
