"""Markdown, with the front matter that names title, labels, date and link."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from backends.knowledge.documents import (
    Block,
    Document,
    Headings,
    Kind,
    title_from,
    without_title,
)

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
TAG = re.compile(r"</?[A-Za-z][^>]*>")

KINDS = {
    "paragraph_open": Kind.TEXT,
    "blockquote_open": Kind.TEXT,
    "html_block": Kind.TEXT,
    "bullet_list_open": Kind.LIST,
    "ordered_list_open": Kind.LIST,
    "table_open": Kind.TABLE,
    "fence": Kind.CODE,
    "code_block": Kind.CODE,
}


@dataclass(frozen=True, slots=True)
class Matter:
    """What the front matter says of the document."""

    title: str = ""
    labels: frozenset[str] | None = None
    date: str = ""
    link: str = ""
    language: str = ""


def read(text: str, name: str) -> Document:
    found = FRONT_MATTER.match(text)
    matter = _matter(found[1]) if found else Matter()
    blocks, first = _blocks(text, found.end() if found else 0)
    title = matter.title or first or title_from(name)
    return Document(
        name=name,
        title=title,
        text=text,
        blocks=without_title(blocks, title),
        labels=matter.labels,
        date=matter.date,
        link=matter.link,
        language=matter.language,
    )


def _blocks(text: str, offset: int) -> tuple[list[Block], str]:
    """The blocks after the front matter, and the first top heading, if any."""
    body = text[offset:]
    starts = [offset]
    for line in body.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    headings, first = Headings(), ""
    blocks: list[Block] = []
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    for token, inline in _outermost(tokens):
        if token.type == "heading_open":
            heading = _plain(inline)
            level = int(token.tag[1])
            if level == 1 and not blocks and not first:
                first = heading
            headings.enter(level, heading)
        elif token.type in KINDS and token.map:
            start, end = starts[token.map[0]], starts[token.map[1]]
            block = _block(text, start, min(end, len(text)), KINDS[token.type])
            if block.text:
                blocks.append(
                    Block(
                        text=block.text,
                        kind=block.kind,
                        headings=headings.path,
                        start=block.start,
                        end=block.end,
                    )
                )
    return blocks, first


def _outermost(tokens: list[Token]) -> Iterator[tuple[Token, Token | None]]:
    for position, token in enumerate(tokens):
        if token.level == 0 and token.nesting >= 0:
            following = tokens[position + 1] if position + 1 < len(tokens) else None
            yield token, following


def _block(text: str, start: int, end: int, kind: Kind) -> Block:
    """The source between two lines; markup of HTML and comments is not text."""
    source = text[start:end].rstrip()
    end = start + len(source)
    if kind is Kind.TEXT and "<" in source:
        source = TAG.sub("", COMMENT.sub("", source))
    return Block(source.strip("\n"), kind, start=start, end=end)


def _plain(inline: Token | None) -> str:
    """A heading without its markup."""
    parts = [
        child.content
        for child in (inline.children or [] if inline else [])
        if child.type in ("text", "code_inline")
    ]
    return " ".join("".join(parts).split())


def _matter(source: str) -> Matter:
    values = _yaml(source)
    labels = values.get("labels", values.get("label"))
    if isinstance(labels, str):
        labels = [part.strip() for part in labels.split(",")]
    return Matter(
        title=_one(values.get("title")),
        labels=frozenset(filter(None, labels or ())) or None,
        date=_one(values.get("date")),
        link=_one(values.get("url", values.get("link"))),
        language=_one(values.get("language", values.get("lang"))).lower(),
    )


def _one(value: str | list[str] | None) -> str:
    return ", ".join(value) if isinstance(value, list) else value or ""


def _yaml(source: str) -> dict[str, str | list[str]]:
    """The YAML that front matter uses: values, `[a, b]`, and lists of dashes."""
    values: dict[str, str | list[str]] = {}
    key = ""
    for line in source.splitlines():
        item = re.match(r"\s*-\s+(.*)", line)
        pair = re.match(r"([\w-]+)\s*:\s*(.*)", line)
        if item and key:
            known = values[key]
            values[key] = [*(known if isinstance(known, list) else []), _bare(item[1])]
        elif pair:
            key, value = pair[1].lower(), _without_comment(pair[2])
            if value.startswith("[") and value.endswith("]"):
                values[key] = [_bare(part) for part in value[1:-1].split(",")]
            else:
                values[key] = _bare(value)
    return values


def _without_comment(value: str) -> str:
    return value if value[:1] in "\"'" else re.sub(r"\s+#.*", "", value)


def _bare(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
