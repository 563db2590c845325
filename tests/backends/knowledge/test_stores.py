"""One suite for both vector stores: no caller could tell them apart."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from servers.qdrant import QdrantServer

from backends.knowledge import edge_store, server_store
from backends.knowledge.chunking import Piece
from backends.knowledge.documents import Kind
from backends.knowledge.edge_store import EdgeStore
from backends.knowledge.server_store import ServerStore
from backends.knowledge.store import (
    CollectionMismatch,
    DocumentRecord,
    Entry,
    Identity,
    VectorStore,
    View,
    point_id,
    rarest,
)
from backends.knowledge.terms import Terms

Open = Callable[..., Awaitable[VectorStore]]

IDENTITY = Identity("hashed-words", "1", 4, "bm25")
STAFF, PUBLIC = frozenset({"staff"}), frozenset({"public"})
EVERYONE = STAFF | PUBLIC


@pytest.fixture(params=["edge", "server"])
async def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens the collection, also a second time; the stores are closed at the end."""
    opened: list[VectorStore] = []
    async with QdrantServer() as server:

        async def open_store(
            identity: Identity = IDENTITY, rebuild: bool = False
        ) -> VectorStore:
            store: VectorStore
            if request.param == "edge":
                while opened:
                    await opened.pop().close()
                store = await EdgeStore.open(tmp_path / "store", identity, rebuild)
            else:
                store = await ServerStore.open(
                    server.url, "team", identity, rebuild=rebuild
                )
            opened.append(store)
            return store

        yield open_store
        for store in opened:
            await store.close()


@pytest.fixture
async def store(reopen: Open) -> VectorStore:
    return await reopen()


def entry(
    terms: Terms,
    text: str,
    *,
    document: str = "handbook/hours.md",
    position: int = 0,
    labels: frozenset[str] = STAFF,
    revision: str = "r1",
    toward: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0),
) -> Entry:
    piece = Piece(
        document=document,
        title="Hours",
        text=text,
        position=position,
        section=2,
        headings=("Weekdays", "Friday"),
        kind=Kind.LIST,
        page=3,
        start=10,
        end=20,
        labels=labels,
        link="https://intranet.example/hours",
        date="2026-01-02",
        revision=revision,
        language="en",
        context="About the hours of the clinic.",
    )
    return Entry(piece, np.array(toward, np.float32), terms.of_document(text))


def view(
    terms: Terms, text: str, toward: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0)
) -> View:
    return View(np.array(toward, np.float32), terms.of_question(text))


async def test_gives_back_what_was_stored(store: VectorStore, terms: Terms) -> None:
    kept = entry(terms, "We close at 16:30 on Fridays.")

    await store.upsert([kept])
    (hit,) = await store.search([view(terms, "Friday closing")], STAFF, 5)

    assert hit.piece == kept.piece
    assert hit.id == kept.id
    assert hit.dense.dtype == np.float32
    assert hit.dense == pytest.approx(kept.dense)


async def test_finds_by_meaning_and_by_words(store: VectorStore, terms: Terms) -> None:
    await store.upsert(
        [
            entry(terms, "near", position=0, toward=(1, 0.1, 0, 0)),
            entry(terms, "zebra crossing", position=1, toward=(0, 1, 0, 0)),
            entry(terms, "far", position=2, toward=(0, 0, 1, 0)),
        ]
    )

    hits = await store.search([view(terms, "zebra")], STAFF, 3)

    assert {hit.piece.text for hit in hits[:2]} == {"near", "zebra crossing"}
    assert [hit.score for hit in hits] == sorted((h.score for h in hits), reverse=True)


async def test_fuses_all_views_of_a_question(store: VectorStore, terms: Terms) -> None:
    await store.upsert(
        [
            entry(terms, "alpha", position=0, toward=(1, 0, 0, 0)),
            entry(terms, "beta", position=1, toward=(0.7, 0.7, 0, 0)),
            entry(terms, "gamma", position=2, toward=(0, 1, 0, 0)),
        ]
    )
    views = [view(terms, "", (1, 0, 0, 0)), view(terms, "beta", (0, 1, 0, 0))]

    hits = await store.search(views, STAFF, 3)

    assert hits[0].piece.text == "beta"


@pytest.mark.parametrize(
    ("audience", "seen"),
    [
        pytest.param(PUBLIC, {"open"}, id="public"),
        pytest.param(STAFF, {"closed", "open to both"}, id="staff"),
        pytest.param(EVERYONE, {"open", "closed", "open to both"}, id="both"),
        pytest.param(frozenset({"board"}), set(), id="a label nobody uses"),
        pytest.param(frozenset(), set(), id="no label at all"),
    ],
)
async def test_shows_only_what_the_audience_may_see(
    store: VectorStore, terms: Terms, audience: frozenset[str], seen: set[str]
) -> None:
    both = PUBLIC | STAFF if audience == EVERYONE else STAFF
    await store.upsert(
        [
            entry(terms, "open", position=0, labels=PUBLIC),
            entry(terms, "closed", position=1, labels=STAFF),
            entry(terms, "open to both", position=2, labels=both),
            entry(terms, "unlabelled", position=3, labels=frozenset()),
        ]
    )

    hits = await store.search([view(terms, "open closed unlabelled")], audience, 9)

    assert {hit.piece.text for hit in hits} == seen


