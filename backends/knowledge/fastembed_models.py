"""Models of the package fastembed: for embedding, and for ranking what was found."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backends.base import BackendMisconfigured
from backends.knowledge.embedding import EmbedderMissing, Vectors

INSTALL = 'pip install "curbside[fastembed]"'


class FastEmbedder:
    """Embeds with a model that fastembed knows and downloads."""

    def __init__(self, model: str, cache: Path, threads: int | None = None) -> None:
        self.name = model
        module = _module("fastembed")
        self._model = _loaded(module.TextEmbedding, model, cache, threads)
        self.version = f"fastembed-{module.__version__}"
        self.dimensions = self._query("dimensions").shape[0]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Texts of documents and questions alike."""
        rows = [np.asarray(row, np.float32) for row in self._model.embed(list(texts))]
        if not rows:
            return np.zeros((0, self.dimensions), np.float32)
        return _unit(np.stack(rows))

    def _query(self, text: str) -> Vectors:
        return np.asarray(next(iter(self._model.embed([text]))), np.float32)


class CrossEncoder:
    """Reads a question and a passage together: the closest look, and the slowest."""

    def __init__(self, model: str, cache: Path, threads: int | None = None) -> None:
        module = _module("fastembed.rerank.cross_encoder")
        self._model = _loaded(module.TextCrossEncoder, model, cache, threads)

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        return [float(score) for score in self._model.rerank(question, list(texts))]


class LateInteraction:
    """Compares each word of a question with each of a passage (ColBERT)."""

    def __init__(self, model: str, cache: Path, threads: int | None = None) -> None:
        module = _module("fastembed")
        self._model = _loaded(
            module.LateInteractionTextEmbedding, model, cache, threads
        )

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        (asked,) = self._model.query_embed([question])
        return [
            float((np.asarray(asked) @ np.asarray(said).T).max(1).sum())
            for said in self._model.embed(list(texts))
        ]


def reranker(
    model: str, cache: Path, threads: int | None = None
) -> CrossEncoder | LateInteraction:
    """The model for ranking again, of whichever kind it is."""
    known = _module("fastembed").LateInteractionTextEmbedding.list_supported_models()
    late = any(entry["model"] == model for entry in known)
    return (LateInteraction if late else CrossEncoder)(model, cache, threads)


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise EmbedderMissing(
            f"the package fastembed is not installed; run: {INSTALL}"
        ) from error


def _loaded(kind: Any, model: str, cache: Path, threads: int | None) -> Any:
    try:
        return kind(model, cache_dir=str(cache), threads=threads)
    except ValueError as error:  # its words for a name that it does not know
        raise BackendMisconfigured(
            f"fastembed cannot load {model!r} ({error}); choose a model of its list"
        ) from error


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
