"""Markdown as models write it, turned into Slack's mrkdwn; nothing in it can ping."""

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from adapters.shared import split_markdown

LIMIT = 3_800
"""Characters of a message: Slack refuses an update of more than 4,000."""

WIDEST_TABLE = 76
"""Columns that a table in fixed-width type may take before Slack wraps its rows."""

# Without `reference`, a line "[1]: ..." is text and not a definition that vanishes.
# Without `lheading`, "---" under a paragraph is a rule and not a heading.
PARSER = (
    MarkdownIt("commonmark", {"html": False})
    .enable(["table", "strikethrough"])
    .disable(["reference", "lheading"])
)

MARKERS = {"strong": "*", "em": "_", "s": "~"}

_URL = re.compile(r"https?://[^\s<>\"`]+")
_AFTER_URL = ".,;:!?'\")]}*_~"
_CALL = re.compile(r"@(?=(?:here|channel|everyone|group)\b)", re.IGNORECASE)
_LINKABLE = re.compile(r"(?:https?://|mailto:)[^\s<>|]+", re.IGNORECASE)


def to_messages(markdown: str, limit: int = LIMIT) -> list[str]:
    """`markdown` as mrkdwn, in as many messages as it takes."""
    return _messages(markdown, limit, limit)


def _messages(markdown: str, size: int, limit: int) -> list[str]:
    messages = []
    for piece in split_markdown(markdown, size):
        text = to_mrkdwn(piece)
        # Escapes make text longer: a piece of many "<" may need to be cut again.
        if len(text) > limit and size > 100:
            messages += _messages(piece, size // 2, limit)
        else:
            messages.append(text)
    return messages


def to_mrkdwn(markdown: str) -> str:
    """`markdown` as one text of mrkdwn."""
    return _blocks(SyntaxTreeNode(PARSER.parse(markdown)).children)


def escape(text: str) -> str:
    """`text` so that Slack shows it as it is and rings nobody's bell.

    Slack reads control sequences (`<!channel>`, `<@U1>`) only between angle brackets;
    the invisible joiner is for what clients make of a bare @here.
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _CALL.sub("@\u2060", text)


def _blocks(nodes: Sequence[SyntaxTreeNode]) -> str:
    """Blocks one after the other, with an empty line where the Markdown has one."""
    text, end = "", -1
    for node in nodes:
        start = node.map[0] if node.map else -1
        if block := _block(node):
            gap = "\n" if start == end else "\n\n"
            text += gap + block if text else block
        end = node.map[1] if node.map else -2
    return text


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "inline":
            return _inline(node.children)
        case "heading":
            words = [part for inline in node.children for part in inline.children]
            return _wrap("*", _inline(words, within=frozenset({"strong"})))
        case "fence" | "code_block":
            return _code(node.content)
        case "bullet_list" | "ordered_list":
            return _list(node)
        case "blockquote":
            quoted = _blocks(node.children)
            return "\n".join(f"> {line}" for line in quoted.split("\n"))
        case "hr":
            return "———"
        case "table":
            return _table(node)
        case _:
            return _blocks(node.children)


def _code(content: str) -> str:
    body = content.rstrip("\n").replace("```", "'''")
    body = body.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"```\n{body}\n```"


def _list(node: SyntaxTreeNode) -> str:
    lines = []
    first = int(node.attrs.get("start", 1))
    for number, item in enumerate(node.children, start=first):
        mark = "•" if node.type == "bullet_list" else f"{number}."
        blocks = item.children
        lines.append(f"{mark} {_block(blocks[0]) if blocks else ''}".rstrip())
        for block in blocks[1:]:
            text = _block(block)
            # Code keeps the indentation it has: that is part of it.
            if block.type not in ("fence", "code_block"):
                text = re.sub("^(?=.)", "    ", text, flags=re.MULTILINE)
            lines.append(text)
    return "\n".join(lines)


def _table(node: SyntaxTreeNode) -> str:
    """Slack has no tables in mrkdwn: fixed-width rows, or a list if it is too wide."""
    rows = [
        [plain_text(cell) for cell in row.children]
        for part in node.children
        for row in part.children
    ]
    header, *body = rows
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + 3 * len(widths) > WIDEST_TABLE:
        return "\n".join(_card(header, row) for row in body)
    lines = [_row(row, widths) for row in rows]
    lines.insert(1, "-+-".join("-" * width for width in widths))
    return _code("\n".join(lines))


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return " | ".join(padded).rstrip()


def _card(header: Sequence[str], row: Sequence[str]) -> str:
    cells = zip(header, row, strict=True)
    return "• " + "; ".join(f"{escape(k)}: {escape(v)}" for k, v in cells if v)


def plain_text(node: SyntaxTreeNode) -> str:
    """The text of a node, without marks and without line breaks."""
    if node.type in ("text", "code_inline"):
        return node.content
    if node.type in ("softbreak", "hardbreak"):
        return " "
    return "".join(plain_text(child) for child in node.children)


def _inline(
    nodes: Sequence[SyntaxTreeNode], within: frozenset[str] = frozenset()
) -> str:
    """Inline nodes as mrkdwn; `within` are the marks that are on already."""
    text = ""
    for index, node in enumerate(nodes):
        if node.type not in MARKERS:
            text += _leaf(node)
            continue
        inner = _inline(node.children, within | {node.type})
        following = plain_text(nodes[index + 1])[:1] if index + 1 < len(nodes) else ""
        # Slack knows a mark only at the border of a word: elsewhere it would show it.
        inside_word = text[-1:].isalnum() or following.isalnum()
        if node.type in within or inside_word:
            text += inner
        else:
            text += _wrap(MARKERS[node.type], inner.replace("\n", " "))
    return text


def _wrap(mark: str, text: str) -> str:
    return f"{mark}{text}{mark}" if text.strip() else text


def _leaf(node: SyntaxTreeNode) -> str:
    match node.type:
        case "softbreak" | "hardbreak":
            return "\n"
        case "code_inline":
            code = node.content.replace("`", "'").replace("&", "&amp;")
            return f"`{code.replace('<', '&lt;').replace('>', '&gt;')}`"
        case "link":
            return _link(str(node.attrs.get("href", "")), plain_text(node))
        case "image":
            return _link(
                str(node.attrs.get("src", "")), node.content or plain_text(node)
            )
        case _:
            return _text(node.content)


def _link(url: str, label: str) -> str:
    """A link with its label; one that Slack cannot follow is written out."""
    url = url.replace("|", "%7C")
    if not _LINKABLE.fullmatch(url):
        return escape(f"{label} ({url})" if url else label)
    target = url.replace("&", "&amp;")
    if label in ("", url):
        return f"<{target}>"
    return f"<{target}|{escape(' '.join(label.split()))}>"


def _text(content: str) -> str:
    """Plain text; its addresses become links, since we switch Slack's guessing off."""
    text, at = "", 0
    for found in _URL.finditer(content):
        url = found[0].rstrip(_AFTER_URL)
        text += escape(content[at : found.start()]) + _link(url, "")
        at = found.start() + len(url)
    return text + escape(content[at:])
