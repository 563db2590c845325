"""Passages, questions and filters in the words of a Qdrant server."""

from collections.abc import Collection
from typing import Any

import numpy as np
from qdrant_client import models

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


def to_point(entry: Entry) -> models.PointStruct:
    sparse = models.SparseVector(
        indices=list(entry.sparse.indices), values=list(entry.sparse.values)
    )
    return models.PointStruct(
        id=entry.id,
        vector={DENSE: entry.dense.tolist(), SPARSE: sparse},
        payload=entry_payload(entry),
    )


def to_entry(record: models.Record) -> Entry:
    sparse = vector_of(record, SPARSE)
    return Entry(
        to_piece(record.payload or {}),
        np.asarray(vector_of(record, DENSE), np.float32),
        Sparse(tuple(sparse.indices), tuple(sparse.values)),
    )


def to_queries(view: View) -> list[tuple[str, list[float] | models.SparseVector]]:
    queries: list[tuple[str, list[float] | models.SparseVector]] = [
        (DENSE, view.dense.tolist())
    ]
    if view.sparse.indices:
        sparse = models.SparseVector(
            indices=list(view.sparse.indices), values=list(view.sparse.values)
        )
        queries.append((SPARSE, sparse))
    return queries


def to_hit(point: models.Record) -> Hit:
    return Hit(
        id=str(point.id),
        piece=to_piece(point.payload or {}),
        score=0.0,
        dense=np.asarray(vector_of(point, DENSE), np.float32),
    )


def vector_of(point: models.Record | models.ScoredPoint, name: str) -> Any:
    assert isinstance(point.vector, dict)
    return point.vector[name]


def is_value(field: str, value: str) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchValue(value=value))


def is_any(field: str, values: Collection[str]) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchAny(any=sorted(values)))
