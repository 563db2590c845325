"""Markdown as models write it, turned into Discord's; nothing in it can ping."""

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.shared import split_markdown

LIMIT = 1_990
"""Characters of a message: Discord takes 2,000, and a mark of growth needs some."""

WIDEST_TABLE = 60
"""Columns that a table in fixed-width type may take before Discord wraps its rows."""

# Without `reference`, a line "[1]: ..." is text and not a definition that vanishes.
# Without `lheading`, "---" under a paragraph is a rule and not a heading.
PARSER = (
    MarkdownIt("commonmark", {"html": False})
    .enable("table")
    .disable(["reference", "lheading"])
)

_BREAK = "\u200b"
"""Parts what Discord would read as one; invisible, and only ever put in by us."""

_INLINE = re.compile(
    r"(?P<code>(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<mark>!?)(?<!\\)\[(?P<label>(?:[^\[\]]|\[[^\[\]]*\])*)\]"
    r"\(\s*<?(?P<target>[^()\s<>]*(?:\([^()\s<>]*\)[^()\s<>]*)*)>?"
    r"(?:\s+\"[^\"]*\")?\s*\)"
    r"|(?P<address>https?://[^\s<>]+)",
    re.DOTALL,
)
# An address of mail like a@heresay.org is none.
_CALL = re.compile(r"@(?=everyone|here)(?!(?<=\w@)[\w-]+\.\w)", re.IGNORECASE)
_REFERENCE = re.compile(r"<(?=@[!&]?\d|#\d|/|id:)")
_LONG_QUOTE = re.compile(r"^([ \t]*)>>>(?=[ \t])", re.MULTILINE)
_ADDRESS = re.compile(r"https?://|www\.", re.IGNORECASE)
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def to_messages(markdown: str, limit: int = LIMIT) -> list[str]:
    """`markdown` for Discord, in as many messages as it takes."""
    return split_markdown(to_discord(markdown), limit)


def to_discord(markdown: str) -> str:
    """`markdown` with what Discord cannot show put into what it can.

    Discord reads most of Markdown itself, so the source stays as it is but for tables,
    small headings, rules, images, and whatever could ping or hide.
    """
    lines = markdown.split("\n")
    pieces: list[str] = []
    at = 0
    for start, end, text in _blocks(PARSER.parse(markdown)):
        if start < at:
            continue
        if start > at:
            pieces.append(_prose("\n".join(lines[at:start])))
        pieces.append(text)
        at = end
        # The parser counts empty lines after some blocks to them; they stay.
        while at > start + 1 and not lines[at - 1].strip():
            at -= 1
    if at < len(lines):
        pieces.append(_prose("\n".join(lines[at:])))
    return "\n".join(pieces)


def harmless(text: str) -> str:
    """`text` so that it calls nobody and names no member, role, channel or command.

    Mentions are switched off with each message as well; this keeps them from looking
    as if somebody had been called.
    """
    text = _CALL.sub("@" + _BREAK, text)
    return _REFERENCE.sub("<" + _BREAK, text)


def _blocks(tokens: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """First line, line after the last, and new text of each block that changes."""
    for index, token in enumerate(tokens):
        if token.map is None:
            continue
        start, end = token.map
        match token.type:
            case "fence" | "code_block":
                yield start, end, _fence(token.content, token.info)
            case "hr":
                yield start, end, "———"
            case "heading_open" if int(token.tag[1:]) > 3:
                heading = tokens[index + 1].content.replace("**", "")
                yield start, end, f"**{_prose(heading)}**" if heading else ""
            case "table_open":
                yield start, end, _table(tokens[index:])


def _fence(content: str, language: str = "") -> str:
    """A code block; also one whose end has not been written yet."""
    body = content.rstrip("\n").replace("```", f"`{_BREAK}``")
    words = language.split()
    return f"```{words[0] if words else ''}\n{body}\n```"


def _table(tokens: Sequence[Token]) -> str:
    """Discord has no tables: fixed-width rows, or a list if it is too wide."""
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_LINE_BREAK.sub(" ", token.content))
        elif token.type == "table_close":
            break
    header, *body = rows
    plain = [[_unmarked(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*plain, strict=True)]
    if sum(widths) + 3 * len(widths) > WIDEST_TABLE:
        return "\n".join(_card(header, row) for row in body)
    lines = [_row(row, widths) for row in plain]
    lines.insert(1, "-+-".join("-" * width for width in widths))
    return _fence("\n".join(lines))


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return " | ".join(padded).rstrip()


def _card(header: Sequence[str], row: Sequence[str]) -> str:
    cells = zip(header, row, strict=True)
    return "- " + "; ".join(f"{_prose(k)}: {_prose(v)}" for k, v in cells if v)


def _unmarked(cell: str) -> str:
    """A cell's text without marks: in a code block they would be seen."""

    def bare(found: re.Match[str]) -> str:
        if found["code"]:
            return found["code"].strip("`")
        return found["label"] if found["label"] is not None else found[0]

    return _INLINE.sub(bare, cell).replace("**", "").replace("\\|", "|")


def _prose(text: str) -> str:
    """Text outside of code blocks."""
    return "\n\n".join(_paragraph(part) for part in text.split("\n\n"))


def _paragraph(text: str) -> str:
    text = _LONG_QUOTE.sub(r"\1\>>>", text)
    parts: list[str] = []
    at = 0
    for found in _INLINE.finditer(text):
        parts.append(_text(text[at : found.start()]))
        parts.append(_span(found))
        at = found.end()
    parts.append(_text(text[at:]))
    return "".join(parts)


def _text(text: str) -> str:
    # Two bars hide what stands between them, which a model never means.
    return harmless(text).replace("||", "\\|\\|")


def _span(found: re.Match[str]) -> str:
    if found["code"] is not None:
        return found["code"]
    if found["address"] is not None:
        return found["address"]
    return _link(found["label"], found["target"])


def _link(label: str, target: str) -> str:
    """A link; one that Discord cannot follow, or that pretends, is written out."""
    label = _text(" ".join(label.split()))
    if not target.startswith(("https://", "http://")):
        return f"{label} ({_text(target)})" if target else f"[{label}]()"
    if label in ("", target):
        return target
    if _ADDRESS.search(label):
        return f"{label} ({target})"
    # In angle brackets an address gets no preview.
    return f"[{label}](<{target}>)"
