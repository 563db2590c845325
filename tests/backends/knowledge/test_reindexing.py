"""A collection is built anew while it is searched, and none is ever lost over it."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from servers.qdrant import QdrantServer

from backends.base import BackendError
from backends.knowledge.chunking import CHUNKER_VERSION
from backends.knowledge.edge_store import EdgeStore
from backends.knowledge.ingest import Progress
from backends.knowledge.library import Library
from backends.knowledge.minilm import MiniLM
from backends.knowledge.reindexing import copy
from backends.knowledge.server_options import ServerOptions
from backends.knowledge.server_store import ServerStore
from backends.knowledge.sources.files import LocalFiles
from backends.knowledge.store import (
    CollectionMismatch,
    DocumentRecord,
    Identity,
    StoreUnavailable,
)

STAFF = frozenset({"staff"})
IDENTITY = Identity("hashed-words", "1", 4, "bm25")

Open = Callable[[], Awaitable[Library]]


@pytest.fixture
async def server() -> AsyncIterator[QdrantServer]:
    async with QdrantServer() as running:
        yield running


@pytest.fixture(params=["folder", "server"])
async def reopen(
    request: pytest.FixtureRequest, tmp_path: Path, server: QdrantServer
) -> AsyncIterator[Open]:
    """Opens the library; a second time as after a restart."""
    opened: list[Library] = []

    async def open_library() -> Library:
        while opened:
            await opened.pop().aclose()
        url = server.url if request.param == "server" else None
        opened.append(Library(tmp_path / "data", qdrant_url=url))
        return opened[-1]

    yield open_library
    for library in opened:
        await library.aclose()


@pytest.fixture
def wiki(tmp_path: Path) -> Path:
    folder = tmp_path / "wiki"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.md").write_text(f"# Page {number}\n\nKey {number} hangs.")
    return folder


async def found(library: Library) -> set[str]:
    search = await library.search("team")
    passages = await search.search("where does the key hang", (), STAFF, 20)
    return {passage.document for passage in passages}


async def filled(library: Library, wiki: Path) -> set[str]:
    await library.ingest("team", [wiki])
    await library.teach("team", "Who has keys?", "Ann.", labels=STAFF, source="ann")
    (wiki / "0.md").unlink()
    return await found(library)


async def test_another_embedder_takes_over_what_there_is(
    reopen: Open, wiki: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await filled(await reopen(), wiki)
    library = await reopen()
    monkeypatch.setattr(MiniLM, "version", "other")
    with pytest.raises(CollectionMismatch, match="curbside reindex"):
        await library.search("team")

    report = await library.reindex("team", [LocalFiles([wiki])])

    assert len(report.changed) == 7
    assert await found(library) == before
    assert await found(await reopen()) == before
    again = await (await reopen()).ingest("team", [wiki])
    assert again.removed == ["wiki/0.md"]
    assert len(again.unchanged) == 5


async def test_another_way_to_cut_reads_the_sources_again(
    reopen: Open, wiki: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await filled(await reopen(), wiki)
    library = await reopen()
    for module in ("store", "library", "ingest", "teaching"):
        monkeypatch.setattr(f"backends.knowledge.{module}.CHUNKER_VERSION", "next")
    old, new = Identity.__init__.__defaults__, ("next",)
    monkeypatch.setattr(Identity.__init__, "__defaults__", new)
    assert old == (CHUNKER_VERSION,)

    report = await library.reindex("team", [LocalFiles([wiki])])

    assert len(report.added) == 5
    assert "wiki/0.md" in report.changed
    assert await found(library) == before


async def test_searches_go_on_meanwhile(reopen: Open, wiki: Path) -> None:
    library = await reopen()
    before = await filled(library, wiki)
    search = await library.search("team")
    task = asyncio.create_task(library.reindex("team"))
    asked = 0

    while not task.done():
        passages = await search.search("where does the key hang", (), STAFF, 20)
        assert {passage.document for passage in passages} == before
        asked += 1

    await task
    assert asked > 1
    assert await found(library) == before


async def test_what_is_taught_and_forgotten_meanwhile_counts(
    reopen: Open, wiki: Path
) -> None:
    library = await reopen()
    await filled(library, wiki)
    (known,) = [each.document for each in await library.taught("team")]
    later: list[asyncio.Task[object]] = []

    def change(progress: Progress) -> None:
        if not later:
            taught = library.teach("team", "Since?", "May.", labels=STAFF, source="ann")
            later.append(asyncio.create_task(taught))
            later.append(asyncio.create_task(library.unteach("team", known)))

    await library.reindex("team", progress=change)
    await asyncio.gather(*later)

    documents = {record.name for record in await library.documents("team")}
    assert len([name for name in documents if name.startswith("taught/since")]) == 1
    assert known not in documents


async def test_one_that_fails_leaves_everything_as_it_was(
    reopen: Open, wiki: Path, monkeypatch: pytest.MonkeyPatch, server: QdrantServer
) -> None:
    library = await reopen()
    before = await filled(library, wiki)

    def stop(progress: Progress) -> None:
        raise BackendError("the disk is full")

    with pytest.raises(BackendError, match="disk is full"):
        await library.reindex("team", progress=stop)

    assert await found(library) == before
    assert await found(await reopen()) == before
    assert await server.collections() <= {"team--1"}


async def test_a_rebuild_begins_with_nothing_but_what_was_taught(
    reopen: Open, wiki: Path
) -> None:
    library = await reopen()
    await filled(library, wiki)

    report = await library.ingest("team", [wiki], rebuild=True)

    assert len(report.added) == 5
    assert (await library.overview("team")).documents == 6


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from backends.knowledge.edge_store import EdgeStore
from backends.knowledge import edge_folder
from backends.knowledge.store import DocumentRecord, Identity

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def main(folder, when):
    identity = Identity("hashed-words", "1", 4, "bm25")
    store = await EdgeStore.open(Path(folder), identity)
    new = await store.beside(identity)
    if when == "building":
        die()
    await new.record(DocumentRecord("new.md", "d"))
    if when == "before":
        await new.flush()
        die()
    import backends.knowledge.edge_store as module
    if when == "after":
        module.sweep = die
    await store.switch_to(new)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("when", "document"),
    [("building", "old.md"), ("before", "old.md"), ("after", "new.md")],
)
async def test_a_folder_holds_one_generation_whenever_its_owner_is_killed(
    tmp_path: Path, when: str, document: str
) -> None:
    store = await EdgeStore.open(tmp_path, IDENTITY)
    await store.record(DocumentRecord("old.md", "d"))
    await store.close()

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, str(tmp_path), when)
    )
    assert await process.wait() == -signal.SIGKILL

    store = await EdgeStore.open(tmp_path, IDENTITY)
    assert set(await store.documents()) == {document}
    await store.close()
    assert len(generations(tmp_path)) == 1


def generations(folder: Path) -> list[Path]:
    return list(folder.glob("shard*"))


async def test_other_processes_follow_to_the_new_generation(
    server: QdrantServer,
) -> None:
    one = await ServerStore.open(server.url, "team", IDENTITY)
    other = await ServerStore.open(server.url, "team", IDENTITY)
    new = await one.beside(IDENTITY)
    await new.record(DocumentRecord("new.md", "d"))

    await one.switch_to(new)
    await other._follow()

    assert set(await other.documents()) == {"new.md"}
    assert await server.collections() == {"team--2"}
    await one.close()
    await other.close()


async def test_a_process_with_another_embedder_stays_where_it_was(
    server: QdrantServer,
) -> None:
    later = replace(IDENTITY, embedder="another")
    bot = await ServerStore.open(server.url, "team", IDENTITY)
    await bot.record(DocumentRecord("old.md", "d"))
    command = await ServerStore.open(server.url, "team", later, checked=False)

    await command.switch_to(await command.beside(later))
    await bot._follow()

    assert set(await bot.documents()) == {"old.md"}
    with pytest.raises(CollectionMismatch):
        await ServerStore.open(server.url, "team", IDENTITY)
    # The next one sweeps it away.
    await command.switch_to(await command.beside(later))
    assert await server.collections() == {"team--3"}
    await bot.close()
    await command.close()


async def test_a_collection_of_an_earlier_version_gets_its_alias(
    server: QdrantServer,
) -> None:
    store = await ServerStore.open(server.url, "team", IDENTITY)
    await store._generations._create("plain", IDENTITY)
    await store.close()
    old = await ServerStore.open(server.url, "plain", IDENTITY)
    assert old.collection == "plain"

    await old.switch_to(await old.beside(IDENTITY))

    again = await ServerStore.open(server.url, "plain", IDENTITY)
    assert again.collection == old.collection == "plain--2"
    await again.close()
    await old.close()


async def test_a_worker_that_died_while_it_made_the_collection_is_replaced(
    server: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.knowledge.server_store.PATIENCE", 1)
    other = await ServerStore.open(server.url, "other", IDENTITY)
    await other._generations._create("team--1", IDENTITY)

    store = await ServerStore.open(server.url, "team", IDENTITY)

    assert store.collection == "team--1"
    assert await store.documents() == {}
    await store.close()
    await other.close()


async def test_passes_the_layout_on_to_the_server(server: QdrantServer) -> None:
    options = ServerOptions(
        shards=3,
        replicas=2,
        on_disk_vectors=True,
        quantization="scalar",
        tenant_index=True,
    )

    store = await ServerStore.open(server.url, "team", IDENTITY, options=options)

    await store.close()
    created = server.created["team--1"]
    assert created.shard_number == 3
    assert created.replication_factor == 2
    assert created.on_disk_payload is True
    assert created.vectors["dense"].on_disk is True  # type: ignore[index]
    assert created.quantization_config is not None
    assert server.indexed["team--1", "labels"].is_tenant is True


async def test_copies_to_a_server_and_goes_on_after_a_failure(
    server: QdrantServer, tmp_path: Path, wiki: Path
) -> None:
    library = Library(tmp_path / "data")
    await filled(library, wiki)
    old, embedder = await library._open("team")
    identity = Identity.of(embedder, library._terms)
    new = await ServerStore.open(server.url, "team", identity)
    monkey = "backends.knowledge.reindexing.TOGETHER"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monkey, 3)

        def fail(progress: Progress) -> None:
            server.failures.append(500)

        with pytest.raises(StoreUnavailable):
            await copy(old, new, fail)
        part = await new.count()
        rest = await copy(old, new, lambda _: None)

    assert 0 < part < await old.count() == await new.count()
    assert rest < len(await old.documents())
    assert await new.documents() == await old.documents()
    assert await copy(old, new, lambda _: None) == 0
    names = sorted(await old.documents())
    for one, other in zip(
        sorted(await old.entries(names), key=lambda each: each.id),
        sorted(await new.entries(names), key=lambda each: each.id),
        strict=True,
    ):
        assert one.piece == other.piece
        assert one.sparse == other.sparse
        assert one.dense == pytest.approx(other.dense, abs=1e-6)
    await new.close()
    await library.aclose()
