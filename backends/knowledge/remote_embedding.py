"""Embeddings of any server that speaks OpenAI's `/v1/embeddings`."""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
from openai import APIConnectionError, APIError, APITimeoutError, OpenAI

from backends.base import (
    BackendMisconfigured,
    BackendRateLimited,
    BackendTimeout,
    BackendUnavailable,
)
from backends.chat_failures import refusal_of
from backends.knowledge.embedding import Vectors

BATCH = 64  # texts of one request
RETRIES = 5  # the client waits as long as `Retry-After` says, or longer each time
TIMEOUT = 60.0
BUSY = 429
OURS = (400, 401, 403, 404, 422)  # trying again would not help


class RemoteEmbedder:
    """Turns texts into unit vectors by a model server. Blocking, as all embedders are.

    The server is asked once when it is made: only its answer tells the dimensions.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        per_minute: int = 0,
        timeout: float = TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = OpenAI(
            # The client insists on a key; local servers want none.
            base_url=base_url,
            api_key=api_key or "none",
            max_retries=RETRIES,
            timeout=timeout,
        )
        self._pace = Pace(per_minute, sleep)
        self._where = f"embedding model {model!r} at {self._client.base_url}"
        self.name = model
        self.version = hashlib.sha256(str(self._client.base_url).encode()).hexdigest()[
            :12
        ]
        try:
            self.dimensions = self._ask(["dimensions"]).shape[1]
        except BaseException:
            self.close()
            raise

    def embed(self, texts: Sequence[str]) -> Vectors:
        batches = [
            self._ask(texts[start : start + BATCH])
            for start in range(0, len(texts), BATCH)
        ]
        empty = np.zeros((0, self.dimensions), np.float32)
        return np.concatenate([empty, *batches])

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _ask(self, texts: Sequence[str]) -> Vectors:
        self._pace.wait()
        try:
            # Servers refuse an empty text.
            answer = self._client.embeddings.create(
                model=self.name,
                input=[text.strip() or "-" for text in texts],
                encoding_format="float",
            )
        except APIError as error:
            raise self._explained(error) from error
        rows = sorted(answer.data, key=lambda entry: entry.index)
        vectors = np.array([row.embedding for row in rows], np.float32)
        lengths = (
            np.linalg.norm(vectors, axis=1, keepdims=True) if rows else np.zeros(1)
        )
        if len(rows) != len(texts) or vectors.ndim != 2 or not lengths.all():
            raise BackendUnavailable(
                f"{self._where} gave {len(rows)} vectors for {len(texts)} texts, "
                "or empty ones; check that it is a model for embeddings"
            )
        unit: Vectors = vectors / lengths
        return unit

    def _explained(self, error: APIError) -> Exception:
        if isinstance(error, APITimeoutError):
            return BackendTimeout(f"{self._where} did not answer in time")
        if isinstance(error, APIConnectionError):
            return BackendUnavailable(
                f"{self._where} cannot be reached; check `base_url` in [retrieval]"
            )
        refusal = refusal_of(error)
        said = refusal.text
        if refusal.status == BUSY:
            wait = refusal.headers.get("retry-after", "")
            after = float(wait) if wait.replace(".", "", 1).isdigit() else None
            return BackendRateLimited(f"{self._where} is busy ({said})", after)
        if refusal.status in OURS:
            return BackendMisconfigured(
                f"{self._where} refuses ({said}); check `model` and `api_key` in "
                "[retrieval]"
            )
        return BackendUnavailable(f"{self._where} failed ({said})")


class Pace:
    """Keeps requests apart, so that a limit per minute is not reached at all."""

    def __init__(self, per_minute: int, sleep: Callable[[float], None]) -> None:
        self._apart = 60 / per_minute if per_minute else 0.0
        self._sleep = sleep
        self._next = 0.0
        self._turn = threading.Lock()

    def wait(self) -> None:
        if not self._apart:
            return
        with self._turn:
            now = time.monotonic()
            start = max(now, self._next)
            self._next = start + self._apart
        self._sleep(start - now)
