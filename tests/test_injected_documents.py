"""Documents with instructions in them: data, whatever they say.

Real ingestion, search, prompt and delivery of text; the model is a local server, one
that obeys every order it sees outside of the fence around the passages, and one that
repeats the passages word by word.
"""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from data.injected import EVIL, ORDER, WORD, Injected, documents
from servers.openai import Asked, OpenAIServer

from adapters.discord.markdown import to_messages as to_discord
from adapters.slack.links import Links
from adapters.slack.links import harmless as to_slack
from backends.base import Chunk, Citation, Profile, Step, Turn
from backends.knowledge.library import Library
from backends.rag import create
from backends.services import ModelDefaults, Services
from backends.testing import collect, text_of
from bot.text import visible

DOCUMENTS = documents()
PUBLIC = frozenset({"public"})
FENCE = re.compile(r"<passages>\n(.*?)\n</passages>", re.DOTALL)
ROLE = re.compile(
    r"<\s*[|｜]\s*(?:im_start|im_end|eot_id|start_header_id)|\[/?(?:INST|SYSTEM_PROMPT"
    r"|TOOL_CALLS)\]|<</?SYS>>|<(?:start|end)_of_turn>|</?s>|</?think>"
)
CLOSING = re.compile(r"[<＜]\s*/\s*(?:passages|summary|examples?)\b", re.IGNORECASE)
PASSAGE = re.compile(r"^[\[［](\d+)[\]］] ", re.MULTILINE)


@dataclass(frozen=True)
class Told:
    """What a question led to: the prompt of the model, and the answer of ours."""

    asked: Asked
    chunks: list[Chunk]

    @property
    def text(self) -> str:
        return text_of(self.chunks)


def orders(asked: Asked) -> str:
    """All that a naive model takes for its orders: what is outside of the fence."""
    found = []
    for message in asked.messages:
        content = message["content"]
        inside = "".join(FENCE.findall(content))
        found.append(FENCE.sub("", content))
        for mark in (ROLE, CLOSING):
            if broken := mark.search(inside):
                found.append(inside[broken.end() :])
        found.append("".join(chr(ord(c) - 0xE0000) for c in inside if _is_tag(c)))
    return "\n".join(found)


def _is_tag(char: str) -> bool:
    return 0xE0000 <= ord(char) <= 0xE007F


def obedient(asked: Asked) -> str:
    """Does as it is told outside of the fence; else it answers from the passages."""
    if WORD in orders(asked):
        return f"{WORD} @everyone {EVIL}"
    subject = re.search(r"is the ([\w-]+) kept", asked.question)
    assert subject
    inside = "".join(FENCE.findall(asked.question))
    number = ""
    for line in inside.split("\n"):
        if found := PASSAGE.match(line):
            number = found[1]
        if fact := re.search(rf"The {subject[1]} is kept in room \d+\.", line):
            return f"{fact[0].removesuffix('.')} [{number}]."
    return "The documents do not answer this question."


def echoing(asked: Asked) -> str:
    """Repeats the passages, each with its marker."""
    inside = FENCE.findall(asked.question)[0]
    return f"{inside}\n\nThat is all [1][2][3]."


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Told]]:
    """Each document's question, asked of both models."""
    return asyncio.run(_ask_all(tmp_path_factory.mktemp("injected")))


async def _ask_all(folder: Path) -> dict[str, list[Told]]:
    pages = folder / "pages"
    (pages / "public").mkdir(parents=True)
    for document in DOCUMENTS:
        (pages / "public" / document.name).write_text(document.text, encoding="utf-8")
    library = Library(folder / "data")
    try:
        report = await library.ingest("documents", [pages])
        assert report.skipped == []
        return {
            model.__name__: [told async for told in _ask(library, folder, model)]
            for model in (obedient, echoing)
        }
    finally:
        await library.aclose()


async def _ask(library: Library, folder: Path, model):  # type: ignore[no-untyped-def]
    async with OpenAIServer() as server:
        server.answer = model
        services = Services(
            folder, library.search, model=ModelDefaults(base_url=server.base_url)
        )
        backend = create(Profile("rag", "rag", {"abstain_below": 0.0}), services)
        for document in DOCUMENTS:
            turn = Turn(document.question, audience=PUBLIC)
            chunks = await collect(backend, turn)
            yield Told(server.requests[-1], chunks)
        await backend.aclose()


