"""What of a growing answer stays as it is, and what leads from one state to another."""

import re
from collections.abc import Sequence
from typing import Any

from adapters.slack.blocks import Layout

JSON = dict[str, Any]

SENTENCE_LIMIT = 400
"""A source is known at the end of the sentence that cites it, if there is one."""

_CLOSED = re.compile(
    r"`+[^`\n]*`+|\[(?:\\.|[^\[\]\n])*\]\([^()\s]*\)|<[^<>\s]*>|\[\d+\]"
)
_MARKER = re.compile(r"(?<!\\)\[(\d{1,3})\](?!\()")
_OPEN = re.compile(r"!?\[|[`<]")
_PLAIN_WORD = re.compile(r"[^\s\[\]<>`@:/.*_~|&#!\\(){}]+")


def settled(layout: Layout) -> list[JSON]:
    """The blocks of a growing answer that will not change as it grows on."""
    said = list(layout.content)
    while said and said[-1].is_table:
        said.pop()  # more rows may come
    content = [item.block for item in said]
    if len(said) == len(layout.content) and content[-1:]:
        last = content.pop()
        if last["type"] != "markdown":
            content.append(last)
        elif text := _cited(_settled_text(last["text"]), layout.cited):
            content.append(last | {"text": text})
    return content


def extension(sent: Sequence[JSON], now: Sequence[JSON]) -> list[JSON] | None:
    """What to append to `sent` to have `now`; None when that cannot be done."""
    if len(now) < len(sent):
        return None
    chunks: list[JSON] = []
    for index, block in enumerate(now):
        text = block.get("text", "") if block["type"] == "markdown" else ""
        if index < len(sent):
            if sent[index] == block:
                continue
            before = sent[index].get("text", "")
            grows = (
                text and sent[index]["type"] == "markdown" and index == len(sent) - 1
            )
            if not grows or not text.startswith(before):
                return None
            chunks.append({"type": "markdown_text", "text": text[len(before) :]})
        elif text:
            gap = "\n\n" if index and now[index - 1]["type"] == "markdown" else ""
            chunks.append({"type": "markdown_text", "text": gap + text})
        else:
            chunks.append({"type": "blocks", "blocks": [block]})
    return chunks


def _cited(text: str, known: frozenset[int]) -> str:
    """`text` up to a number that may become a link yet, when its sentence has ended."""
    for marker in _MARKER.finditer(text):
        if int(marker[1]) not in known and len(text) - marker.end() < SENTENCE_LIMIT:
            return text[: marker.start()].rstrip()
    return text


def _settled_text(text: str) -> str:
    """`text` without an end that may turn into a link, a table or code."""
    head, _, line = text.rpartition("\n")
    if len(re.findall(r"^ {0,3}```", text, re.MULTILINE)) % 2:
        return head.rstrip()
    before, gap, last = head.rpartition("\n\n")
    if "|" in line or last.lstrip().startswith("|"):
        return before.rstrip() if gap else ""
    unclosed = _OPEN.search(_CLOSED.sub(lambda found: " " * len(found[0]), line))
    if unclosed:
        line = line[: unclosed.start()]
    elif not line.endswith((" ", "\t")):
        words = line.rsplit(None, 1)
        word = words[-1] if words else ""
        address = word.lower()
        if not _PLAIN_WORD.fullmatch(word) or "https".startswith(address):
            line = line[: len(line) - len(word)]
    return f"{head}\n{line}".rstrip() if head else line.rstrip()
