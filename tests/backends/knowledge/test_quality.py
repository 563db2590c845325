"""The example handbook and its questions: what retrieval has to achieve, at least."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from backends.base import Passage, PastTurn
from backends.knowledge.edge_store import EdgeStore
from backends.knowledge.ingest import ingest
from backends.knowledge.minilm import MiniLM, find_weights
from backends.knowledge.retriever import ENOUGH, Retriever
from backends.knowledge.store import Identity
from backends.knowledge.terms import Terms

EXAMPLES = Path(__file__).parents[3] / "examples"
EVERYONE = frozenset({"public", "staff"})

Found = list[tuple[dict[str, Any], list[Passage]]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """Each question of the handbook, with what was found for it."""
    return asyncio.run(ask_everything(tmp_path_factory.mktemp("handbook")))


async def ask_everything(folder: Path) -> Found:
    embedder, terms = MiniLM(find_weights(), threads=2), Terms()
    store = await EdgeStore.open(folder, Identity.of(embedder, terms))
    report = await ingest([EXAMPLES / "handbook"], store, embedder)
    assert report.skipped == []
    retriever = Retriever(store, embedder, terms)
    lines = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    answers: Found = []
    for question in map(json.loads, lines):
        history = tuple(PastTurn(asked, "") for asked in question["history"])
        passages = await retriever.search(question["question"], history, EVERYONE, 5)
        answers.append((question, passages))
    await store.close()
    return answers


def test_finds_the_document_of_nearly_every_question(found: Found) -> None:
    held = [(asked, passages) for asked, passages in found if asked["document"]]

    hits = sum(
        any(passage.document == f"handbook/{asked['document']}" for passage in passages)
        for asked, passages in held
    )

    assert hits / len(held) >= 0.97


def test_the_passages_hold_the_facts(found: Found) -> None:
    held = {
        (asked["id"], fact): any(fact.lower() in p.text.lower() for p in passages)
        for asked, passages in found
        for fact in asked["facts"]
    }

    assert sum(held.values()) / len(held) >= 0.93


def test_support_tells_answerable_questions_from_others(found: Found) -> None:
    yes = [passages[0].support for asked, passages in found if asked["document"]]
    no = [passages[0].support for asked, passages in found if not asked["document"]]

    won = sum(high > low for high in yes for low in no)
    assert won / (len(yes) * len(no)) >= 0.8
    assert sum(support >= ENOUGH for support in yes) / len(yes) >= 0.8
    assert sum(support < ENOUGH for support in no) / len(no) >= 0.7
