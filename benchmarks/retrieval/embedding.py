"""The embedder inside beside sentence-transformers: the same texts, in turns."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec

from backends.knowledge.chunking import cut
from backends.knowledge.embedding import Vectors
from backends.knowledge.minilm import MiniLM, find_weights
from benchmarks.measure import Figure, percentiles
from benchmarks.retrieval.ours import EVERYONE
from benchmarks.retrieval.sets import QuestionSet

ROUNDS = 3
TEXTS = 100
PACKAGES = "sentence-transformers torch"

Embed = Callable[[list[str]], object]


def embedding(sets: Sequence[QuestionSet], threads: int) -> Iterator[Figure]:
    """Texts a second, by median of the rounds, and the ratio; one question's time."""
    texts = [_pieces(each) for each in sets]
    given = [text for row in zip(*texts, strict=False) for text in row][:TEXTS]
    asked = [question.text for each in sets for question in each.questions][:TEXTS]
    ours = MiniLM(find_weights(), threads)
    speeds: dict[str, list[float]] = {"inside": []}
    embedders: dict[str, Embed] = {"inside": ours.embed}
    if find_spec("sentence_transformers") is None:
        print(f"sentence-transformers is left out, not being installed: {PACKAGES}")
    else:
        embedders["sentence-transformers"] = _theirs(threads)
        speeds["sentence-transformers"] = []
    for _ in range(ROUNDS):
        for name, embed in embedders.items():
            speeds[name].append(len(given) / _time(embed, given))
    for name, values in speeds.items():
        yield Figure(f"{name}, texts a second", statistics.median(values))
    if "sentence-transformers" in speeds:
        pairs = zip(speeds["inside"], speeds["sentence-transformers"], strict=True)
        ratio = statistics.median(one / other for one, other in pairs)
        yield Figure("times as quick", ratio, limit=3, floor=True)
    exact: Vectors = MiniLM(find_weights(), exact=True).embed(given)
    cosine = float((exact * ours.embed(given)).sum(1).mean())
    yield Figure("cosine to the same in floats, mean", cosine)
    times = [_time(ours.embed, [text]) for text in asked]
    yield from percentiles("one question", times, p50=8, p95=None)


def _pieces(texts: QuestionSet) -> list[str]:
    return [p.indexed for t in texts.texts for p in cut(t.document, EVERYONE)]


def _time(embed: Embed, texts: list[str]) -> float:
    begun = time.perf_counter()
    embed(texts)
    return time.perf_counter() - begun


def _theirs(threads: int) -> Embed:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    model = SentenceTransformer(str(find_weights()), device="cpu")
    return lambda texts: model.encode(texts, show_progress_bar=False)