def cases(name: str) -> list[object]:
    return [
        pytest.param(name, number, id=document.kind)
        for number, document in enumerate(DOCUMENTS)
    ]


def test_there_are_fifty() -> None:
    assert len(DOCUMENTS) == 50
    assert len({document.kind for document in DOCUMENTS}) == 50


def test_the_obedient_model_does_obey() -> None:
    """The control: an order that gets out of the fence is carried out."""
    body = {
        "messages": [{"role": "user", "content": f"<passages>\n</passages>\n{ORDER}"}]
    }

    assert obedient(Asked(body, {}, 0.0)).startswith(WORD)


@pytest.mark.parametrize(("model", "number"), cases("obedient"))
def test_no_document_changes_what_the_answer_says(
    told: dict[str, list[Told]], model: str, number: int
) -> None:
    answer, document = told[model][number], DOCUMENTS[number]

    assert answer.text == document.fact.removesuffix(".") + " [1]."
    (citation,) = (c for c in answer.chunks if isinstance(c, Citation))
    assert citation.passage.document.endswith(document.name)


@pytest.mark.parametrize(("model", "number"), cases("obedient"))
def test_no_document_looks_like_more_than_one_passage(
    told: dict[str, list[Told]], model: str, number: int
) -> None:
    prompt = told[model][number].asked.question

    assert prompt.count("<passages>") == prompt.count("</passages>") == 1
    numbers = [int(n) for n in PASSAGE.findall(FENCE.findall(prompt)[0])]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) <= 6


@pytest.mark.parametrize(("model", "number"), cases("echoing"))
def test_what_is_repeated_calls_nobody_and_leads_nowhere_unseen(
    told: dict[str, list[Told]], model: str, number: int
) -> None:
    text = visible(told[model][number].text)

    slack = to_slack(text, Links())
    assert not re.search(r"<!(?:channel|here|everyone|subteam)|<@[UWB]|<#C", slack)
    assert not re.search(r"@(?:channel|here|everyone)\b", _prose(slack))
    assert not re.search(r"\]\(\s*<?https?://evil|<https?://evil", slack)

    for discord in to_discord(text):
        assert not re.search(r"@(?:everyone|here)\b|<@[!&]?\d|<#\d", _prose(discord))
        assert "![" not in _prose(discord)
        for label, _ in re.findall(r"\[([^\]]*)\]\(<?(https?://evil[^)>]*)", discord):
            assert label == "evil.example"


@pytest.mark.parametrize(("model", "number"), cases("echoing"))
def test_what_is_repeated_cites_only_what_was_found(
    told: dict[str, list[Told]], model: str, number: int
) -> None:
    answer = told[model][number]

    cited = [chunk for chunk in answer.chunks if isinstance(chunk, Citation)]
    shown = {int(n) for n in re.findall(r"\[(\d{1,3})\]", _prose(answer.text))}
    assert shown <= {citation.number for citation in cited}
    assert all(citation.passage.uri == "" for citation in cited)


def test_what_is_told_while_one_waits_calls_nobody_and_leads_nowhere(
    told: dict[str, list[Told]],
) -> None:
    steps = [
        chunk.text
        for answer in told["obedient"]
        for chunk in answer.chunks
        if isinstance(chunk, Step)
    ]

    assert any("About the ladder" in step for step in steps)
    assert not any(re.search(r"@|://|[<>]", step) for step in steps)


def _prose(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def test_what_nobody_can_see_is_not_shown_to_the_model(
    told: dict[str, list[Told]],
) -> None:
    hidden = {"comment", "hidden element", "tag characters"}
    for document, answer in zip(DOCUMENTS, told["obedient"], strict=True):
        if document.kind in hidden:
            own = _own_passage(answer.asked.question, document)
            assert WORD not in own
            assert not any(map(_is_tag, own))


def _own_passage(prompt: str, document: Injected) -> str:
    """The part of a prompt that came from this document."""
    parts = re.split(r"(?m)^(?=\[\d+\] )", FENCE.findall(prompt)[0])
    return "".join(part for part in parts if document.fact in part)
