"""An answer as Slack's blocks: text, tables, a list of sources, what can be pressed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from markdown_it.tree import SyntaxTreeNode

from adapters.shared import sources_list, split_markdown, visible
from adapters.slack.buttons import button_blocks
from adapters.slack.links import Links, harmless, host, without_control
from adapters.slack.markdown import PARSER, to_messages, to_mrkdwn
from adapters.slack.tables import data_table_block, fits, table_block, table_text
from bot.model import Answer, Source
from bot.words import say

JSON = dict[str, Any]

MARKDOWN_LIMIT = 11_800
"""Of a message; Slack takes 12,000 in all its markdown blocks together."""

TEXT_LIMIT = 13_000
"""Of all text in a message; Slack refuses a little more than that."""

QUOTES_LIMIT = 3_000
QUOTE_LIMIT = 400

GROWING = " …"
"""Stands at the end of an answer that is not whole yet."""

_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$|^\*\*(.+?)\*\*:?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of what was said, and the same as Markdown."""

    block: JSON
    markdown: str
    caption: str = ""
    is_table: bool = False

    @property
    def size(self) -> int:
        return sum(map(len, _texts(self.block)))


@dataclass(frozen=True, slots=True)
class Layout:
    """One message: what was said, and what stands under it."""

    content: tuple[Block, ...] = ()
    tail: tuple[JSON, ...] = ()
    note: str = field(default="", compare=False)
    """What stands under it, as Markdown."""
    cited: frozenset[int] = field(default=frozenset(), compare=False)
    """The numbers in it whose sources are known."""

    def blocks(self, *, growing: bool = False) -> list[JSON]:
        """All blocks of the message."""
        said = [item.block for item in self.content]
        if growing and said and said[-1]["type"] == "markdown":
            said[-1] = said[-1] | {"text": said[-1]["text"] + GROWING}
        elif growing:
            said.append({"type": "markdown", "text": GROWING.strip()})
        return [*said, *self.tail]

    def text(self, *, growing: bool = False) -> str:
        """What a notification and a screen reader say."""
        first, *more = to_messages(self.markdown())
        text = first + (GROWING if growing or more else "")
        # An empty message is refused: an answer without a word is three dots.
        return text.strip() or GROWING.strip()

    def markdown(self) -> str:
        """All of the message as Markdown."""
        parts = [*(item.markdown for item in self.content), self.note]
        return "\n\n".join(parts).strip()

    @property
    def size(self) -> int:
        tail = sum(len(text) for block in self.tail for text in _texts(block))
        return sum(item.size for item in self.content) + tail


def layouts(answer: Answer) -> list[Layout]:
    """The messages of an answer; at least one."""
    links = links_of(answer)
    messages = _packed(_content(visible(answer.text.strip()), links))
    tail = _tail(answer)
    cited = frozenset(source.number for source in answer.sources)
    note = _note(answer, links)
    last = replace(messages[-1], tail=tail, note=note, cited=cited)
    if last.size <= TEXT_LIMIT:
        messages[-1] = last
    else:
        messages.append(replace(last, content=()))
    if answer.mention:
        ringing = Block(_section(_ring(answer.mention)), "")
        first = messages[0]
        messages[0] = replace(first, content=(ringing, *first.content))
    return messages


def links_of(answer: Answer) -> Links:
    """What may be clicked in an answer: its sources, and the hosts of its place."""
    cited = {source.number: source.url for source in answer.sources if source.url}
    hosts = {host(url) for url in cited.values()}
    return Links(hosts | set(answer.link_hosts), cited)


def _content(markdown: str, links: Links) -> list[Block]:
    """Text and tables in the order in which they were said."""
    markdown = harmless(markdown, links)
    lines = markdown.split("\n")
    found: list[Block] = []
    at = 0
    for node in SyntaxTreeNode(PARSER.parse(markdown)).children:
        if node.type != "table" or node.map is None:
            continue
        before = "\n".join(lines[at : node.map[0]])
        found += _text_blocks(before)
        source = "\n".join(lines[node.map[0] : node.map[1]])
        if fits(node):
            caption = _caption(before)
            found.append(Block(table_block(node), source, caption, is_table=True))
        else:
            # Without the marks of code, an address in a cell would be a link again.
            written = _text_blocks(harmless(table_text(node), links))
            found += [replace(block, is_table=True) for block in written]
        at = node.map[1]
    return found + _text_blocks("\n".join(lines[at:]))


