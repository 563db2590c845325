"""Parts that the tests of the documents share."""

from pathlib import Path

import numpy as np
import pytest

from backends.knowledge.embedding import Vectors
from backends.knowledge.minilm import MiniLM
from backends.knowledge.server_store import ServerStore
from backends.knowledge.terms import Terms
from backends.knowledge.wordpiece import words

HANDBOOK = Path(__file__).parents[3] / "examples" / "handbook"


class HashedWords:
    """An embedder that is quick to make: texts with the same words are near."""

    name = "hashed-words"
    version = "1"
    dimensions = 64

    def __init__(self) -> None:
        self.embedded = 0

    def embed(self, texts: list[str] | tuple[str, ...]) -> Vectors:
        self.embedded += len(texts)
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            for word in words(text):
                vectors[row, sum(word.encode()) % self.dimensions] += 1
            vectors[row, 0] += 0.01
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


@pytest.fixture(autouse=True)
def quick_following(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes look often whether a collection was built anew."""
    monkeypatch.setattr(ServerStore, "follow_seconds", 0.05)


@pytest.fixture
def embedder() -> HashedWords:
    return HashedWords()


@pytest.fixture(scope="session")
def terms() -> Terms:
    return Terms()


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> MiniLM:
    return MiniLM.installed(tmp_path_factory.mktemp("weights"))
