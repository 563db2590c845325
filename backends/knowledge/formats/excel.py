"""Excel files (.xlsx): each sheet a table, with the values that formulas had."""

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any
from xml.etree.ElementTree import ParseError

from backends.knowledge.documents import (
    Document,
    UnreadableDocument,
    laid_out,
    title_from,
)
from backends.knowledge.formats.archive import check_archive, damaged, not_installed
from backends.knowledge.formats.rows import row_blocks

DAMAGE = (
    *(zipfile.BadZipFile, ParseError, SyntaxError, OSError, EOFError),
    *(ValueError, TypeError, LookupError, AttributeError),
)


def read(data: bytes, name: str) -> Document:
    check_archive(data, name, "Excel")
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise not_installed(name, error) from error
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = [
            (sheet.title, list(_rows(sheet)))
            for sheet in book.worksheets
            if sheet.sheet_state == "visible"
        ]
        title = " ".join((book.properties.title or "").split())
    except DAMAGE as error:
        raise damaged(name, "Excel", error) from error
    alone = len(sheets) == 1
    blocks = [
        block
        for sheet, rows in sheets
        for block in row_blocks(rows, () if alone else (sheet,))
    ]
    if not blocks and any(rows for _, rows in sheets):
        raise UnreadableDocument(
            f"{name!r} holds no table with a header and rows; add a row of titles"
        )
    body, placed = laid_out(blocks)
    return Document(name, title or title_from(name), body, placed)


def _rows(sheet: Any) -> Iterator[list[str]]:
    """The rows with something in them."""
    sheet.reset_dimensions()  # what a file says of its size may be anything
    for row in sheet.iter_rows():
        cells = [_text(cell.value, cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield cells


def _text(value: object, cell: Any) -> str:
    """A value as the sheet shows it, near enough to be quoted."""
    if value is None:
        return ""
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, datetime | date | time):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        if "%" in (cell.number_format or ""):
            return f"{value * 100:.10g}%"
        return f"{value:.15g}"
    return str(value).strip()
