"""Pieces that were found, joined to passages of their sections."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backends.base import Passage
from backends.knowledge.chunking import Piece, count_words
from backends.knowledge.documents import Kind
from backends.knowledge.store import Hit, point_id

JOINED_WORDS = 400


@dataclass(frozen=True, slots=True)
class Run:
    """Adjacent hits of one section, in reading order."""

    hits: tuple[Hit, ...]

    @property
    def score(self) -> float:
        return max(hit.score for hit in self.hits)

    @property
    def best(self) -> Hit:
        return max(self.hits, key=lambda hit: hit.score)

    @property
    def first(self) -> Piece:
        return self.hits[0].piece

    @property
    def words(self) -> int:
        return sum(count_words(hit.piece.text) for hit in self.hits)

    @property
    def beside(self) -> tuple[str, str]:
        """The ids of the pieces before and after it, whether they exist or not."""
        first, last = self.first, self.hits[-1].piece
        places = ((first, first.position - 1), (last, last.position + 1))
        before, after = (
            point_id("piece", piece.document, piece.revision, position)
            for piece, position in places
        )
        return before, after

    def widened(self, known: dict[str, Hit]) -> "Run":
        """With its neighbours of the same section, as long as there is room."""
        hits, room = self.hits, JOINED_WORDS - self.words
        for at, id in enumerate(self.beside):
            hit = known.get(id)
            if hit is None or hit.piece.section != self.first.section:
                continue
            room -= count_words(hit.piece.text)
            if room >= 0:
                hits = (*hits, hit) if at else (hit, *hits)
        return Run(hits)

    @property
    def text(self) -> str:
        texts = [self.first.text]
        for before, after in zip(self.hits, self.hits[1:], strict=False):
            texts.append(_without_header(before.piece, after.piece))
        return "".join(texts)


def joined(hits: Iterable[Hit]) -> list[Run]:
    """Hits grouped to their sections and joined where they are neighbours, best first.

    While a document is being replaced both its revisions are there: the revision of its
    best hit is taken.
    """
    revisions: dict[str, str] = {}
    sections: dict[tuple[str, int], dict[int, Hit]] = {}
    for hit in hits:
        piece = hit.piece
        if revisions.setdefault(piece.document, piece.revision) == piece.revision:
            section = sections.setdefault((piece.document, piece.section), {})
            section[piece.position] = hit
    runs = [run for section in sections.values() for run in _runs(section)]
    return sorted(runs, key=lambda run: -run.score)


def _runs(section: dict[int, Hit]) -> Iterable[Run]:
    """Starting from the best hit, neighbours are taken in while there is room."""
    rest = dict(section)
    while rest:
        first = last = max(rest, key=lambda position: rest[position].score)
        words = count_words(rest[first].piece.text)
        for step in (1, -1):
            at = first + step
            while at in rest:
                words += count_words(rest[at].piece.text)
                if words > JOINED_WORDS:
                    break
                first, last = min(first, at), max(last, at)
                at += step
        yield Run(tuple(rest.pop(position) for position in range(first, last + 1)))


def _without_header(before: Piece, after: Piece) -> str:
    """What follows a piece; the rest of a cut table continues it without its header."""
    header = before.text.split("\n")[:2]
    lines = after.text.split("\n")
    if before.kind is after.kind is Kind.TABLE and lines[:2] == header:
        return "\n" + "\n".join(lines[2:])
    return f"\n\n{after.text}"


def completed(runs: Sequence[Run], everything: Sequence[Hit]) -> list[Run]:
    """The runs, and after them all else in the order of the documents."""
    told = {hit.id for run in runs for hit in run.hits}
    rest = [hit for hit in everything if hit.id not in told]
    rest.sort(key=lambda hit: (hit.piece.document, hit.piece.position))
    return [*runs, *joined(rest)]


def to_passage(run: Run, support: float) -> Passage:
    piece = run.first
    return Passage(
        id=run.best.id,
        document=piece.document,
        title=piece.title,
        section=" > ".join(piece.headings),
        text=run.text,
        uri=piece.link,
        page=piece.page,
        labels=piece.labels,
        score=run.score,
        support=support,
    )
