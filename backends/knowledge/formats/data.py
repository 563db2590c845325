"""JSON and lines of JSON: values under the keys that lead to them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backends.knowledge.documents import (
    Block,
    Document,
    Kind,
    UnreadableDocument,
    cell_text,
    laid_out,
    title_from,
)
from backends.knowledge.formats.rows import row_blocks

NAMES = ("title", "name", "question", "label", "id", "key")
"""Keys whose value says what the rest is about, the best ones first."""


def read(text: str, name: str) -> Document:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UnreadableDocument(
            f"{name!r} is not proper JSON ({error}); mend it"
        ) from error
    title = value.get("title") if isinstance(value, dict) else None
    return _document(value, name, title if isinstance(title, str) else "")


def read_lines(text: str, name: str) -> Document:
    values = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            if line.strip():
                values.append(json.loads(line))
        except ValueError as error:
            raise UnreadableDocument(
                f"{name!r}, line {number}, is not proper JSON ({error}); mend it"
            ) from error
    return _document(values, name, "")


def _document(value: Any, name: str, title: str) -> Document:
    body, placed = laid_out(_blocks(value, ()))
    return Document(name, title or title_from(name), body, placed)


def _blocks(value: Any, headings: tuple[str, ...]) -> Iterator[Block]:
    if isinstance(value, Mapping):
        plain = {key: each for key, each in value.items() if _is_plain(each)}
        lines = [
            f"- {key}: {_text(each)}" for key, each in plain.items() if _text(each)
        ]
        if lines:
            yield Block("\n".join(lines), Kind.LIST, headings)
        for key, each in value.items():
            if not _is_plain(each):
                yield from _blocks(each, (*headings, cell_text(str(key))))
    elif isinstance(value, list):
        yield from _list(value, headings)
    elif _text(value):
        yield Block(_text(value), Kind.TEXT, headings)


def _list(values: Sequence[Any], headings: tuple[str, ...]) -> Iterator[Block]:
    if all(_is_plain(each) for each in values):
        lines = [f"- {_text(each)}" for each in values if _text(each)]
        if lines:
            yield Block("\n".join(lines), Kind.LIST, headings)
    elif len(values) > 1 and _are_rows(values):
        header = list(values[0])
        rows = [[_text(each.get(key)) for key in header] for each in values]
        yield from row_blocks([header, *rows], headings)
    else:
        for number, each in enumerate(values, 1):
            yield from _blocks(each, (*headings, _name(each) or f"{number}"))


def _are_rows(values: Sequence[Any]) -> bool:
    """Whether all are objects with the same keys, and short, plain values."""
    return all(
        isinstance(each, Mapping)
        and each.keys() == values[0].keys()
        and all(_is_plain(cell) and len(_text(cell)) < 200 for cell in each.values())
        for each in values
    )


def _name(value: Any) -> str:
    if not isinstance(value, Mapping):
        return ""
    named = (value.get(key) for key in NAMES)
    return next(
        (cell_text(_text(each)) for each in named if _is_plain(each) and each), ""
    )


def _is_plain(value: Any) -> bool:
    return not isinstance(value, Mapping | list)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())
