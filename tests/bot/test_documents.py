"""Configured sources are kept up to date: at a start, by schedule, and when asked."""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from servers.qdrant import QdrantServer
from typer.testing import CliRunner

from backends.knowledge.ingest import Progress
from backends.knowledge.library import Library
from backends.knowledge.minilm import MiniLM
from bot import control
from bot.cli import app
from bot.cli.terminal import Exit
from bot.documents import Documents, read_sources
from bot.errors import ConfigurationError, CurbsideError
from bot.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with documents, and no settings in the environment."""
    for name in list(os.environ):
        if name.startswith("CURBSIDE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    write("handbook/hours.md", "We close at six.")
    write("wiki/keys.md", "Keys hang in room four.")
    return tmp_path


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def configure(text: str) -> Settings:
    Path("curbside.toml").write_text(text)
    return load_settings()


TWO = """
documents = ["handbook"]
[sources.team]
url = "wiki"
labels = ["board"]
schedule = "30m"
"""


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    opened = Library(tmp_path / "data")
    yield opened
    await opened.aclose()


def ignore(progress: Progress) -> None:
    pass


async def test_brings_all_sources_up_to_date(library: Library) -> None:
    documents = Documents(configure(TWO), library)

    first = await documents.sync([], ignore)
    second = await documents.sync(["team"], ignore)

    assert first.added == ["handbook/hours.md", "team/keys.md"]
    assert second.unchanged == ["team/keys.md"]
    search = await library.search("documents")
    assert await search.search("keys", (), frozenset({"board"}), 5)


async def test_a_source_can_have_a_collection_of_its_own(library: Library) -> None:
    settings = configure(TWO.replace("schedule", 'collection = "other"\nschedule'))

    await Documents(settings, library).sync([], ignore)

    assert (await library.overview("documents")).documents == 1
    assert (await library.overview("other")).documents == 1


async def test_a_source_that_is_down_does_not_hold_up_the_rest(
    library: Library,
) -> None:
    settings = configure(TWO + '[sources.gone]\nurl = "/no/such/folder"\n')

    report = await Documents(settings, library).sync([], ignore)

    assert len(report.added) == 2
    ((name, reason),) = report.skipped
    assert name == "gone"
    assert "what it held before stays" in reason


async def test_looks_again_by_schedule(library: Library) -> None:
    documents = Documents(configure(TWO), library)
    now = 0.0
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds
        if len(slept) == 1:
            write("wiki/new.md", "New.")
            write("handbook/new.md", "Only seen at the next start.")
        if len(slept) == 2:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await documents.keep(lambda: now, sleep)

    assert slept == [30 * 60, 30 * 60]
    assert (await library.overview("documents")).documents == 3


async def test_without_a_schedule_one_look_is_all(library: Library) -> None:
    settings = configure('documents = ["handbook"]')

    await asyncio.wait_for(Documents(settings, library).keep(), 10)

    assert (await library.overview("documents")).documents == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[sources.wiki]\n", "url"),
        ('[sources.wiki]\nurl = ""\n', "url"),
        ('[sources.wiki]\nurl = "x"\nevery = "1h"\n', "every"),
        ('[sources.wiki]\nurl = "x"\nschedule = "hourly"\n', 'such as "6h"'),
        ('[sources.wiki]\nurl = "x"\npages = 0\n', "pages"),
        ('[sources."a b"]\nurl = "x"\n', "letters, digits"),
        ('documents = ["wiki"]\n[sources.wiki]\nurl = "x"\n', "choose another one"),
        ('[sources.documents]\nurl = "x"\n', "choose another one"),
        ('[sources.taught]\nurl = "x"\n', "choose another one"),
    ],
)
def test_says_what_is_wrong_with_a_source(text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        read_sources(configure(text))


def test_the_command_syncs(folder: Path) -> None:
    configure(TWO)

    first = CliRunner().invoke(app, ["sync", "--json"])
    second = CliRunner().invoke(app, ["sync", "team"])

    assert json.loads(first.stdout)["added"] == ["handbook/hours.md", "team/keys.md"]
    assert second.stdout.startswith("Documents: 1 unchanged;")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["sync", "other"], Exit.CONFIGURATION, "known: documents, team"),
        (["sync", "--help"], Exit.OK, "sources up to date"),
    ],
)
def test_the_command_explains(arguments: list[str], code: int, said: str) -> None:
    configure(TWO)

    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == code
    assert said in result.output


def test_the_command_needs_sources() -> None:
    result = CliRunner().invoke(app, ["sync"])

    assert result.exit_code == Exit.FAILURE
    assert "[sources.NAME]" in result.stderr


async def test_the_owner_of_the_documents_does_it_for_others(library: Library) -> None:
    # A socket's path must be short, a test's own folder is not.
    folder = Path(tempfile.mkdtemp(prefix="cs"))
    documents = Documents(configure(TWO), library)

    async with control.serve(folder, documents.jobs()):
        lines = [
            line async for line in control.hand_over(folder, "sync", {"names": []})
        ]

    shutil.rmtree(folder)
    assert lines[0]["progress"]["total"] >= 1
    assert lines[-1]["report"]["added"] == ["handbook/hours.md", "team/keys.md"]


def test_the_command_reindexes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(TWO)
    assert CliRunner().invoke(app, ["sync"]).exit_code == Exit.OK
    monkeypatch.setattr(MiniLM, "version", "other")
    refused = CliRunner().invoke(app, ["sync"])
    assert refused.exit_code == Exit.CONFIGURATION
    assert "curbside reindex" in refused.stderr

    result = CliRunner().invoke(app, ["reindex", "--json"])

    changed = json.loads(result.stdout)["changed"]
    assert sorted(changed) == ["handbook/hours.md", "team/keys.md"]
    again = CliRunner().invoke(app, ["sync"])
    assert again.stdout.startswith("Documents: 2 unchanged;")


async def test_a_running_bot_does_not_reindex_for_another_embedder(
    library: Library,
) -> None:
    documents = Documents(configure(TWO), library)

    with pytest.raises(CurbsideError, match=r"stop the bot, run `curbside reindex`"):
        await documents.reindex("", "another-model 1", ignore)


async def test_the_command_migrates_to_a_server(folder: Path) -> None:
    async with QdrantServer() as server:
        configure(TWO)
        assert (await curbside("sync")).endswith("2 passages written.")
        configure(f'qdrant_url = "{server.url}"\n{TWO}')

        said = await curbside("migrate")
        again = await curbside("migrate", "--json")

        assert said == (
            "Collection 'documents' is on the server: 2 documents, 2 passages, "
            "counted there."
        )
        assert json.loads(again)["passages"] == 2
        assert (await curbside("sync")).startswith("Documents: 2 unchanged;")


async def curbside(*arguments: str) -> str:
    """What a command prints, run beside the server of this process."""
    result = await asyncio.to_thread(CliRunner().invoke, app, list(arguments))
    assert result.exit_code == Exit.OK, result.output
    return result.stdout.strip()


def test_to_migrate_a_server_is_needed() -> None:
    result = CliRunner().invoke(app, ["migrate"])

    assert result.exit_code == Exit.FAILURE
    assert "CURBSIDE_QDRANT_URL" in result.stderr
