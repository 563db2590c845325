"""Markdown as models write it, turned into Discord's; nothing in it can ping."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.discord.tables import tables
from adapters.shared import split_markdown

LIMIT = 1_990
"""Characters of a message: Discord takes 2,000, and a mark of growth needs some."""

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
    r"(?P<code>(?<!\\)(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
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
_LANGUAGE = re.compile(r"[\w+.#-]*")
_BARS = re.compile(r"(?P<spoiler>(?<!\w)\|\|(?!\s)[^|\n]+(?<!\s)\|\|(?!\w))|\|\|")


def to_messages(
    markdown: str, limit: int = LIMIT, *, hosts: Collection[str] = ()
) -> list[str]:
    """`markdown` for Discord, in as many messages as it takes."""
    return split_markdown(to_discord(markdown, hosts=hosts), limit)


def to_discord(markdown: str, *, hosts: Collection[str] = ()) -> str:
    """`markdown` with what Discord cannot show put into what it can.

    Discord reads most of Markdown itself, so the source stays as it is but for tables,
    small headings, rules, images, and whatever could ping, hide or pretend. Only links
    to `hosts` stand behind words of their own.
    """
    writer = _Writer(hosts)
    lines = markdown.split("\n")
    pieces: list[str] = []
    at = 0
    for start, end, text in writer.blocks(PARSER.parse(markdown)):
        if start < at:
            continue
        if start > at:
            pieces.append(writer.prose("\n".join(lines[at:start])))
        pieces.append(text)
        at = end
        # The parser counts empty lines after some blocks to them; they stay.
        while at > start + 1 and not lines[at - 1].strip():
            at -= 1
    if at < len(lines):
        pieces.append(writer.prose("\n".join(lines[at:])))
    return "\n".join(pieces)


def harmless(text: str) -> str:
    """`text` so that it calls nobody and names no member, role, channel or command.

    Mentions are switched off with each message as well; this keeps them from looking
    as if somebody had been called.
    """
    text = _CALL.sub("@" + _BREAK, text)
    return _REFERENCE.sub("<" + _BREAK, text)


def host_of(address: str) -> str:
    """The host that an address leads to; empty for one that can be read two ways."""
    if "\\" in address:
        return ""
    try:
        host = urlsplit(address).hostname or ""
        # Letters that look like others are seen in this form for what they are.
        return host.encode("idna").decode()
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes Markdown anew; `hosts` are those that links may lead to unseen."""

    hosts: Collection[str]

    def blocks(self, tokens: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
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
                    bold = f"**{self.prose(heading)}**" if heading else ""
                    yield start, end, bold
                case "table_open":
                    yield start, end, self._table(tokens[index:])

    def prose(self, text: str) -> str:
        """Text outside of code blocks."""
        return "\n\n".join(self._paragraph(part) for part in text.split("\n\n"))

    def _table(self, tokens: Sequence[Token]) -> str:
        rows = _rows(tokens)
        plain = [[_unmarked(cell) for cell in row] for row in rows]
        if (drawn := tables(plain)) is not None:
            return "\n\n".join(_fence(table) for table in drawn)
        header, *body = rows
        return "\n".join(self._card(header, row) for row in body)

    def _card(self, header: Sequence[str], row: Sequence[str]) -> str:
        cells = zip(header, row, strict=True)
        shown = (f"{self.prose(k)}: {self.prose(v)}" for k, v in cells if v)
        return "- " + "; ".join(shown)

    def _paragraph(self, text: str) -> str:
        text = _LONG_QUOTE.sub(r"\1\>>>", text)
        parts: list[str] = []
        at = 0
        for found in _INLINE.finditer(text):
            parts.append(_text(text[at : found.start()]))
            parts.append(self._span(found))
            at = found.end()
        parts.append(_text(text[at:]))
        return "".join(parts)

    def _span(self, found: re.Match[str]) -> str:
        if found["code"] is not None:
            return found["code"]
        if found["address"] is not None:
            return found["address"]
        return self._link(found["label"], found["target"])

    def _link(self, label: str, target: str) -> str:
        """A link; one that Discord cannot follow, or that pretends, is written out."""
        label = _text(" ".join(label.split()))
        if not target.startswith(("https://", "http://")):
            return f"{label} ({_text(target)})" if target else f"[{label}]()"
        if label in ("", target):
            return target
        host = host_of(target)
        if not host or _ADDRESS.search(label):
            return f"{label} ({target})"
        if host in self.hosts or label == host:
            # In angle brackets an address gets no preview.
            return f"[{label}](<{target}>)"
        return f"{label} ([{host}](<{target}>))"


def _fence(content: str, language: str = "") -> str:
    """A code block; also one whose end has not been written yet."""
    body = content.rstrip("\n").replace("```", f"`{_BREAK}``")
    word = _LANGUAGE.match(language.strip())
    return f"```{word[0] if word else ''}\n{body}\n```"


def _rows(tokens: Sequence[Token]) -> list[list[str]]:
    """The cells of the table that begins with the first token."""
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_LINE_BREAK.sub(" ", token.content))
        elif token.type == "table_close":
            break
    return rows


def _unmarked(cell: str) -> str:
    """A cell's text without marks: in a code block they would be seen."""

    def bare(found: re.Match[str]) -> str:
        if found["code"]:
            return found["code"].strip("`")
        return found["label"] if found["label"] is not None else found[0]

    return _INLINE.sub(bare, cell).replace("**", "").replace("\\|", "|")


def _text(text: str) -> str:
    # Discord takes more for a link than we do, and would hide its host behind words.
    text = text.replace("](", f"]{_BREAK}(")
    # Two bars hide what stands between them: meant about a word, an accident elsewhere.
    return _BARS.sub(lambda it: it["spoiler"] or "\\|\\|", harmless(text))