async def test_fetches_pieces_by_their_ids(store: VectorStore, terms: Terms) -> None:
    public, staff = (
        entry(terms, name, document=name, labels=frozenset({label}))
        for name, label in (("a.md", "public"), ("b.md", "staff"))
    )
    await store.upsert([public, staff])
    wanted = [staff.id, point_id("piece", "gone.md", "", 0), public.id]

    hits = await store.fetch(wanted, EVERYONE)

    assert [hit.piece for hit in hits] == [staff.piece, public.piece]
    assert await store.fetch([staff.id], PUBLIC) == []
    assert await store.fetch([], STAFF) == []


async def test_an_empty_collection_has_nothing(
    store: VectorStore, terms: Terms
) -> None:
    assert await store.search([view(terms, "anything")], STAFF, 5) == []
    assert await store.search([], STAFF, 5) == []
    assert await store.count() == 0
    assert await store.documents() == {}


async def test_records_are_no_passages(store: VectorStore, terms: Terms) -> None:
    await store.record(DocumentRecord("handbook/hours.md", "d1", labels=STAFF))

    assert await store.count() == 0
    assert await store.search([view(terms, "hours")], STAFF, 5) == []


async def test_a_later_record_takes_the_place_of_the_first(store: VectorStore) -> None:
    first = DocumentRecord("a.md", "", "Title", "/srv/a.md", PUBLIC | STAFF, 3)

    await store.record(first)
    await store.record(replace(first, digest="d2", pieces=4))

    assert await store.documents() == {"a.md": replace(first, digest="d2", pieces=4)}


async def test_lists_more_documents_than_fit_a_page(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (edge_store, server_store):
        monkeypatch.setattr(module, "PAGE", 10)
    names = {f"handbook/{number}.md" for number in range(25)}

    for name in names:
        await store.record(DocumentRecord(name, "d"))

    assert set(await store.documents()) == names


async def test_storing_a_piece_again_changes_nothing(
    store: VectorStore, terms: Terms
) -> None:
    kept = entry(terms, "once")

    await store.upsert([kept])
    await store.upsert([kept])
    await store.upsert([])

    assert await store.count() == 1


async def test_prunes_the_other_revisions_of_one_document(
    store: VectorStore, terms: Terms
) -> None:
    await store.upsert(
        [
            entry(terms, "old", revision="r1"),
            entry(terms, "new", revision="r2"),
            entry(terms, "other", document="handbook/other.md", revision="r1"),
        ]
    )
    await store.record(DocumentRecord("handbook/hours.md", "r2"))

    await store.prune("handbook/hours.md", "r2")

    hits = await store.search([view(terms, "old new other")], STAFF, 9)
    assert {hit.piece.text for hit in hits} == {"new", "other"}
    assert set(await store.documents()) == {"handbook/hours.md"}


async def test_deletes_documents_with_their_records(
    store: VectorStore, terms: Terms
) -> None:
    await store.upsert([entry(terms, "gone"), entry(terms, "stays", document="b.md")])
    await store.record(DocumentRecord("handbook/hours.md", "r1"))
    await store.record(DocumentRecord("b.md", "r1"))

    await store.delete(["handbook/hours.md"])
    await store.delete([])

    assert await store.count() == 1
    assert set(await store.documents()) == {"b.md"}


async def test_tells_how_rare_terms_are(store: VectorStore, terms: Terms) -> None:
    await store.upsert(
        [
            entry(terms, "clinic alpha", position=0),
            entry(terms, "clinic beta", position=1),
            entry(terms, "clinic gamma gamma", position=2),
        ]
    )
    (clinic,), (gamma,), (unknown,) = (
        terms.ids(word) for word in ("clinic", "gamma", "zeppelin")
    )

    rarity = await store.rarity({clinic, gamma, unknown})

    assert rarity == pytest.approx(
        {
            clinic: np.log(1 + 0.5 / 3.5),
            gamma: np.log(1 + 2.5 / 1.5),
            unknown: rarest(3),
        }
    )
    assert await store.rarity([]) == {}


async def test_everything_is_there_after_opening_again(
    store: VectorStore, reopen: Open, terms: Terms
) -> None:
    await store.upsert([entry(terms, "kept")])
    await store.record(DocumentRecord("handbook/hours.md", "r1"))
    await store.flush()

    again = await reopen()

    assert await again.count() == 1
    assert set(await again.documents()) == {"handbook/hours.md"}


async def test_rebuilding_begins_with_an_empty_collection(
    store: VectorStore, reopen: Open, terms: Terms
) -> None:
    await store.upsert([entry(terms, "gone")])

    again = await reopen(replace(IDENTITY, embedder="another"), rebuild=True)

    assert await again.count() == 0


@pytest.mark.parametrize(
    ("other", "named"),
    [
        pytest.param(replace(IDENTITY, embedder="x"), "embedder", id="model"),
        pytest.param(replace(IDENTITY, embedder_version="2"), "version", id="version"),
        pytest.param(replace(IDENTITY, dimensions=8), "dimensions 4", id="dimensions"),
        pytest.param(replace(IDENTITY, terms="fr"), "terms", id="language"),
        pytest.param(replace(IDENTITY, chunker="0"), "chunker", id="chunker"),
    ],
)
async def test_refuses_a_collection_made_with_something_else(
    store: VectorStore, reopen: Open, other: Identity, named: str
) -> None:
    with pytest.raises(CollectionMismatch, match=named) as refused:
        await reopen(other)

    assert "curbside reindex" in str(refused.value)
    assert await (await reopen()).count() == 0
