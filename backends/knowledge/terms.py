"""Words as numbers: the sparse side of a search."""

import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from qdrant_edge import Bm25, Bm25Config

from backends.knowledge.wordpiece import words

LANGUAGE = "english"
USUAL_LENGTH = 60.0  # words of a piece, common ones left out
SATURATION = 1.2  # BM25's k: how soon saying a word again adds nothing
LENGTH_SHARE = 0.75  # BM25's b: how much a long piece has to say it more often

# A stem counts 1. "Routing" asked for by its very form, and words that are neighbours
# as in the question, count a little more: each gained on four different sets.
EXACT = 0.25
PAIR = 0.1

KNOWN_WORDS = 50_000


@dataclass(frozen=True, slots=True)
class Sparse:
    """A vector that names only its non-zero places."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Bags:
    """The terms of a text, each kind with how often it comes."""

    stems: Counter[int]
    exact: Counter[int]
    pairs: Counter[int]

    @property
    def kinds(self) -> tuple[Counter[int], ...]:
        return self.stems, self.exact, self.pairs


class Terms:
    """Stems words, drops the common ones, weighs stems, forms and pairs by BM25.

    Everything goes through this one, whichever store holds the collection: other BM25
    embedders give other numbers to half of all texts. The store adds the rarity of a
    term (its inverse document frequency) when it is asked.
    """

    version = "stems-forms-pairs-1"

    def __init__(self, language: str = LANGUAGE) -> None:
        self.language = language
        self._stemmer = Bm25(Bm25Config(language=language))
        self._stems: dict[str, int | None] = {}

    def of_document(self, text: str) -> Sparse:
        bags = self._bags(text)
        length = bags.stems.total() / USUAL_LENGTH
        damp = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length)
        return _sparse(
            (term, count * (SATURATION + 1) / (count + damp))
            for bag in bags.kinds
            for term, count in bag.items()
        )

    def of_question(self, text: str) -> Sparse:
        weights = zip(self._bags(text).kinds, (1.0, EXACT, PAIR), strict=True)
        return _sparse((term, weight) for bag, weight in weights for term in bag)

    def ids(self, text: str) -> frozenset[int]:
        """The stems of a text, common words left out."""
        return frozenset(self._bags(text).stems)

    def _bags(self, text: str) -> Bags:
        kept = [
            (word, stem)
            for word in words(text)
            if (stem := self._stem(word)) is not None
        ]
        stems = [stem for _, stem in kept]
        pairs = pairwise(stems)
        return Bags(
            stems=Counter(stems),
            exact=Counter(_number(f"={word}") for word, _ in kept),
            pairs=Counter(_number(f"{one} {other}") for one, other in pairs),
        )

    def _stem(self, word: str) -> int | None:
        """The number of a word's stem; None for a common word or a sign."""
        if word in self._stems:
            return self._stems[word]
        if len(self._stems) >= KNOWN_WORDS:
            self._stems = {}
        found = self._stemmer.embed_query(word).indices
        stem = self._stems[word] = found[0] if found else None
        return stem


def _number(name: str) -> int:
    return zlib.crc32(name.encode(errors="replace"))


def _sparse(weights: Iterable[tuple[int, float]]) -> Sparse:
    """One entry a term: should two share a number, the first stays."""
    entries: dict[int, float] = {}
    for term, weight in weights:
        entries.setdefault(term, weight)
    return Sparse(tuple(entries), tuple(entries.values()))
