"""Rows of cells as blocks: a table, or where that would be too wide, a list a row."""

from collections.abc import Iterator, Sequence

from backends.knowledge.documents import Block, Kind, cell_text, table

WIDE = 24  # columns: the header of a wider table would drown each of its rows


def row_blocks(
    rows: Sequence[Sequence[str]], headings: tuple[str, ...] = ()
) -> Iterator[Block]:
    """Blocks of rows, the first of which is the header."""
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        return
    header = rows[0]
    if max(map(len, rows)) <= WIDE:
        yield Block(table(rows), Kind.TABLE, headings)
        return
    for number, row in enumerate(rows[1:], 2):
        lines = [
            f"- {cell_text(_title(header, column))}: {cell_text(cell)}"
            for column, cell in enumerate(row)
            if cell.strip()
        ]
        label = next((cell_text(cell) for cell in row if cell.strip()), f"{number}")
        yield Block("\n".join(lines), Kind.LIST, (*headings, label))


def _title(header: Sequence[str], column: int) -> str:
    named = column < len(header) and header[column].strip()
    return header[column] if named else f"column {column + 1}"
