"""The doctor finds what is wrong with an installation, and what to do about it."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
from servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer
from typer.testing import CliRunner

from bot import plugins
from bot.cli import app
from bot.doctor import ENOUGH_DISK, Finding, check_disk, check_names, examine

CONFIG = f"""
[slack]
api_url = "{{url}}"
bot_token = "{{token}}"
app_token = "{APP_TOKEN}"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and an environment without settings of ours."""
    for name in list(os.environ):
        if name.startswith("CURBSIDE_") or name == "OPENAI_API_KEY":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    server = SlackServer()
    await server.start()
    write(CONFIG.format(url=server.api_url, token=BOT_TOKEN))
    yield server
    await server.stop()


@pytest.fixture
def fresh_plugins() -> Iterator[None]:
    """Entry points are looked up anew, before and after."""
    plugins.installed.cache_clear()
    yield
    plugins.installed.cache_clear()


def install(folder: Path, name: str, **files: str) -> None:
    """A distribution of somebody else's, as pip would leave it in `folder`."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    )
    for file, text in files.items():
        (info / f"{file}.txt").write_text(text)


def write(config: str) -> None:
    Path("curbside.toml").write_text(config, encoding="utf-8")


def by_part(findings: list[Finding]) -> Mapping[str, Finding]:
    return {finding.part: finding for finding in findings}


async def test_a_bare_installation_is_well() -> None:
    findings = await examine()

    assert [finding for finding in findings if not finding.ok] == []
    parts = by_part(findings)
    assert "SQLite" in parts["state"].detail
    assert "384" in parts["embeddings"].detail
    assert "curbside ingest" in parts["documents"].detail
    assert parts["slack"].detail == "not configured"
    assert "backend verbatim" in parts


async def test_quick_asks_nobody(slack: SlackServer) -> None:
    findings = await examine(quick=True)

    parts = ["python", "import names", "settings", "data folder", "state"]
    assert [finding.part for finding in findings] == parts
    assert slack.calls == []


def test_prints_each_part_and_ends_well() -> None:
    result = CliRunner().invoke(app, ["doctor", "--quick"])

    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 5
    assert all(line.startswith("OK") for line in lines)


def test_a_wrong_setting_is_a_finding_and_the_rest_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CURBSIDE_WORKER_CONCURRENCY", "lots")

    told = CliRunner().invoke(app, ["doctor"])
    report = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)

    assert told.exit_code == 1
    assert "FAIL  settings" in told.stdout
    assert "CURBSIDE_WORKER_CONCURRENCY" in told.stdout
    assert "->" in told.stdout
    assert "OK    python" in told.stdout
    assert report["ok"] is False
    assert report["findings"][-1]["part"] == "settings"
    assert report["findings"][-1]["fix"]


async def test_names_variables_that_nothing_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CURBSIDE_COLOUR", "red")

    settings = by_part(await examine(quick=True))["settings"]

    assert settings.ok
    assert "nothing reads CURBSIDE_COLOUR" in settings.detail


@pytest.mark.parametrize("name", ["adapters", "backends", "bot"])
def test_finds_a_stranger_with_one_of_our_names(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(folder, "stranger", top_level=f"{name}\n")
    monkeypatch.syspath_prepend(folder)

    finding = check_names()

    assert not finding.ok
    assert f"{name!r} is also installed by stranger" in finding.detail
    assert "pip uninstall stranger" in finding.fix


def test_finds_a_package_that_stands_before_ours(folder: Path) -> None:
    (folder / "backends").mkdir()
    (folder / "backends" / "__init__.py").touch()
    # In a process of its own: here our packages are imported already.
    code = (
        "import sys, bot.doctor as d\n"
        f"sys.path.insert(0, {str(folder)!r})\n"
        "for name in list(sys.modules):\n"
        "    if name.split('.')[0] == 'backends': del sys.modules[name]\n"
        "print(d.check_names())"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd="/", capture_output=True, text=True
    )

    assert "come from different places" in done.stdout, done.stderr
    assert str(folder) in done.stdout


def test_a_data_folder_that_cannot_be_written_to(folder: Path) -> None:
    (folder / "file").touch()

    finding = check_disk(folder / "file" / "data")

    assert not finding.ok
    assert "cannot be written to" in finding.detail
    assert "CURBSIDE_DATA_DIR" in finding.fix


def test_a_data_folder_tells_its_room(folder: Path) -> None:
    finding = check_disk(folder / "not" / "there" / "yet")

    assert finding.ok
    assert "GiB free" in finding.detail
    assert ENOUGH_DISK < 1024**3


async def test_a_redis_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURBSIDE_REDIS_URL", "redis://:hidden@127.0.0.1:1/0")

    state = by_part(await examine(quick=True))["state"]

    assert not state.ok
    assert "CURBSIDE_REDIS_URL" in state.fix
    assert "hidden" not in state.detail


async def test_a_model_server_that_is_down() -> None:
    write(
        '[backends.tuned]\nkind = "fine_tuned"\nmodel = "m"\n'
        'base_url = "http://127.0.0.1:1/v1"\n'
    )

    parts = by_part(await examine())

    assert not parts["backend tuned"].ok
    assert "[backends.tuned]" in parts["backend tuned"].fix
    assert parts["backend verbatim"].ok


async def test_an_unknown_kind_of_backend() -> None:
    write('[backends.x]\nkind = "oracle"\n')

    backends = by_part(await examine())["backends"]

    assert not backends.ok
    assert "'oracle'" in backends.detail


async def test_a_qdrant_server_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURBSIDE_QDRANT_URL", "http://127.0.0.1:1")

    documents = by_part(await examine())["documents"]

    assert not documents.ok
    assert "CURBSIDE_QDRANT_URL" in documents.fix


async def test_slack_that_takes_us(slack: SlackServer) -> None:
    finding = by_part(await examine())["slack"]

    assert finding.ok, finding


async def test_slack_that_lacks_a_scope(slack: SlackServer) -> None:
    slack.scopes.discard("reactions:read")

    finding = by_part(await examine())["slack"]

    assert not finding.ok
    assert "reactions:read" in finding.detail


async def test_slack_that_does_not_know_the_token(slack: SlackServer) -> None:
    write(CONFIG.format(url=slack.api_url, token="xoxb-wrong"))

    finding = by_part(await examine())["slack"]

    assert not finding.ok
    assert "xoxb-wrong" not in finding.detail


@pytest.mark.usefixtures("fresh_plugins")
async def test_a_plugin_that_does_not_load_is_found_and_the_rest_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = "[curbside.adapters]\nparrot = parrot_that_is_not_there:create\n"
    install(folder, "parrot", entry_points=entry)
    monkeypatch.syspath_prepend(folder)

    parts = by_part(await examine())

    assert not parts["parrot"].ok
    assert "does not load" in parts["parrot"].detail
    assert parts["backend verbatim"].ok


@pytest.mark.usefixtures("fresh_plugins")
async def test_a_plugin_that_breaks_is_found_and_the_rest_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "broken_parrot.py").write_text("def create(settings): return 1 / 0\n")
    entry = "[curbside.adapters]\nparrot = broken_parrot:create\n"
    install(folder, "parrot", entry_points=entry)
    monkeypatch.syspath_prepend(folder)

    parts = by_part(await examine())

    assert parts["parrot"].detail == "ZeroDivisionError: division by zero"
    assert parts["backend verbatim"].ok
