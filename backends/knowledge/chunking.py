"""Cuts a document into pieces of about 100 words that know where they stand."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise

from backends.knowledge.documents import Block, Document, Kind
from backends.knowledge.sentences import ITEM, spans

CHUNKER_VERSION = "1"  # raise it when the same document would be cut differently

# MiniLM reads 256 tokens, so 180 words and their breadcrumb would fit; measured, pieces
# of about 100 words were found better, and this limit leaves an even cut at that.
MOST_WORDS = 140
MOST_TABLE_WORDS = 70  # of many rows, a question means one: small groups are found
MOST_CODE_WORDS = 400  # code loses its sense when cut, so it may be longer


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a document, as it is embedded, stored and found.

    `section` numbers the sections of a document and `position` its pieces, both from 0.
    `revision` tells the pieces of one version of a document from those of another.
    `context` is a model's line on where it stands; searched with it, and not shown.
    """

    document: str
    title: str
    text: str
    position: int
    section: int = 0
    headings: tuple[str, ...] = ()
    kind: Kind = Kind.TEXT
    page: int | None = None
    start: int = 0
    end: int = 0
    labels: frozenset[str] = frozenset()
    link: str = ""
    date: str = ""
    revision: str = ""
    language: str = ""
    context: str = ""

    @property
    def breadcrumb(self) -> str:
        return " > ".join(filter(None, (self.title, *self.headings)))

    @property
    def indexed(self) -> str:
        """What is embedded: the breadcrumb tells a piece from its like elsewhere."""
        text = f"{self.context} {self.text}" if self.context else self.text
        return f"{self.breadcrumb}: {text}" if self.breadcrumb else text

    @property
    def worded(self) -> str:
        """What is searched by words: those of a heading count twice."""
        return f"{self.breadcrumb}. {self.indexed}" if self.breadcrumb else self.indexed


def cut(
    document: Document, labels: frozenset[str] = frozenset(), revision: str = ""
) -> list[Piece]:
    """The pieces of a document; none crosses from one section into another."""
    pieces: list[Piece] = []
    sections = groupby(document.blocks, key=lambda block: block.headings)
    for number, (headings, blocks) in enumerate(sections):
        for group in _groups(blocks):
            kinds = {part.kind for part in group}
            pieces.append(
                Piece(
                    document=document.name,
                    title=document.title,
                    text="\n\n".join(part.text for part in group),
                    position=len(pieces),
                    section=number,
                    headings=headings,
                    kind=kinds.pop() if len(kinds) == 1 else Kind.TEXT,
                    page=group[0].page,
                    start=group[0].start,
                    end=group[-1].end,
                    labels=labels,
                    link=document.link,
                    date=document.date,
                    revision=revision,
                    language=document.language,
                )
            )
    return pieces


def count_words(text: str) -> int:
    return len(text.split())


def _groups(blocks: Iterable[Block]) -> Iterator[Sequence[Block]]:
    """Small blocks together; groups of rows that a table was cut into, each alone."""
    small: list[Block] = []
    for block in blocks:
        parts = _parts(block)
        if len(parts) > 1 and block.kind is Kind.TABLE:
            yield from _packed(small)
            small = []
            yield from ([part] for part in parts)
        else:
            small.extend(parts)
    yield from _packed(small)


def _packed(parts: Sequence[Block]) -> Iterator[Sequence[Block]]:
    sizes = [count_words(part.text) for part in parts]
    for group in _even(sizes, MOST_WORDS):
        yield parts[group]


def _even(sizes: Sequence[int], most: int) -> Iterator[slice]:
    """Groups of about equal size, rather than full ones and a small rest."""
    total = sum(sizes)
    share = total / max(1, -(-total // most))
    begin, size, before, last = 0, 0, 0, 0
    for at, words in enumerate(sizes):
        middle = int((before + words / 2) / share) if total else 0
        if at > begin and (middle > last or size + words > most):
            yield slice(begin, at)
            begin, size = at, 0
        last = middle
        size += words
        before += words
    if begin < len(sizes):
        yield slice(begin, len(sizes))


def _parts(block: Block) -> list[Block]:
    """A block whole where it fits, else groups of its sentences, items, rows, lines."""
    words = count_words(block.text)
    if block.kind is Kind.CODE:
        return [block] if words <= MOST_CODE_WORDS else _by_lines(block, _line_starts)
    if block.kind is Kind.TABLE:
        return [block] if words <= MOST_TABLE_WORDS else _by_rows(block)
    if words <= MOST_WORDS:
        return [block]
    if block.kind is Kind.LIST:
        return _by_lines(block, _item_starts)
    starts = [start for start, _ in spans(block.text)]
    return _grouped(block, [0, *starts[1:]])


def _by_lines(block: Block, find: Callable[[str], list[int]]) -> list[Block]:
    return _grouped(block, find(block.text) or [0])


def _line_starts(text: str) -> list[int]:
    return [0] + [at + 1 for at, character in enumerate(text) if character == "\n"]


def _item_starts(text: str) -> list[int]:
    return [at for at in _line_starts(text) if at == 0 or ITEM.match(text, at)]


def _grouped(block: Block, starts: Sequence[int]) -> list[Block]:
    """The block cut at some of `starts`, as few as the size allows."""
    text = block.text
    bounds = [
        bound
        for pair in pairwise([*starts, len(text)])
        for bound in _no_longer(text, *pair)
    ]
    sizes = [count_words(text[start:end]) for start, end in bounds]
    parts = []
    for group in _even(sizes, MOST_WORDS):
        start, end = bounds[group][0][0], bounds[group][-1][1]
        part = text[start:end].rstrip()
        parts.append(_part(block, part, start, start + len(part)))
    return parts


def _no_longer(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A sentence of several hundred words is cut between words, if it must be."""
    if count_words(text[start:end]) <= MOST_WORDS:
        yield start, end
        return
    words, begin, inside = 0, start, False
    for at in range(start, end):
        if text[at].isspace():
            inside = False
        elif not inside:
            inside = True
            words += 1
            if words > MOST_WORDS:
                yield begin, at
                begin, words = at, 1
    yield begin, end


def _by_rows(block: Block) -> list[Block]:
    """Groups of rows, the header repeated over each."""
    lines = block.text.split("\n")
    header, rows = lines[:2], lines[2:]
    room = max(MOST_TABLE_WORDS - count_words(" ".join(header)), MOST_TABLE_WORDS // 2)
    ends = list(accumulate(len(line) + 1 for line in lines))[1:]
    return [
        _part(
            block,
            "\n".join(header + rows[group]),
            ends[group.start],
            ends[group.stop] - 1,
        )
        for group in _even([count_words(row) for row in rows], room)
    ]


def _part(block: Block, text: str, start: int, end: int) -> Block:
    return replace(block, text=text, start=block.start + start, end=block.start + end)
