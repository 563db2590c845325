"""What only a collection in a folder does: it belongs to one process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backends.knowledge.edge_store import EdgeStore
from backends.knowledge.store import (
    CollectionMismatch,
    DocumentRecord,
    Identity,
    StoreInUse,
    StoreUnavailable,
    View,
)
from backends.knowledge.terms import Sparse

IDENTITY = Identity("hashed-words", "1", 4, "bm25")
ANYWHERE = View(np.ones(4, np.float32), Sparse((), ()))

WRITER = """
import asyncio, os, signal, sys
from pathlib import Path
from backends.knowledge.edge_store import EdgeStore
from backends.knowledge.store import DocumentRecord, Identity

async def main():
    identity = Identity("hashed-words", "1", 4, "bm25")
    store = await EdgeStore.open(Path(sys.argv[1]), identity)
    for number in range(50):
        await store.record(DocumentRecord(f"{number}.md", "d"))
    print("written", flush=True)
    if sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()

asyncio.run(main())
"""


def writer(folder: Path, then: str) -> "subprocess.Popen[str]":
    """Another process that opens the store and writes fifty records."""
    command = [sys.executable, "-c", WRITER, str(folder), then]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    return process


async def test_says_which_process_holds_the_folder(tmp_path: Path) -> None:
    process = writer(tmp_path, "wait")
    try:
        with pytest.raises(StoreInUse, match=f"process {process.pid} ") as refused:
            await EdgeStore.open(tmp_path, IDENTITY)
    finally:
        process.communicate()

    assert repr(str(tmp_path)) in str(refused.value)


async def test_says_so_when_this_process_holds_the_folder(tmp_path: Path) -> None:
    store = await EdgeStore.open(tmp_path, IDENTITY)

    with pytest.raises(StoreInUse, match=f"process {os.getpid()} "):
        await EdgeStore.open(tmp_path, IDENTITY)

    await store.close()


async def test_manages_without_a_note_of_the_owner(tmp_path: Path) -> None:
    store = await EdgeStore.open(tmp_path, IDENTITY)
    (tmp_path / "owner.json").write_text("{")

    with pytest.raises(StoreInUse, match="another process"):
        await EdgeStore.open(tmp_path, IDENTITY)

    await store.close()


async def test_a_refused_process_does_no_damage(tmp_path: Path) -> None:
    """The engine alone truncates files of the owner before it finds them locked."""
    process = writer(tmp_path, "wait")
    for _ in range(3):
        with pytest.raises(StoreInUse):
            await EdgeStore.open(tmp_path, IDENTITY)
    process.communicate()

    store = await EdgeStore.open(tmp_path, IDENTITY)
    await store.record(DocumentRecord("last.md", "d"))
    await store.flush()

    assert len(await store.documents()) == 51
    await store.close()


async def test_rebuilding_does_not_pull_the_folder_from_under_its_owner(
    tmp_path: Path,
) -> None:
    store = await EdgeStore.open(tmp_path, IDENTITY)
    await store.record(DocumentRecord("a.md", "d"))

    with pytest.raises(StoreInUse):
        await EdgeStore.open(tmp_path, IDENTITY, rebuild=True)

    assert set(await store.documents()) == {"a.md"}
    await store.close()


async def test_can_be_opened_after_its_owner_was_killed(tmp_path: Path) -> None:
    process = writer(tmp_path, "die")
    process.communicate()

    store = await EdgeStore.open(tmp_path, IDENTITY)

    assert len(await store.documents()) == 50
    note = json.loads((tmp_path / "owner.json").read_text())
    assert note["pid"] == os.getpid()
    await store.close()
    assert not (tmp_path / "owner.json").exists()


async def test_a_folder_is_free_again_after_a_refusal(tmp_path: Path) -> None:
    await (await EdgeStore.open(tmp_path, IDENTITY)).close()
    other = Identity("another", "1", 4, "bm25")

    for _ in range(2):
        with pytest.raises(CollectionMismatch):
            await EdgeStore.open(tmp_path, other)

    await (await EdgeStore.open(tmp_path, IDENTITY)).close()


async def test_a_damaged_folder_is_named_with_the_way_out(tmp_path: Path) -> None:
    await (await EdgeStore.open(tmp_path, IDENTITY)).close()
    (tmp_path / "shard" / "edge_config.json").write_text("not json")

    with pytest.raises(StoreUnavailable, match="curbside ingest --rebuild"):
        await EdgeStore.open(tmp_path, IDENTITY)


async def test_a_damaged_folder_can_be_built_anew(tmp_path: Path) -> None:
    await (await EdgeStore.open(tmp_path, IDENTITY)).close()
    (tmp_path / "shard" / "edge_config.json").write_text("not json")

    store = await EdgeStore.open(tmp_path, IDENTITY, rebuild=True)

    assert await store.count() == 0
    await store.close()


async def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    store = await EdgeStore.open(tmp_path, IDENTITY)
    await store.close()

    with pytest.raises(StoreUnavailable, match=str(tmp_path)):
        await store.search([ANYWHERE], frozenset({"staff"}), 5)
