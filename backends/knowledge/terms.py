"""Words as numbers: the sparse side of a search."""

from dataclasses import dataclass

from qdrant_edge import Bm25, Bm25Config

LANGUAGE = "english"
USUAL_LENGTH = 60.0  # terms of a piece, common words left out


@dataclass(frozen=True, slots=True)
class Sparse:
    """A vector that names only its non-zero places."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


class Terms:
    """Stems words, drops the common ones, weighs the rest by BM25.

    Everything goes through this one, whichever store holds the collection: other BM25
    embedders give other numbers to half of all texts.
    """

    version = "bm25-edge-0.9"

    def __init__(self, language: str = LANGUAGE) -> None:
        self.language = language
        self._bm25 = Bm25(Bm25Config(language=language, avg_len=USUAL_LENGTH))

    def of_document(self, text: str) -> Sparse:
        vector = self._bm25.embed_document(text)
        return Sparse(tuple(vector.indices), tuple(vector.values))

    def of_question(self, text: str) -> Sparse:
        vector = self._bm25.embed_query(text)
        return Sparse(tuple(vector.indices), tuple(vector.values))

    def ids(self, text: str) -> frozenset[int]:
        return frozenset(self._bm25.embed_query(text).indices)
