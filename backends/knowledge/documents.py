"""The neutral form of a document: blocks of text that know where they stand."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from backends.base import BackendError


class UnreadableDocument(BackendError):
    """A file that no document can be made of; the message says why and the fix."""


class Kind(StrEnum):
    """What a block is. Tables and lists are Markdown, whatever the file was."""

    TEXT = "text"
    LIST = "list"
    TABLE = "table"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list, table or piece of code under its headings.

    `start` and `end` count characters of `Document.text`.
    """

    text: str
    kind: Kind = Kind.TEXT
    headings: tuple[str, ...] = ()
    page: int | None = None
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A file after reading. `labels` is None where the file itself names none.

    `language` is what it says of itself, such as `de`; empty where it says nothing.
    """

    name: str
    title: str
    text: str
    blocks: tuple[Block, ...]
    labels: frozenset[str] | None = None
    date: str = ""
    link: str = ""
    language: str = ""


def laid_out(blocks: Iterable[Block]) -> tuple[str, tuple[Block, ...]]:
    """The text of formats that have none of their own, and the blocks placed in it."""
    placed: list[Block] = []
    position = 0
    for block in blocks:
        end = position + len(block.text)
        placed.append(replace(block, start=position, end=end))
        position = end + 2
    return "\n\n".join(block.text for block in placed), tuple(placed)


class Headings:
    """Keeps the breadcrumb while a document is read from top to bottom."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, text: str) -> None:
        self._open = [entry for entry in self._open if entry[0] < level]
        self._open.append((level, text))

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(text for _, text in self._open)


def without_title(blocks: Iterable[Block], title: str) -> tuple[Block, ...]:
    """The title leads each breadcrumb already; as first heading it says nothing."""
    return tuple(
        replace(block, headings=block.headings[1:])
        if block.headings[:1] == (title,)
        else block
        for block in blocks
    )


def title_from(name: str) -> str:
    """A readable title for a document that names none: its file's name."""
    stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    spaced = re.sub(r"[\s_-]+", " ", stem).strip()
    return spaced[:1].upper() + spaced[1:]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows, the first being the header, as a Markdown table."""
    width = max((len(row) for row in rows), default=0)
    lines = []
    for number, row in enumerate(rows):
        cells = [cell_text(cell) for cell in row] + [""] * (width - len(row))
        lines.append("| " + " | ".join(cells) + " |")
        if number == 0:
            lines.append("|" + " --- |" * width)
    return "\n".join(lines)


def cell_text(text: str) -> str:
    """A cell on one line, its bars escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def cells(line: str) -> list[str]:
    """The cells of one line of a Markdown table."""
    inner = re.sub(r"(?<!\\)\|\s*$", "", line.strip().removeprefix("|"))
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]
