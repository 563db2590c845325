"""What turns text into vectors, and the error of one that is not installed."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from backends.base import BackendMisconfigured

Vectors = NDArray[np.float32]


class EmbedderMissing(BackendMisconfigured):
    """The weights of an embedding model are absent or not the expected ones."""


class Embedder(Protocol):
    """Turns texts into unit vectors. Called from worker threads, blocking.

    A collection remembers `name`, `version` and `dimensions`; vectors of different ones
    must never meet in it.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row for each text, in the same order, each of length one."""
        ...


@runtime_checkable
class Connected(Protocol):
    """What an embedder has besides that keeps connections."""

    def close(self) -> None:
        """Give them back."""
        ...
