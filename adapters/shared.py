"""What platforms share: splitting long Markdown, and the list of sources."""

import re
from collections.abc import Sequence

from bot.model import Answer, Source
from bot.text import visible

__all__ = ["compose", "source_line", "sources_list", "split_markdown", "visible"]

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")


def split_markdown(text: str, limit: int) -> list[str]:
    """Split Markdown into pieces of at most `limit` characters.

    Breaks between paragraphs if it can, then between lines, then between words. A code
    fence that must be broken is closed and opened again with its language; a table that
    must be broken is broken between rows, its header repeated.
    """
    pieces: list[str] = []
    current = ""
    for block in _blocks(text):
        joined = f"{current}\n\n{block}" if current else block
        if len(joined) <= limit:
            current = joined
            continue
        if current:
            pieces.append(current)
        *full, current = _fit(block, limit)
        pieces += full
    if current or not pieces:
        pieces.append(current)
    return pieces


def source_line(source: Source, *, link: bool = True) -> str:
    """A source as one line of Markdown: number, title, section, page."""
    name = source.title if not source.section else f"{source.title} › {source.section}"
    if source.page is not None:
        name += f", page {source.page}"
    if link and source.url.startswith("https://"):
        name = f"[{name}]({source.url})"
    return f"[{source.number}] {name}"


def compose(answer: Answer, *, sources_title: str = "**Sources**") -> str:
    """An answer as one Markdown text: text, notice, sources."""
    parts = [answer.text.strip()]
    if answer.notice:
        parts.append(f"_{answer.notice}_")
    if answer.sources:
        parts.append(sources_list(answer.sources, title=sources_title))
    return "\n\n".join(part for part in parts if part)


def sources_list(sources: Sequence[Source], *, title: str = "**Sources**") -> str:
    """The sources under their title, one a line."""
    return "\n".join([title, *(f"- {source_line(source)}" for source in sources)])


def _blocks(text: str) -> list[str]:
    """Paragraphs, with each code fence kept in one block."""
    blocks: list[str] = []
    lines: list[str] = []
    fence = ""
    for line in text.strip("\n").split("\n"):
        mark = FENCE.match(line)
        if fence:
            lines.append(line)
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
                blocks.append("\n".join(lines))
                lines = []
        elif mark:
            if lines:
                blocks.append("\n".join(lines))
            lines, fence = [line], mark[1]
        elif line.strip():
            lines.append(line)
        elif lines:
            blocks.append("\n".join(lines))
            lines = []
    if lines:
        blocks.append("\n".join(lines))
    return blocks


def _fit(block: str, limit: int) -> list[str]:
    """One block in pieces of at most `limit` characters."""
    if len(block) <= limit:
        return [block]
    lines = block.split("\n")
    mark = FENCE.match(lines[0])
    if mark:
        closed = len(lines) > 1 and lines[-1].strip() == mark[1]
        body = lines[1:-1] if closed else lines[1:]
        return _pack(body, limit, head=lines[0], tail=mark[1])
    if len(lines) > 2 and re.fullmatch(r"[\s|:-]+", lines[1]) and "|" in lines[1]:
        return _pack(lines[2:], limit, head="\n".join(lines[:2]), tail="")
    return _pack(lines, limit, head="", tail="")


def _pack(lines: Sequence[str], limit: int, *, head: str, tail: str) -> list[str]:
    """Lines gathered into pieces, each between `head` and `tail`."""
    room = limit - len(head) - len(tail) - 2
    if room < limit // 4:
        # A head that leaves no room (a monstrous table header) is not worth repeating.
        return _pack([*head.split("\n"), *lines], limit, head="", tail="")
    pieces: list[str] = []
    current: list[str] = []
    size = 0
    for line in (piece for whole in lines for piece in _cut(whole, room)):
        if current and size + 1 + len(line) > room:
            pieces.append("\n".join(filter(None, [head, "\n".join(current), tail])))
            current, size = [], 0
        current.append(line)
        size += len(line) + (1 if len(current) > 1 else 0)
    pieces.append("\n".join(filter(None, [head, "\n".join(current), tail])))
    return pieces


def _cut(line: str, room: int) -> list[str]:
    """A line too long, cut at spaces, not inside a link where that can be."""
    pieces = []
    while len(line) > room:
        at = line.rfind(" ", room // 2, room)
        link = line.rfind("[", 0, at if at > 0 else room)
        ends = re.compile(r"\]\([^)\s]*\)").search(line, link) if link >= 0 else None
        if (
            ends
            and link > 0
            and ends.end() > (at if at > 0 else room)
            and link > room // 4
        ):
            at = link - 1 if line[link - 1] == " " else link
        if at <= 0:
            at = room
        pieces.append(line[:at].rstrip())
        line = line[at:].lstrip() if line[at : at + 1] == " " else line[at:]
    pieces.append(line)
    return pieces
