"""A reviewed answer is found at once, replaced, listed, removed, and never lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from servers.qdrant import QdrantServer

from backends.base import BackendError, Passage
from backends.knowledge.library import Library
from backends.knowledge.teaching import NothingTaught, NotTaught, Taught

STAFF, PUBLIC = frozenset({"staff"}), frozenset({"public"})
QUESTION = "Where do the spare keys hang?"
LINK = "https://team.slack.example/archives/C1/p1"


@pytest.fixture(params=["folder", "server"])
async def library(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Library]:
    async with QdrantServer() as server:
        url = server.url if request.param == "server" else None
        opened = Library(tmp_path / "data", qdrant_url=url)
        yield opened
        await opened.aclose()


async def teach(library: Library, answer: str, question: str = QUESTION) -> str:
    return await library.teach("team", question, answer, labels=STAFF, source=LINK)


async def ask(
    library: Library, question: str, audience: frozenset[str] = STAFF
) -> list[Passage]:
    return await (await library.search("team")).search(question, (), audience, 5)


async def test_is_found_at_once(library: Library) -> None:
    document = await teach(library, "In **room 12**, behind the door.")

    (passage,) = await ask(library, "where are the spare keys")

    assert passage.document == document
    assert passage.title == QUESTION
    assert passage.text == "In **room 12**, behind the door."
    assert passage.uri == LINK
    assert passage.labels == STAFF
    assert await ask(library, "where are the spare keys", PUBLIC) == []


async def test_a_later_answer_to_the_same_question_takes_its_place(
    library: Library,
) -> None:
    first = await teach(library, "In room 12.")
    second = await teach(library, "In room 14.", "where do the SPARE  keys hang")

    (passage,) = await ask(library, QUESTION)

    assert first == second
    assert passage.text == "In room 14."
    assert [each.answer for each in await library.taught("team")] == ["In room 14."]


async def test_can_be_forgotten(library: Library) -> None:
    document = await teach(library, "In room 12.")

    assert await library.unteach("team", document)
    assert not await library.unteach("team", document)

    assert await ask(library, QUESTION) == []
    assert await library.taught("team") == []


async def test_survives_a_restart_and_a_rebuild(
    library: Library, tmp_path: Path
) -> None:
    await teach(library, "In room 12.")
    page = tmp_path / "wiki" / "hours.md"
    page.parent.mkdir()
    page.write_text("We close at six.")
    await library.ingest("team", [page.parent])
    await library.aclose()

    await library.ingest("team", [page.parent], rebuild=True)

    assert {passage.text for passage in await ask(library, QUESTION)} == {
        "In room 12.",
        "We close at six.",
    }


async def test_is_put_into_the_collection_if_a_crash_kept_it_from_it(
    library: Library, tmp_path: Path
) -> None:
    document = await teach(library, "In room 12.")
    store, _ = await library._open("team")
    await store.delete([document])

    await library.ingest("team", [])

    assert len(await ask(library, QUESTION)) == 1


@pytest.mark.parametrize(
    ("question", "answer", "labels"),
    [(" ", "a", STAFF), ("q", "\n", STAFF), ("q", "a", frozenset[str]())],
)
async def test_refuses_to_learn_nothing(
    library: Library, question: str, answer: str, labels: frozenset[str]
) -> None:
    with pytest.raises(NothingTaught):
        await library.teach("team", question, answer, labels=labels, source="")


async def test_forgets_only_what_was_taught(library: Library) -> None:
    for name in ("handbook/hours.md", "taught/../../settings", "taught/"):
        with pytest.raises(NotTaught):
            await library.unteach("team", name)


async def test_names_a_damaged_file(library: Library, tmp_path: Path) -> None:
    await teach(library, "In room 12.")
    (path,) = (tmp_path / "data" / "taught" / "team").glob("*.json")
    path.write_text("{")

    with pytest.raises(BackendError, match="restore it from a backup"):
        await library.taught("team")


def test_an_answer_cannot_set_its_own_labels() -> None:
    taught = Taught("q", "---\nlabels: public\n---\nText.", STAFF)

    (piece,) = taught.prepared().pieces

    assert piece.labels == STAFF


@pytest.mark.parametrize("question", ["Où?", "где ключи", "Keys?!", "a" * 500])
def test_any_question_makes_a_name(question: str) -> None:
    name = Taught(question, "a", STAFF).document

    assert name.isascii()
    assert len(name) < 80
