"""Tables of Markdown as Slack's own tables, or as text where they do not fit."""

from collections.abc import Iterator, Sequence
from typing import Any

from markdown_it.tree import SyntaxTreeNode

from adapters.slack.markdown import plain_text

JSON = dict[str, Any]

MOST_ROWS = 100
MOST_COLUMNS = 20
MOST_CHARACTERS = 8_000
"""Slack takes 10,000 of a table; a message has text beside it."""

WIDEST_ROW = 76
"""Columns of fixed-width type before Slack wraps the rows."""

STYLES = {"strong": "bold", "em": "italic", "s": "strike"}


def rows_of(table: SyntaxTreeNode) -> list[list[SyntaxTreeNode]]:
    """The cells of a table, its header row first."""
    return [list(row.children) for part in table.children for row in part.children]


def fits(table: SyntaxTreeNode) -> bool:
    """Whether Slack takes it as a table."""
    rows = rows_of(table)
    size = sum(len(plain_text(cell)) for row in rows for cell in row)
    return (
        2 <= len(rows) <= MOST_ROWS
        and len(rows[0]) <= MOST_COLUMNS
        and size <= MOST_CHARACTERS
    )


def table_block(table: SyntaxTreeNode) -> JSON:
    """A message can hold one of these."""
    rows = rows_of(table)
    return {
        "type": "table",
        "column_settings": [
            {"align": _alignment(cell), "is_wrapped": True} for cell in rows[0]
        ],
        "rows": [[_cell(cell) for cell in row] for row in rows],
    }


def data_table_block(table: SyntaxTreeNode, caption: str) -> JSON:
    """A table that can be sorted; a message can hold several."""
    header, *body = rows_of(table)
    first = [_raw(plain_text(cell)) for cell in header]
    return {
        "type": "data_table",
        "caption": caption,
        "page_size": 20,
        "rows": [first, *([_cell(cell) for cell in row] for row in body)],
    }


def table_text(table: SyntaxTreeNode) -> str:
    """A table as Markdown without tables: fixed-width rows, or a list if too wide."""
    rows = [[plain_text(cell) for cell in row] for row in rows_of(table)]
    header, *body = rows
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + 3 * len(widths) > WIDEST_ROW:
        return "\n".join(_card(header, row) for row in body)
    lines = [_row(row, widths) for row in rows]
    lines.insert(1, "-+-".join("-" * width for width in widths))
    fixed = "\n".join(lines).replace("```", "'''")
    return f"```\n{fixed}\n```"


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return " | ".join(padded).rstrip()


def _card(header: Sequence[str], row: Sequence[str]) -> str:
    cells = zip(header, row, strict=True)
    return "- " + "; ".join(f"{name}: {value}" for name, value in cells if value)


def _alignment(cell: SyntaxTreeNode) -> str:
    return str(cell.attrs.get("style", "")).removeprefix("text-align:") or "left"


def _cell(cell: SyntaxTreeNode) -> JSON:
    elements = [found for inline in cell.children for found in _inline(inline, {})]
    if all(found["type"] == "text" and "style" not in found for found in elements):
        return _raw("".join(found["text"] for found in elements))
    section = {"type": "rich_text_section", "elements": elements}
    return {"type": "rich_text", "elements": [section]}


def _raw(text: str) -> JSON:
    # Slack takes no empty cell.
    return {"type": "raw_text", "text": text.strip() or "\u00a0"}


def _inline(node: SyntaxTreeNode, style: dict[str, bool]) -> Iterator[JSON]:
    """The words of a cell, each with what is bold, a link and so on."""
    for child in node.children:
        match child.type:
            case "text" if child.content:
                yield _styled(child.content, style)
            case "code_inline":
                yield _styled(child.content, style | {"code": True})
            case "softbreak" | "hardbreak":
                yield _styled(" ", style)
            case "link":
                url = str(child.attrs.get("href", ""))
                words = {"text": plain_text(child)} if plain_text(child) else {}
                marks = {"style": dict(style)} if style else {}
                yield {"type": "link", "url": url} | words | marks
            case kind if kind in STYLES:
                yield from _inline(child, style | {STYLES[kind]: True})


def _styled(text: str, style: dict[str, bool]) -> JSON:
    return {"type": "text", "text": text} | ({"style": dict(style)} if style else {})
