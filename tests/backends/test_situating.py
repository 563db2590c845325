"""Pieces get a line on where they stand, which is searched and not shown."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from servers.openai import Asked, OpenAIServer, Reply

from backends.base import BackendError
from backends.chat_api import ChatModel
from backends.chat_types import Endpoint
from backends.knowledge.chunking import Piece
from backends.knowledge.library import Library
from backends.situating import AROUND, ModelSituating, around

STAFF = frozenset({"staff"})


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def situating(server: OpenAIServer) -> AsyncIterator[ModelSituating]:
    model = ChatModel(Endpoint(server.base_url, None, "house-model", "here"))
    yield ModelSituating(model)
    await model.aclose()


def pieces(*texts: str) -> list[Piece]:
    return [Piece("a.md", "Terms", text, at) for at, text in enumerate(texts)]


async def test_each_piece_gets_its_own_line(
    server: OpenAIServer, situating: ModelSituating
) -> None:
    def line(asked: Asked) -> str:
        return "On fees\nof 2025." if "twelve" in asked.question[-60:] else "On dates."

    server.answer = line

    first, second = await situating.situated(pieces("It is twelve.", "It is May."))

    assert (first.context, second.context) == ("On fees of 2025.", "On dates.")
    assert first.text == "It is twelve."
    assert first.indexed == "Terms: On fees of 2025. It is twelve."
    assert "It is May." in server.requests[0].question


async def test_a_document_of_one_piece_needs_none(
    server: OpenAIServer, situating: ModelSituating
) -> None:
    assert await situating.situated(pieces("Alone.")) == pieces("Alone.")
    assert server.requests == []


async def test_says_that_no_line_can_be_had(
    server: OpenAIServer, situating: ModelSituating
) -> None:
    server.answer = lambda asked: Reply(status=401)

    with pytest.raises(BackendError):
        await situating.situated(pieces("One.", "Two."))


def test_a_model_reads_what_is_around_a_piece() -> None:
    texts = [f"{number} " * (AROUND // 4) for number in range(9)]

    read = around(texts, 4)

    assert texts[4] in read
    assert texts[3] in read
    assert texts[5] in read
    assert texts[0] not in read
    assert texts[8] not in read
    assert around(["only"], 0) == "only"
    assert around(["first", "last"], 1) == "first\n\nlast"


async def test_a_collection_is_found_by_its_lines(
    server: OpenAIServer, situating: ModelSituating, tmp_path: Path
) -> None:
    server.answer = lambda asked: "On zeppelins."
    page = tmp_path / "wiki" / "terms.md"
    page.parent.mkdir()
    page.write_text("# One\n\nIt costs twelve.\n\n# Two\n\nIt takes May.")
    library = Library(tmp_path / "data", situating=situating)

    await library.ingest("team", [page.parent])
    search = await library.search("team")
    found = await search.search("zeppelin", (), STAFF, 3)
    await library.aclose()

    assert found[0].support > 0.3
    assert all("zeppelin" not in passage.text for passage in found)
