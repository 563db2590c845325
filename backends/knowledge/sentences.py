"""Finds where sentences end, and takes a passage apart into what can be quoted."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from backends.knowledge.documents import cells

SHORT = """
    mr mrs ms dr prof st jr sr rev hon gen capt lt sgt vs etc approx dept est fig figs
    inc ltd co corp no nos vol ed eds pp p ca cf al tel ext max min resp incl excl e.g
    i.e a.m p.m u.s u.k n.b bldg apt ave rd mt ft jan feb mar apr jun jul aug sep sept
    oct nov dec mon tue tues wed thu thur thurs fri
"""
# These often end a sentence as well: what follows decides.
SHORT_AND_LAST = "etc a.m p.m u.s u.k inc ltd co corp jr sr al no min max mon fri ext"
ABBREVIATIONS = frozenset(SHORT.split())
MAY_END = frozenset(SHORT_AND_LAST.split())

STOP = re.compile(r"[.!?…]+[\"'”’)\]*_]*(?=\s)|[。！？]")
WORD_BEFORE = re.compile(r"([\w.&-]+)$")
STARTS = re.compile(r"[\"'“‘(\[*_]*[A-Z0-9\u00c0-\u00de\u0370-\uffff]")
ITEM = re.compile(r"(\s*)(?:[-*+•]|(?:\d{1,3}|[A-Za-z])[.)])\s+(?=\S)")
TASK = re.compile(r"\[[ xX]\]\s+")
ROW = re.compile(r"\s*\|.*\|\s*$")
RULE = re.compile(r"\s*\|?(?:\s*:?-{3,}:?\s*\|)+\s*(?::?-{3,}:?)?\s*$")
FENCE = re.compile(r"\s*(```|~~~)")
QUOTE_MARK = re.compile(r"^\s*>\s?", re.M)


@dataclass(frozen=True, slots=True)
class Sentence:
    """Something quotable; `context` is what it needs to be understood."""

    text: str
    context: str = ""

    @property
    def whole(self) -> str:
        return f"{self.context} {self.text}" if self.context else self.text


def split(text: str) -> list[str]:
    """The sentences of one paragraph."""
    return [text[start:end] for start, end in spans(text)]


def spans(text: str) -> list[tuple[int, int]]:
    """Where each sentence of a paragraph starts and ends."""
    found: list[tuple[int, int]] = []
    start = _skip_space(text, 0)
    for stop in STOP.finditer(text):
        if stop.end() > start and _ends(text, start, stop):
            found.append((start, stop.end()))
            start = _skip_space(text, stop.end())
    end = len(text.rstrip())
    if start < end:
        found.append((start, end))
    return found


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _ends(text: str, start: int, stop: re.Match[str]) -> bool:
    place = _skip_space(text, stop.end())
    following = text[place : place + 6]
    if not following or stop[0][0] in "。！？":
        return True
    starts = STARTS.match(following) is not None
    if not stop[0].startswith("."):
        return starts or not following[0].islower()
    before = WORD_BEFORE.search(text, max(start, stop.start() - 40), stop.start())
    word = before[1].lower() if before else ""
    at = stop.start() - len(word)
    if word in ABBREVIATIONS:
        return word in MAY_END and starts and not following[0].isdigit()
    if len(word) == 1 and word.isalpha() and not text[max(start, at - 1) : at].strip():
        return False  # an initial: "J. Smith"
    if word.isdigit() and (at == start or _begins_line(text, at)):
        return False  # the number of an item: "2. Wash your hands"
    return starts or not following[0].isalpha()


def _begins_line(text: str, position: int) -> bool:
    return not text[text.rfind("\n", 0, position) + 1 : position].strip()


def quotable(markdown: str) -> Iterator[Sentence]:
    """The sentences, list items, table rows and pieces of code of a passage."""
    lead = ""
    for kind, lines in _runs(markdown):
        if kind == "text":
            if lead:
                yield Sentence(lead)
            sentences = _prose(lines)
            leads = bool(sentences) and sentences[-1].endswith(":")
            lead = sentences.pop() if leads else ""
            yield from map(Sentence, sentences)
            continue
        if kind == "rows":
            yield from _rows(lines, lead)
        elif kind == "items":
            yield from _items(lines, lead)
        else:
            yield Sentence("\n".join(lines), lead)
        lead = ""
    if lead:
        yield Sentence(lead)


def _prose(lines: list[str]) -> list[str]:
    return split(" ".join(QUOTE_MARK.sub("", "\n".join(lines)).split()))


def _runs(markdown: str) -> Iterator[tuple[str, list[str]]]:
    """Lines that belong together, and what they are."""
    kind, run = "", []
    fence = ""
    for line in markdown.split("\n"):
        if fence:
            run.append(line)
            if line.strip().startswith(fence):
                yield "code", run
                kind, run, fence = "", [], ""
            continue
        opened = FENCE.match(line)
        now = "code" if opened else _kind(line, kind)
        if now != kind and run:
            yield kind, run
            run = []
        kind = now
        fence = opened[1] if opened else ""
        if now:
            run.append(line)
    if run:
        yield kind or "text", run


def _kind(line: str, current: str) -> str:
    if not line.strip():
        return ""
    if ROW.match(line):
        return "rows"
    if ITEM.match(line):
        return "items"
    return "items" if current == "items" and line[0].isspace() else "text"


def _rows(lines: list[str], lead: str) -> Iterator[Sentence]:
    """A row reads as "header: cell" pairs: alone, its cells would say nothing."""
    header: list[str] = []
    if len(lines) > 1 and RULE.match(lines[1]):
        header, lines = cells(lines[0]), lines[2:]
    for line in lines:
        if not RULE.match(line):
            text = _row(header, cells(line))
            if text:
                yield Sentence(text, lead)


def _row(header: list[str], row: list[str]) -> str:
    names = header + [""] * (len(row) - len(header))
    pairs = [
        f"{name}: {cell}" if name else cell
        for name, cell in zip(names, row, strict=False)
        if cell
    ]
    return "; ".join(pairs)


def _items(lines: list[str], lead: str) -> Iterator[Sentence]:
    """An item with what follows it; a nested item has its parent as its context."""
    parents: list[tuple[int, str]] = []
    for item in _joined_items(lines):
        found = ITEM.match(item)
        depth = len(found[1].expandtabs(4)) if found else 0
        text = " ".join(TASK.sub("", item[found.end() :] if found else item).split())
        parents = [parent for parent in parents if parent[0] < depth]
        context = " ".join([lead, *(words for _, words in parents)]).strip()
        yield Sentence(text, context)
        parents.append((depth, text))


def _joined_items(lines: list[str]) -> list[str]:
    items: list[str] = []
    for line in lines:
        if ITEM.match(line) or not items:
            items.append(line)
        else:
            items[-1] = f"{items[-1]} {line.strip()}"
    return items
