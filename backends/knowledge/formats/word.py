"""Word documents (.docx): headings, paragraphs, lists and tables in their order."""

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import docx
from docx.document import Document as WordFile
from docx.opc.exceptions import OpcError
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml import etree

from backends.knowledge.documents import (
    Block,
    Document,
    Headings,
    Kind,
    laid_out,
    table,
    title_from,
    without_title,
)
from backends.knowledge.formats.archive import check_archive, damaged

DAMAGE = (
    *(zipfile.BadZipFile, OpcError, etree.XMLSyntaxError, OSError, EOFError),
    *(LookupError, ValueError, TypeError, AttributeError),
)


def read(data: bytes, name: str) -> Document:
    file = _open(data, name)
    title = file.core_properties.title.strip()
    blocks = list(_blocks(file))
    first = next((block.headings[0] for block in blocks if block.headings), "")
    title = title or first or title_from(name)
    body, placed = laid_out(without_title(blocks, title))
    return Document(name, title, body, placed)


def _open(data: bytes, name: str) -> WordFile:
    check_archive(data, name, "Word")
    try:
        return docx.Document(io.BytesIO(data))
    except DAMAGE as error:
        raise damaged(name, "Word", error) from error


def _blocks(file: WordFile) -> Iterator[Block]:
    headings = Headings()
    lists = Lists(file)
    items: list[str] = []
    for part in file.iter_inner_content():
        words = " ".join(part.text.split()) if isinstance(part, Paragraph) else ""
        level = _level(part)
        mark = lists.mark(part) if isinstance(part, Paragraph) and words else ""
        if mark and level is None:
            items.append(f"{mark} {words}")
            continue
        if items and (words or isinstance(part, Table)):
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


def _level(part: Paragraph | Table) -> int | None:
    if not isinstance(part, Paragraph):
        return None
    name = _style(part)
    if name == "Title":
        return 0
    found = re.match(r"Heading (\d)", name, re.I)
    return int(found[1]) if found else None


def _style(paragraph: Paragraph) -> str:
    style = paragraph.style
    return (style.name or "") if style is not None else ""


class Lists:
    """Counts items as Word does: the numbers stand nowhere in the paragraphs."""

    def __init__(self, file: WordFile) -> None:
        try:
            self._definitions: Any = file.part.numbering_part.element
        except (KeyError, NotImplementedError):  # a file without lists has none
            self._definitions = None
        self._counts: dict[tuple[int, int], int] = {}

    def mark(self, paragraph: Paragraph) -> str:
        """What stands before an item, such as `-` or `3.`; empty for other text."""
        found = self._numbering(paragraph)
        if found is None or self._definitions is None:
            return "-" if _style(paragraph).startswith("List") else ""
        number, level = found
        indent = "   " * level
        if self._format(number, level) == "bullet":
            return f"{indent}-"
        count = self._counts.get((number, level), 0) + 1
        self._counts[number, level] = count
        for deeper in range(level + 1, 9):
            self._counts.pop((number, deeper), None)
        return f"{indent}{count}."

    def _numbering(self, paragraph: Paragraph) -> tuple[int, int] | None:
        """The list and the level of an item, from the paragraph or from its style."""
        properties: list[Any] = [paragraph._p.pPr]  # there is no public accessor
        style: Any = paragraph.style
        while style is not None:
            properties.append(style.element.pPr)
            style = style.base_style
        for each in properties:
            numbering = each.numPr if each is not None else None
            if numbering is not None and numbering.numId is not None:
                level = numbering.ilvl.val if numbering.ilvl is not None else 0
                # Number 0 takes a list away that the style would give.
                return (numbering.numId.val, level) if numbering.numId.val else None
        return None

    def _format(self, number: int, level: int) -> str:
        abstract = self._definitions.xpath(
            f'w:num[@w:numId="{number}"]/w:abstractNumId/@w:val'
        )
        formats = self._definitions.xpath(
            f'w:abstractNum[@w:abstractNumId="{abstract[0] if abstract else ""}"]'
            f'/w:lvl[@w:ilvl="{level}"]/w:numFmt/@w:val'
        )
        return str(formats[0]) if formats else "bullet"
