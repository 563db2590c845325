"""HTML pages: their text, without what surrounds it on every page."""

import re
from collections.abc import Iterator

from lxml import etree, html

from backends.knowledge.documents import (
    Block,
    Document,
    Headings,
    Kind,
    UnreadableDocument,
    laid_out,
    table,
    title_from,
    without_title,
)

LEFT_OUT = """
    head script style noscript template nav header footer aside form button select
    svg canvas iframe object
"""
GROUPING = """
    html body main article section div details center fieldset figure dl span
    blockquote
"""
WITHIN_A_LINE = """
    a abbr b bdi br cite code del dfn em font i img ins kbd label mark q s samp small
    strong sub sup time tt u var wbr
"""
NOT_TEXT = frozenset(LEFT_OUT.split())
LIMIT = etree.ErrorTypes.ERR_RESOURCE_LIMIT
HIDDEN = re.compile(
    r"(?:display\s*:\s*none|visibility\s*:\s*hidden|(?:font-size|opacity)\s*:\s*0(?![.\d]))",
    re.IGNORECASE,
)
HEADING = re.compile(r"h([1-6])$")
CONTAINERS = frozenset(GROUPING.split())
INLINE = frozenset(WITHIN_A_LINE.split())


def read(text: str, name: str) -> Document:
    # Without an encoding of its own the parser would believe a wrong <meta charset>,
    # and it refuses a str that carries an XML declaration.
    parser = html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True)
    try:
        root = html.document_fromstring(text.encode(), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise UnreadableDocument(
            f"{name!r} holds no HTML that could be read ({error})"
        ) from error
    if limits := parser.error_log.filter_from_fatals().filter_types(LIMIT):
        # The parser leaves out what comes after.
        raise UnreadableDocument(
            f"{name!r} is nested too deeply or too large ({limits[0].message}); "
            "split it, or save it in a simpler format"
        )
    _drop_hidden(root)
    walk = Walk()
    walk.visit(root)
    title = _title(" ".join((root.findtext(".//title") or "").split()), walk.first)
    body, placed = laid_out(without_title(walk.blocks, walk.first))
    labels = frozenset(re.findall(r"[^\s,]+", _meta(root, "labels")))
    return Document(
        name=name,
        title=title or title_from(name),
        text=body,
        blocks=placed,
        labels=labels or None,
        date=_meta(root, "date"),
        language=(root.get("lang") or "").strip().lower(),
    )


def _title(page: str, heading: str) -> str:
    """Page titles often end in the site's name; the heading is the same without it."""
    return heading if heading and heading in page else page or heading


def _meta(root: html.HtmlElement, name: str) -> str:
    found = root.xpath("string(//meta[@name=$name]/@content)", name=name)
    return str(found).strip()


def _drop_hidden(root: html.HtmlElement) -> None:
    """Take out what a reader of the page does not see: it is nobody's information."""
    for element in list(root.iter(etree.Element)):
        unseen = HIDDEN.search(element.get("style") or "") is not None
        within = element.getparent() is not None
        if within and (unseen or element.get("hidden") is not None):
            element.drop_tree()


class Walk:
    """Goes through the elements in order and gathers blocks."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.first = ""
        self._headings = Headings()

    def visit(self, element: html.HtmlElement) -> None:
        tag = element.tag if isinstance(element.tag, str) else ""
        found = HEADING.match(tag)
        if tag in NOT_TEXT or element.get("hidden") is not None or not tag:
            return
        if found:
            self._enter(int(found[1]), _text(element))
        elif tag == "table":
            rows = list(_rows(element))
            self._add(table(rows) if rows else "", Kind.TABLE)
        elif tag in ("ul", "ol"):
            self._add("\n".join(_items(element)), Kind.LIST)
        elif tag == "pre":
            code = (element.text_content() or "").strip("\n")
            self._add(f"```\n{code}\n```" if code.strip() else "", Kind.CODE)
        elif tag in CONTAINERS and _holds_blocks(element):
            self._inside(element)
        else:
            self._add(_text(element), Kind.TEXT)

    def _inside(self, element: html.HtmlElement) -> None:
        """A container: its own words, and those between its children, are text too."""
        loose = [element.text or ""]
        for child in element:
            if _is_inline(child):
                loose.append(_text(child))
            else:
                self._flush(loose)
                self.visit(child)
            loose.append(child.tail or "")
        self._flush(loose)

    def _flush(self, loose: list[str]) -> None:
        self._add(" ".join(" ".join(loose).split()), Kind.TEXT)
        loose.clear()

    def _enter(self, level: int, text: str) -> None:
        if text:
            if level == 1 and not self.first:
                self.first = text
            self._headings.enter(level, text)

    def _add(self, text: str, kind: Kind) -> None:
        if text:
            self.blocks.append(Block(text, kind, self._headings.path))


def _is_inline(element: html.HtmlElement) -> bool:
    return isinstance(element.tag, str) and element.tag in INLINE


def _holds_blocks(element: html.HtmlElement) -> bool:
    return any(not _is_inline(child) for child in element)


def _text(element: html.HtmlElement) -> str:
    """The words of an element on one line; hidden parts and scripts left out."""
    parts: list[str] = []

    def gather(node: html.HtmlElement) -> None:
        if isinstance(node.tag, str) and node.tag not in NOT_TEXT:
            parts.append(node.text or "")
            if node.tag == "br":
                parts.append(" ")
            for child in node:
                gather(child)
                block = not _is_inline(child)
                parts.append((" " if block else "") + (child.tail or ""))

    gather(element)
    return " ".join("".join(parts).split())


def _rows(element: html.HtmlElement) -> Iterator[list[str]]:
    for row in element.iter("tr"):
        cells = [_text(cell) for cell in row.iterchildren("th", "td")]
        if any(cells):
            yield cells


def _items(element: html.HtmlElement, depth: int = 0) -> Iterator[str]:
    for number, item in enumerate(element.iterchildren("li"), 1):
        mark = f"{number}." if element.tag == "ol" else "-"
        nested = [child for child in item if child.tag in ("ul", "ol")]
        for child in nested:
            child.drop_tree()
        words = _text(item)
        if words:
            yield f"{'  ' * depth}{mark} {words}"
        for child in nested:
            yield from _items(child, depth + 1)
