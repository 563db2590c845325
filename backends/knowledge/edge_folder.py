"""The folder of an embedded collection: which of its generations counts.

    knowledge/documents/
        lock, owner.json    who has it open
        current             the name of the generation that counts; none: `shard`
        shard, shard-2, ..  generations; those that do not count are swept away

A new generation is built beside the one that counts, and the note is replaced at once:
whenever the process ends, one complete generation counts.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from backends.knowledge.store import (
    DENSE,
    IDENTITY_ID,
    KEYWORDS,
    REBUILD,
    SPARSE,
    Identity,
    StoreUnavailable,
    check_identity,
    identity_payload,
)

FIRST = "shard"
GENERATION = re.compile(r"shard(?:-(\d+))?")

ROOM = 64 * 2**20
"""Free bytes that a write wants. The engine maps its files into memory, and on a full
disk a write to such a file does not fail: it ends the process."""


def open_shard(
    folder: Path, identity: Identity, *, rebuild: bool, checked: bool
) -> tuple[edge.EdgeShard, Path]:
    """Open the generation that counts, or create the first one."""
    path = current(folder)
    if rebuild:
        shard, path = create_beside(folder, identity)
        make_current(folder, path)
    elif not (path / "edge_config.json").exists():
        shard = _create_anew(folder, path, identity)
    else:
        shard = _load(folder, path)
        try:
            if checked:
                check_identity(read_identity(shard), identity, f"{str(folder)!r}")
        except BaseException:
            shard.close()
            raise
    sweep(folder, path)
    return shard, path


def create_beside(folder: Path, identity: Identity) -> tuple[edge.EdgeShard, Path]:
    """An empty generation that does not count yet."""
    numbers = [
        int(found[1] or 1)
        for path in folder.iterdir()
        if (found := GENERATION.fullmatch(path.name))
    ]
    path = folder / f"{FIRST}-{max(numbers, default=1) + 1}"
    return _create_anew(folder, path, identity), path


def current(folder: Path) -> Path:
    """The generation that counts."""
    try:
        name = (folder / "current").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        name = FIRST
    if not GENERATION.fullmatch(name):
        raise StoreUnavailable(
            f"{str(folder / 'current')!r} names no generation; write the name of the "
            f"folder `shard...` beside it into it, or build it anew with: {REBUILD}"
        )
    return folder / name


def make_current(folder: Path, path: Path) -> None:
    """Make a generation count, durably and at once."""
    new = folder / "current.new"
    with new.open("w", encoding="utf-8") as file:
        file.write(path.name)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / "current")
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sweep(folder: Path, kept: Path) -> None:
    """Delete generations that a process left behind which ended at a wrong moment."""
    for path in folder.iterdir():
        if GENERATION.fullmatch(path.name) and path != kept:
            shutil.rmtree(path, ignore_errors=True)


def read_identity(shard: edge.EdgeShard) -> Mapping[str, Any]:
    found = shard.retrieve([IDENTITY_ID], with_payload=True, with_vector=False)
    return (found[0].payload if found else None) or {}


def require_room(folder: Path) -> None:
    """Raises `StoreUnavailable` when the disk is about to be full."""
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        raise StoreUnavailable(
            f"the disk of the document store in {str(folder)!r} has "
            f"{free / 2**20:.0f} MB left, and {ROOM / 2**20:.0f} MB are needed; make "
            "room, or set `data_dir` to a bigger disk, then run `curbside ingest` again"
        )


def unusable(folder: Path, error: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        f"the document store cannot be made in {str(folder)!r} ({error}); check that "
        "it can be written to and that its disk has room, or set `data_dir`"
    )


def _create_anew(folder: Path, path: Path, identity: Identity) -> edge.EdgeShard:
    require_room(folder)
    try:
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return _create(path, identity)
    except Exception as error:  # the engine knows one class for all
        # What is left of it must not pass for a collection the next time.
        shutil.rmtree(path, ignore_errors=True)
        raise unusable(folder, error) from error


def _create(path: Path, identity: Identity) -> edge.EdgeShard:
    config = edge.EdgeConfig(
        vectors={
            DENSE: edge.EdgeVectorParams(
                size=identity.dimensions, distance=edge.Distance.Cosine
            )
        },
        sparse_vectors={
            SPARSE: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)
        },
    )
    shard = edge.EdgeShard.create(str(path), config)
    for field in KEYWORDS:
        index = edge.UpdateOperation.create_field_index(
            field, edge.PayloadSchemaType.Keyword
        )
        shard.update(index)
    point = edge.Point(IDENTITY_ID, {}, identity_payload(identity))
    shard.update(edge.UpdateOperation.upsert_points([point]))
    shard.flush()
    return shard


def _load(folder: Path, path: Path) -> edge.EdgeShard:
    try:
        return edge.EdgeShard.load(str(path))
    except Exception as error:
        require_room(folder)  # on a full disk nothing is wrong with what is there
        raise StoreUnavailable(
            f"the document store in {str(folder)!r} cannot be opened ({error}); "
            f"restore it from a backup, or build it anew with: {REBUILD}"
        ) from error
