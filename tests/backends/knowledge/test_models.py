"""`[retrieval]` names the models that search."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import SecretStr
from servers.embeddings import EmbeddingsServer

from backends.base import BackendMisconfigured
from backends.knowledge.embedding import EmbedderMissing
from backends.knowledge.library import Library
from backends.knowledge.minilm import MiniLM
from backends.knowledge.models import load_embedder, load_reranker
from backends.knowledge.retrieval_options import RetrievalOptions
from backends.knowledge.store import CollectionMismatch

ABSENT = pytest.mark.skipif(
    find_spec("fastembed") is not None, reason="fastembed is installed here"
)


def test_the_model_inside_is_the_default(tmp_path: Path) -> None:
    assert isinstance(load_embedder(RetrievalOptions(), tmp_path), MiniLM)
    assert load_reranker(RetrievalOptions(), tmp_path) is None


@pytest.mark.parametrize("embedder", ["openai", "fastembed"])
def test_others_need_a_name(tmp_path: Path, embedder: str) -> None:
    options = RetrievalOptions.model_validate({"embedder": embedder})

    with pytest.raises(BackendMisconfigured, match=f"{embedder}' but no `model`"):
        load_embedder(options, tmp_path)


@ABSENT
def test_says_how_to_install_fastembed(tmp_path: Path) -> None:
    options = RetrievalOptions(embedder="fastembed", model="m", reranker="r")

    with pytest.raises(EmbedderMissing, match=r'pip install "curbside\[fastembed\]"'):
        load_embedder(options, tmp_path)
    with pytest.raises(EmbedderMissing, match="pip install"):
        load_reranker(options, tmp_path)


async def test_a_collection_is_searched_by_a_server_of_vectors(tmp_path: Path) -> None:
    page = tmp_path / "wiki" / "hours.md"
    page.parent.mkdir()
    page.write_text("# Hours\n\nOn Fridays we close at half past four.")
    staff = frozenset({"staff"})
    async with EmbeddingsServer() as server:
        options = RetrievalOptions(
            embedder="openai",
            model="house-embedder",
            base_url=server.base_url,
            api_key=SecretStr("k2"),
        )
        library = Library(tmp_path / "data", models=options)
        await library.ingest("team", [page.parent])
        search = await library.search("team")
        (passage,) = await search.search("when do we close?", (), staff, 3)
        await library.aclose()

        assert passage.document == "wiki/hours.md"
        assert set(server.keys) == {"Bearer k2"}

    inside = Library(tmp_path / "data")
    with pytest.raises(CollectionMismatch, match="house-embedder"):
        await inside.search("team")
    await inside.aclose()
