"""Plain text and comma-separated rows."""

import csv
import io
import re

from backends.knowledge.documents import (
    Block,
    Document,
    Kind,
    UnreadableDocument,
    laid_out,
    title_from,
)
from backends.knowledge.formats.rows import row_blocks

PARAGRAPH = re.compile(r"\S(?:.*?)(?=\n[ \t]*\n|\Z)", re.S)
ITEM = re.compile(r"[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t]+\S")
MAX_CELL = 1_000_000


def read_text(text: str, name: str) -> Document:
    blocks = []
    for found in PARAGRAPH.finditer(text):
        paragraph = found[0].rstrip()
        items = all(ITEM.match(line) for line in paragraph.splitlines())
        blocks.append(
            Block(
                text=paragraph,
                kind=Kind.LIST if items else Kind.TEXT,
                start=found.start(),
                end=found.start() + len(paragraph),
            )
        )
    return Document(name, title_from(name), text, tuple(blocks))


def read_csv(text: str, name: str) -> Document:
    """One table; cutting it repeats the header over each group of rows."""
    try:
        dialect: type[csv.Dialect] = csv.Sniffer().sniff(text[:20_000], ",;\t|")
    except csv.Error:
        dialect = csv.excel  # one column, or too few rows to tell
    csv.field_size_limit(MAX_CELL)
    try:
        read = csv.reader(io.StringIO(text), dialect)
        rows = [row for row in read if any(map(str.strip, row))]
    except csv.Error as error:
        raise UnreadableDocument(
            f"{name!r} is not a proper CSV file ({error}); save it again as CSV"
        ) from error
    body, placed = laid_out(row_blocks(rows))
    return Document(name, title_from(name), body, placed)
