"""PDF files: their lines with page, place and size of type, for the layout to read."""

import io
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from pypdf import PageObject, PasswordType, PdfReader
from pypdf.errors import PyPdfError

from backends.knowledge.documents import (
    Document,
    UnreadableDocument,
    laid_out,
    title_from,
    without_title,
)
from backends.knowledge.formats.pdf_layout import Cell, Line, blocks

# A damaged file can fail anywhere inside the reader, with whatever its bytes provoke.
DAMAGE = (
    PyPdfError,
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
EDGE = 2  # lines at the top and bottom of a page that may be running heads
REPEATED = 0.6  # of all pages carry a line, so it is one
SAME_LINE = 0.4  # of the type's size: a raised figure still belongs to its line
LOOK_BACK = 8  # lines
MADE_UP = re.compile(r"\.\w{2,4}$|^(untitled|microsoft word)", re.I)

logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def read(data: bytes, name: str) -> Document:
    try:
        reader = _open(data, name)
        pages = [_lines(page, number) for number, page in enumerate(reader.pages, 1)]
        title = _title(reader)
    except DAMAGE as error:
        raise UnreadableDocument(
            f"{name!r} is a damaged PDF ({error}); print it to a new PDF and try again"
        ) from error
    lines = [line for page in _without_edges(pages) for line in page]
    if not lines:
        raise UnreadableDocument(
            f"{name!r} holds no text, only images (a scan?); "
            "run it through text recognition first, for example `ocrmypdf`"
        )
    title = title or title_from(name)
    body, placed = laid_out(without_title(blocks(lines), title))
    return Document(name, title, body, placed)


def _open(data: bytes, name: str) -> PdfReader:
    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
        raise UnreadableDocument(f"{name!r} needs a password; save a copy without one")
    return reader


def _title(reader: PdfReader) -> str:
    """The file's own title, unless a word processor made it of the file's name."""
    info = reader.metadata
    title = " ".join((info.title or "").split()) if info else ""
    return (
        ""
        if re.search(r"\.\w{2,4}$|^(untitled|microsoft word)", title, re.I)
        else title
    )


def _lines(page: PageObject, number: int) -> list[Line]:
    lines: list[list[Cell]] = []
    begun = False  # whether a line feed came since the last text

    def take(
        text: str,
        shift: Sequence[float],
        place: Sequence[float],
        _font: object,
        size: float,
    ) -> None:
        nonlocal begun
        x = place[4] * shift[0] + place[5] * shift[2] + shift[4]
        y = place[4] * shift[1] + place[5] * shift[3] + shift[5]
        scale = abs(place[3] * shift[3]) or 1.0
        for position, part in enumerate(text.split("\n")):
            begun = begun or position > 0
            words = " ".join(part.split())
            if words:
                cell = Cell(words, x, y, round(size * scale, 1))
                _line_of(cell, lines, begun).append(cell)
                begun = False

    page.extract_text(visitor_text=take)
    return [Line(tuple(cells), number) for cells in lines]


def _line_of(cell: Cell, lines: list[list[Cell]], begun: bool) -> list[Cell]:
    """The line that a piece of text belongs to, by its height on the page.

    A table is often drawn cell by cell: the second cell of a row follows all lines of
    the first one, so it belongs to a line some way back.
    """
    for line in reversed(lines[-LOOK_BACK:]):
        level = abs(line[0].y - cell.y) <= cell.size * SAME_LINE
        if level and (cell.x > line[-1].x or (line is lines[-1] and not begun)):
            return line
    lines.append([])
    return lines[-1]


def _without_edges(pages: Sequence[Sequence[Line]]) -> Iterator[list[Line]]:
    """Pages without running heads and feet, which differ by the page number at most."""
    seen = Counter(
        _pattern(line)
        for lines in pages
        for line in {
            id(line): line for line in (*lines[:EDGE], *lines[-EDGE:])
        }.values()
    )
    often = max(2.0, len(pages) * REPEATED)
    for lines in pages:
        yield [
            line
            for at, line in enumerate(lines)
            if EDGE <= at < len(lines) - EDGE or seen[_pattern(line)] < often
        ]


def _pattern(line: Line) -> str:
    return re.sub(r"\d+", "#", line.text)
