"""all-MiniLM-L6-v2 as a graph of the runtime's operators, most matrices in 8 bits."""

import numpy as np
from numpy.typing import NDArray

from backends.knowledge.embedding import Vectors
from backends.knowledge.onnx_graph import MICROSOFT, Graph

Tensors = dict[str, Vectors]

LAYERS, HEADS, WIDTH = 6, 12, 384
EPSILON = 1e-12
TOP = 127  # the largest integer of a weight


def build(weights: Tensors, *, exact: bool = False) -> bytes:
    """The model from the embedded tokens (`state`) to the tokens' last states."""
    builder = _Builder(weights, exact)
    size: list[int | str] = ["texts", "tokens", WIDTH]
    last = builder.run("state")
    return builder.graph.model({"state": size}, {last: size})


class _Builder:
    """Puts the layers together; a tensor is called as its part of the file is."""

    def __init__(self, weights: Tensors, exact: bool) -> None:
        self.graph = Graph()
        self._weights = weights
        self._exact = exact

    def run(self, state: str) -> str:
        norm = self._pair("embeddings.LayerNorm")
        state = self.graph.node(
            "LayerNormalization", [state, *norm], "embedded", axis=2, epsilon=EPSILON
        )
        for number in range(LAYERS):
            state = self._layer(state, f"encoder.layer.{number}")
        return state

    def _layer(self, state: str, name: str) -> str:
        seen = [
            self._linear(state, f"{name}.attention.self.{part}")
            for part in ("query", "key", "value")
        ]
        mixed = self.graph.node(
            "MultiHeadAttention", seen, f"{name}.heads", MICROSOFT, num_heads=HEADS
        )
        mixed = self._linear(mixed, f"{name}.attention.output.dense")
        state = self._add(mixed, state, f"{name}.attention.output.LayerNorm")
        wide = self._linear(state, f"{name}.intermediate.dense")
        wide = self.graph.node("Gelu", [wide], f"{name}.gelu", MICROSOFT)
        # What the activation lets through is too uneven for 256 steps: with this matrix
        # in floats the vectors are off by less than half, and it stays quick enough.
        narrow = self._linear(wide, f"{name}.output.dense", exact=True)
        return self._add(narrow, state, f"{name}.output.LayerNorm")

    def _linear(self, x: str, name: str, *, exact: bool = False) -> str:
        matrix = self._weights[f"{name}.weight"].T
        bias = self.graph.constant(f"{name}.bias", self._weights[f"{name}.bias"])
        if exact or self._exact:
            weight = self.graph.constant(f"{name}.weight", matrix)
            product = self.graph.node("MatMul", [x, weight], f"{name}.product")
            return self.graph.node("Add", [product, bias], name)
        integers, scale = quantised(matrix)
        weight = self.graph.constant(f"{name}.weight", integers)
        scales = self.graph.constant(f"{name}.scale", scale)
        inputs = [x, weight, scales, "", bias]
        return self.graph.node("DynamicQuantizeMatMul", inputs, name, MICROSOFT)

    def _add(self, x: str, state: str, norm: str) -> str:
        inputs = [x, state, *self._pair(norm)]
        return self.graph.node(
            "SkipLayerNormalization", inputs, norm, MICROSOFT, epsilon=EPSILON
        )

    def _pair(self, name: str) -> list[str]:
        return [
            self.graph.constant(f"{name}.{part}", self._weights[f"{name}.{part}"])
            for part in ("weight", "bias")
        ]


def quantised(matrix: Vectors) -> tuple[NDArray[np.int8], Vectors]:
    """A matrix as integers, with the scale of each of its columns."""
    scale = np.abs(matrix).max(0) / np.float32(TOP)
    return np.rint(matrix / scale).astype(np.int8), scale
