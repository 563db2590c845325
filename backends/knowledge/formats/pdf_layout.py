"""From the lines of a PDF to blocks: headings, paragraphs, lists and simple tables."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from backends.knowledge.documents import Block, Headings, Kind, table

LARGER = 1.1  # a heading's type is at least this much larger than the body's
LONGEST_HEADING = 100  # characters
APART = 1.3  # times the usual distance of lines ends a paragraph
ALIGNED = 3.0  # points that cells of one column may differ in where they begin
NARROW = 0.4  # of the type's size is less than a letter's usual width
WRAPPED = 1.8  # times the size of type: closer lines of a table are one row
ITEM = re.compile(r"(?:[-•▪–*]|\d{1,2}[.)])\s+\S")
SENTENCE_END = re.compile(r"[.!?:;][\"'”’)]*$")


@dataclass(frozen=True, slots=True)
class Cell:
    """Text that was drawn in one go: a whole line, or its part in one column."""

    text: str
    x: float
    y: float
    size: float


@dataclass(frozen=True, slots=True)
class Line:
    """What stands side by side on a page."""

    cells: tuple[Cell, ...]
    page: int

    @property
    def text(self) -> str:
        return " ".join(cell.text for cell in self.cells)

    @property
    def size(self) -> float:
        return max(cell.size for cell in self.cells)

    @property
    def y(self) -> float:
        return self.cells[0].y


def blocks(lines: Sequence[Line]) -> Iterator[Block]:
    headings = Headings()
    levels = _levels(lines)
    distance = _usual_distance(lines)
    paragraph: list[Line] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        rows, used = _table(lines, at)
        level = (
            None if rows or len(line.text) > LONGEST_HEADING else levels.get(line.size)
        )
        if paragraph and (rows or level or _ended(paragraph, line, distance)):
            yield _block(paragraph, headings.path)
            paragraph = []
        if rows:
            yield Block(table(rows), Kind.TABLE, headings.path, line.page)
        elif level:
            headings.enter(level, line.text)
        else:
            paragraph.append(line)
        at += used or 1
    if paragraph:
        yield _block(paragraph, headings.path)


def _levels(lines: Sequence[Line]) -> dict[float, int]:
    """The sizes of type that headings have, the largest being level 1."""
    weights: Counter[float] = Counter()
    for line in lines:
        weights[line.size] += len(line.text)
    body = weights.most_common(1)[0][0]
    larger = sorted((size for size in weights if size >= body * LARGER), reverse=True)
    return {size: level for level, size in enumerate(larger, 1)}


def _usual_distance(lines: Sequence[Line]) -> float:
    """From one line to the next inside a paragraph; 0 where there is no telling."""
    distances = Counter(
        round(above.y - below.y)
        for above, below in pairwise(lines)
        if above.page == below.page and above.y - below.y > 1
    )
    return distances.most_common(1)[0][0] if distances else 0.0


def _table(lines: Sequence[Line], at: int) -> tuple[list[list[str]], int]:
    """The rows that begin here, if they do, and how many lines they take.

    The first line sets the columns; the cells of the others begin where its cells do.
    """
    columns = [cell.x for cell in lines[at].cells]
    found: list[tuple[int, Cell]] = []  # the number of its column, and the cell
    ends: list[tuple[float, int]] = []  # the height of each line, and lines until then
    for line in lines[at:] if len(columns) > 1 else ():
        cells = [(_column(columns, cell), cell) for cell in line.cells]
        if line.page != lines[at].page or any(place < 0 for place, _ in cells):
            break
        found.extend(cells)
        ends.append((min(cell.y for cell in line.cells), len(ends) + 1))
    rows = _rows(found)
    while rows and not any(place for place, _ in rows[-1]):
        rows.pop()  # what looks like a row with a first cell only is the text below
    if len(rows) < 2:
        return [], 0
    lowest = min(cell.y for _, cell in rows[-1])
    used = max(count for y, count in ends if y >= lowest)
    return [_texts(row, len(columns)) for row in rows], used


def _column(columns: Sequence[float], cell: Cell) -> int:
    """The column a cell stands in, or -1; a long line of text stands in none."""
    for place, x in enumerate(columns):
        if abs(cell.x - x) <= ALIGNED:
            room = columns[place + 1] - x if place + 1 < len(columns) else float("inf")
            return place if len(cell.text) * cell.size * NARROW <= room else -1
    return -1


def _rows(cells: Sequence[tuple[int, Cell]]) -> list[list[tuple[int, Cell]]]:
    """Cells in rows, by their height.

    The lines of one cell are closer to each other than rows are. How far rows are apart
    shows at the header; where that is no more than between lines, each line is a row.
    """
    ordered = sorted(cells, key=lambda each: (-each[1].y, each[0]))
    heights = sorted({cell.y for _, cell in cells}, reverse=True)
    gaps = [above - below for above, below in pairwise(heights) if above - below > 1]
    apart = min(gaps[0] * 0.9, ordered[0][1].size * WRAPPED) if gaps else 0.0
    rows: list[list[tuple[int, Cell]]] = []
    last = float("inf")
    for place, cell in ordered:
        if last - cell.y > apart:
            rows.append([])
        rows[-1].append((place, cell))
        last = cell.y
    return rows


def _texts(row: Sequence[tuple[int, Cell]], width: int) -> list[str]:
    texts = [""] * width
    for place, cell in row:
        texts[place] = f"{texts[place]} {cell.text}".strip()
    return texts


def _ended(paragraph: Sequence[Line], line: Line, distance: float) -> bool:
    """Whether the paragraph ended before this line."""
    last = paragraph[-1]
    listed = ITEM.match(paragraph[0].text) is not None
    if ITEM.match(line.text):
        return not listed
    if line.page != last.page:
        return SENTENCE_END.search(last.text) is not None
    if distance and last.y > line.y:
        return last.y - line.y > distance * APART
    usual = max(len(each.text) for each in paragraph)
    return SENTENCE_END.search(last.text) is not None and len(last.text) < usual * 0.7


def _block(lines: Sequence[Line], headings: tuple[str, ...]) -> Block:
    if ITEM.match(lines[0].text):
        text, kind = _items(lines), Kind.LIST
    else:
        text, kind = _joined(lines), Kind.TEXT
    return Block(text, kind, headings, page=lines[0].page)


def _items(lines: Sequence[Line]) -> str:
    items: list[list[Line]] = []
    for line in lines:
        if ITEM.match(line.text) or not items:
            items.append([line])
        else:
            items[-1].append(line)
    return "\n".join(re.sub(r"^[•▪–*]", "-", _joined(item)) for item in items)


def _joined(lines: Sequence[Line]) -> str:
    """Lines as one paragraph; a word that was hyphenated at a line's end is mended."""
    text = lines[0].text
    for line in lines[1:]:
        if re.search(r"[a-z]-$", text) and line.text[:1].islower():
            text = text[:-1] + line.text
        else:
            text = f"{text} {line.text}"
    return text
