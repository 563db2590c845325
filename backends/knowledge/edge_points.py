"""Passages, questions and filters in the words of the embedded engine."""

from collections.abc import Collection
from typing import Any, cast

import numpy as np
import qdrant_edge as edge

from backends.knowledge.store import (
    DENSE,
    SPARSE,
    Entry,
    Hit,
    View,
    entry_payload,
    to_piece,
)
from backends.knowledge.terms import Sparse


def to_point(entry: Entry) -> edge.Point:
    sparse = edge.SparseVector(list(entry.sparse.indices), list(entry.sparse.values))
    vectors = {DENSE: entry.dense.tolist(), SPARSE: sparse}
    return edge.Point(entry.id, vectors, entry_payload(entry))


def to_entry(record: edge.Record) -> Entry:
    vectors = cast(dict[str, Any], record.vector)
    sparse = vectors[SPARSE]
    return Entry(
        to_piece(record.payload or {}),
        np.asarray(vectors[DENSE], np.float32),
        Sparse(tuple(sparse.indices), tuple(sparse.values)),
    )


def to_queries(view: View) -> list[edge.Query]:
    queries = [edge.Query.Nearest(view.dense.tolist(), DENSE)]
    if view.sparse.indices:
        sparse = edge.SparseVector(list(view.sparse.indices), list(view.sparse.values))
        queries.append(edge.Query.Nearest(sparse, SPARSE))
    return queries


def to_hit(point: edge.Record) -> Hit:
    vector = cast(dict[str, Any], point.vector)[DENSE]
    return Hit(
        id=str(point.id),
        piece=to_piece(point.payload or {}),
        score=0.0,
        dense=np.asarray(vector, np.float32),
    )


def vectors_of(point: edge.ScoredPoint) -> dict[str, Any]:
    return cast(dict[str, Any], point.vector)


def is_value(field: str, value: str) -> edge.FieldCondition:
    return edge.FieldCondition(field, match=edge.MatchValue(value))


def is_any(field: str, values: Collection[str]) -> edge.FieldCondition:
    return edge.FieldCondition(field, match=edge.MatchAny(sorted(values)))