def _text_blocks(markdown: str) -> list[Block]:
    if not markdown.strip():
        return []
    return [
        Block({"type": "markdown", "text": piece}, piece)
        for piece in split_markdown(markdown.strip("\n"), MARKDOWN_LIMIT)
    ]


def _packed(blocks: Sequence[Block]) -> list[Layout]:
    """Blocks in messages: one table each, the others in the form that may repeat."""
    messages = [Layout()]
    for block in blocks:
        now = messages[-1]
        if now.content and now.size + block.size > MARKDOWN_LIMIT:
            now = Layout()
            messages.append(now)
        messages[-1] = replace(now, content=(*now.content, _form(block, now)))
    return messages


def _form(block: Block, message: Layout) -> Block:
    """A table in one of the two forms that Slack has."""
    first = all(other.block["type"] != "table" for other in message.content)
    if block.block["type"] != "table" or first:
        return block
    (node,) = SyntaxTreeNode(PARSER.parse(block.markdown)).children
    return replace(block, block=data_table_block(node, block.caption))


def _caption(before: str) -> str:
    """The heading over a table, if there is one right before it."""
    headings = _HEADING.findall(before)
    heading = next((one or two for one, two in reversed(headings)), "")
    return re.sub(r"[*_`]", "", heading)[:150] or "Table"


def _tail(answer: Answer) -> tuple[JSON, ...]:
    blocks: list[JSON] = []
    if answer.notice:
        notice = to_mrkdwn(harmless(visible(answer.notice), Links()))
        blocks.append(
            {"type": "context", "elements": [{"type": "mrkdwn", "text": notice}]}
        )
    if answer.complete and answer.sources:
        blocks.append(sources_block(answer.sources))
    return (*blocks, *button_blocks(answer.buttons))


def _note(answer: Answer, links: Links) -> str:
    parts = [f"_{answer.notice}_"] if answer.notice else []
    if answer.complete and answer.sources:
        parts.append(sources_list(answer.sources))
    return harmless(visible("\n\n".join(parts)), replace(links, citations={}))


def sources_block(sources: Sequence[Source]) -> JSON:
    """The list of sources: folded up, each with its section, its link, its quote."""
    room = max(80, min(QUOTE_LIMIT, QUOTES_LIMIT // len(sources)))
    elements = [part for source in sources for part in _source(source, room)]
    return {
        "type": "container",
        "title": {
            "type": "plain_text",
            "text": say("sources_listed", count=len(sources)),
        },
        "is_collapsible": True,
        "default_collapsed": True,
        "child_blocks": [{"type": "rich_text", "elements": elements}],
    }


def _source(source: Source, room: int) -> Iterator[JSON]:
    name = visible(source.title)
    if source.section:
        name += f" › {visible(source.section)}"
    if source.page is not None:
        name += f", page {source.page}"
    name = without_control(name)[:300] or host(source.url) or "?"
    shown: JSON = {"type": "text", "text": name}
    if source.url.startswith("https://"):
        shown |= {"type": "link", "url": source.url}
    number = {"type": "text", "text": f"[{source.number}] "}
    yield {"type": "rich_text_section", "elements": [number, shown]}
    if quote := " ".join(visible(source.quote).split()):
        cut = quote if len(quote) <= room else quote[: room - 1] + "…"
        words = {"type": "text", "text": without_control(cut)}
        yield {"type": "rich_text_quote", "elements": [words]}


def _ring(mention: str) -> str:
    """Slack's control sequence for a user group (S…) or a person (U…, W…)."""
    if mention.startswith("S"):
        return f"<!subteam^{mention}>"
    return f"<@{mention}>" if mention[0] in "UW" else mention


def _section(mrkdwn: str) -> JSON:
    return {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn}}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("text", "caption") and isinstance(inner, str):
                yield inner
            else:
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
