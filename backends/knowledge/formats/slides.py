"""PowerPoint files (.pptx): each slide a page under its title, with its notes."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

from backends.knowledge.documents import (
    Block,
    Document,
    Kind,
    laid_out,
    table,
    title_from,
    without_title,
)
from backends.knowledge.formats.archive import check_archive, damaged, not_installed

DAMAGE = (
    *(zipfile.BadZipFile, etree.XMLSyntaxError, OSError, EOFError),
    *(ValueError, TypeError, LookupError, AttributeError),
)


def read(data: bytes, name: str) -> Document:
    check_archive(data, name, "PowerPoint")
    try:
        from pptx import Presentation
        from pptx.exc import PythonPptxError
    except ImportError as error:
        raise not_installed(name, error) from error
    try:
        deck = Presentation(io.BytesIO(data))
        title = " ".join((deck.core_properties.title or "").split())
        blocks = [
            block
            for number, slide in enumerate(deck.slides, 1)
            for block in _blocks(slide, number)
        ]
    except (PythonPptxError, *DAMAGE) as error:
        raise damaged(name, "PowerPoint", error) from error
    if title in ("", "PowerPoint Presentation"):
        title = next((each.headings[0] for each in blocks if each.headings), "")
    title = title or title_from(name)
    body, placed = laid_out(without_title(blocks, title))
    return Document(name, title, body, placed)


def _blocks(slide: Any, number: int) -> Iterator[Block]:
    first = slide.shapes.title
    heading = " ".join(first.text_frame.text.split()) if first is not None else ""
    headings = (heading,) if heading else ()
    found = False
    for shape in _shapes(slide.shapes):
        if first is not None and shape.shape_id == first.shape_id:
            continue
        for text, kind in _texts(shape):
            found = True
            yield Block(text, kind, headings, number)
    if heading and not found:
        yield Block(heading, Kind.TEXT, (), number)
    notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
    if notes is not None and notes.text.strip():
        yield Block(notes.text.strip(), Kind.TEXT, (*headings, "Notes"), number)


def _shapes(shapes: Iterable[Any]) -> Iterator[Any]:
    """The shapes, and those inside of groups."""
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        else:
            yield shape


def _texts(shape: Any) -> Iterator[tuple[str, Kind]]:
    if getattr(shape, "has_table", False):
        rows = [[cell.text for cell in row.cells] for row in shape.table.rows]
        if any(any(map(str.strip, row)) for row in rows):
            yield table(rows), Kind.TABLE
    elif getattr(shape, "has_text_frame", False):
        lines = [
            (paragraph.level, " ".join(paragraph.text.split()))
            for paragraph in shape.text_frame.paragraphs
        ]
        lines = [(level, text) for level, text in lines if text]
        if len(lines) == 1:
            yield lines[0][1], Kind.TEXT
        elif lines:
            items = [f"{'  ' * level}- {text}" for level, text in lines]
            yield "\n".join(items), Kind.LIST
