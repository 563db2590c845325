"""Writes a small ONNX model: nodes, constants, one input, one output.

An ONNX file is a protocol buffer of a few message types. The numbers are the fields of
its published schema (onnx.proto3); written here, a runtime is all that has to be there.
"""

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

IR_VERSION = 8
OPSET = 17
MICROSOFT = "com.microsoft"  # the runtime's own operators, fused and quantised
FLOAT = 1
TYPES = {"float32": FLOAT, "uint8": 2, "int8": 3, "int64": 7}
ATTRIBUTE_FLOAT, ATTRIBUTE_INT = 1, 2


class Graph:
    """Collects nodes in the order in which they run."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        shape = b"".join(_number(1, size) for size in value.shape)
        kind = _number(2, TYPES[value.dtype.name])
        data = np.ascontiguousarray(value).tobytes()
        self._constants.append(shape + kind + _text(8, name) + _bytes(9, data))
        return name

    def node(
        self,
        operator: str,
        inputs: list[str],
        output: str,
        domain: str = "",
        **attributes: float,
    ) -> str:
        """Add a node; returns the name of its output."""
        parts = [_text(1, name) for name in inputs]
        parts.append(_text(2, output))
        parts.append(_text(4, operator))
        parts.extend(_bytes(5, _attribute(*entry)) for entry in attributes.items())
        parts.append(_text(7, domain))
        self._nodes.append(b"".join(parts))
        return output

    def model(
        self, given: Mapping[str, list[int | str]], found: Mapping[str, list[int | str]]
    ) -> bytes:
        """The file's content; inputs and outputs are floats of these shapes."""
        graph = b"".join(
            [
                *(_bytes(1, node) for node in self._nodes),
                _text(2, "graph"),
                *(_bytes(5, constant) for constant in self._constants),
                *(_bytes(11, _value(*entry)) for entry in given.items()),
                *(_bytes(12, _value(*entry)) for entry in found.items()),
            ]
        )
        sets = (("", OPSET), (MICROSOFT, 1))
        opsets = [_bytes(8, _text(1, name) + _number(2, no)) for name, no in sets]
        return _number(1, IR_VERSION) + _bytes(7, graph) + b"".join(opsets)


def _attribute(name: str, value: float) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, ATTRIBUTE_INT)
    number = _varint(2 << 3 | 5) + struct.pack("<f", value)
    return _text(1, name) + number + _number(20, ATTRIBUTE_FLOAT)


def _value(name: str, shape: list[int | str]) -> bytes:
    """A float tensor; a size that is a name may differ from run to run."""
    sizes = (
        _number(1, size) if isinstance(size, int) else _text(2, size) for size in shape
    )
    tensor = _number(1, FLOAT) + _bytes(2, b"".join(_bytes(1, size) for size in sizes))
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
