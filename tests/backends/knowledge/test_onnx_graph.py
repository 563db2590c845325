"""Models that we write are models that the runtime reads."""

import numpy as np
import onnxruntime
import pytest

from backends.knowledge.onnx_graph import Graph


def run(model: bytes, given: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": given})
    return np.asarray(found)


@pytest.mark.parametrize("rows", [1, 7])
def test_constants_and_nodes_reach_the_runtime(rows: int) -> None:
    graph = Graph()
    weight = graph.constant("w", np.arange(600, dtype=np.float32).reshape(3, 200))
    graph.node("MatMul", ["x", weight], "y")
    given = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)

    found = run(graph.model({"x": ["rows", 3]}, {"y": ["rows", 200]}), given)

    assert found == pytest.approx(given @ np.arange(600).reshape(3, 200))


def test_attributes_reach_the_runtime() -> None:
    graph = Graph()
    scale = graph.constant("g", np.ones(4, np.float32))
    graph.node("LayerNormalization", ["x", scale], "y", axis=1, epsilon=0.25)
    given = np.array([[1, 2, 3, 4]], np.float32)

    found = run(graph.model({"x": [1, 4]}, {"y": [1, 4]}), given)

    expected = (given - 2.5) / np.sqrt(given.var() + 0.25)
    assert found == pytest.approx(expected, abs=1e-6)
