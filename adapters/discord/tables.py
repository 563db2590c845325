"""Tables in fixed-width type: Discord knows no others."""

from collections.abc import Sequence

WIDEST = 60
"""Columns that a table may take before Discord wraps its rows."""

LONGEST = 1_800
"""Characters of one table; a longer one is parted between rows, to fit a message."""


def tables(rows: Sequence[Sequence[str]]) -> list[str] | None:
    """A table drawn, as several under the same header if it is long.

    None when it is too wide to be read so.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + 3 * len(widths) > WIDEST:
        return None
    header, *body = (_row(row, widths) for row in rows)
    head = f"{header}\n" + "-+-".join("-" * width for width in widths)
    drawn = [head]
    for line in body:
        if len(drawn[-1]) + 1 + len(line) > LONGEST:
            drawn.append(head)
        drawn[-1] += f"\n{line}"
    return drawn


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return " | ".join(padded).rstrip()
