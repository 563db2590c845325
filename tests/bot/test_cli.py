"""The command line: what it prints, where, and the exit code it ends with."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from backends.knowledge.ingest import Progress, Report
from bot import control, state
from bot.cli import app
from bot.cli.documents import summary
from bot.cli.terminal import Exit
from bot.model import Author, ConversationId, Message, Said
from bot.plugins import installed
from bot.settings import load_settings

CURBSIDE = Path(sys.executable).parent / "curbside"
COMMANDS = [
    "backends",
    "calibrate",
    "chat",
    "dataset",
    "dead-letters",
    "doctor",
    "gaps",
    "ingest",
    "init",
    "manifest",
    "migrate",
    "reindex",
    "rescue",
    "run",
    "serve-adapter",
    "sync",
    "tune",
    "version",
    "worker",
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder and an environment without settings of ours."""
    for name in list(os.environ):
        if name.startswith("CURBSIDE_") or name == "OPENAI_API_KEY":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def process(*arguments: str, **options: Any) -> "subprocess.Popen[str]":
    """The installed command, as a person starts it."""
    return subprocess.Popen(
        [str(CURBSIDE), *arguments],
        stdin=options.pop("stdin", subprocess.PIPE),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def handbook(folder: Path) -> Path:
    """A folder with one document."""
    documents = folder / "handbook" / "public"
    documents.mkdir(parents=True)
    text = "# Walk-ins\n\nOn Fridays the walk-in session closes at 10:30.\n"
    (documents / "walk-ins.md").write_text(text, encoding="utf-8")
    return folder / "handbook"


# --- the command as a whole -----------------------------------------------------------


def test_help_names_every_command() -> None:
    result = invoke("--help")

    assert result.exit_code == Exit.OK
    listed = re.findall(r"^  ([a-z][a-z-]+)  ", result.stdout, re.MULTILINE)
    assert sorted(listed) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_without_heavy_imports(command: str) -> None:
    heavy = ["aiohttp", "numpy", "openai", "pydantic_settings", "qdrant_edge", "rich"]
    code = (
        "import sys; from bot.cli import app\n"
        f"try: app([{command!r}, '--help'])\n"
        f"except SystemExit: sys.exit(any(name in sys.modules for name in {heavy}))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout


def test_a_command_that_does_not_exist_is_a_usage_error() -> None:
    result = invoke("inget")

    assert result.exit_code == Exit.CONFIGURATION
    assert "ingest" in result.stderr


@pytest.mark.parametrize(
    "command", ["backends", "chat", "dead-letters", "ingest", "run", "sync", "worker"]
)
def test_a_wrong_setting_is_one_line_and_no_traceback(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CURBSIDE_WORKER_CONCURRENCY", "lots")

    result = invoke(command)

    assert result.exit_code == Exit.CONFIGURATION
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "CURBSIDE_WORKER_CONCURRENCY" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_default_backend_is_a_wrong_setting() -> None:
    Path("curbside.toml").write_text('default_backend = "gone"')

    result = invoke("backends")

    assert result.exit_code == Exit.CONFIGURATION
    assert "'default_backend' from curbside.toml names 'gone'" in result.stderr


@pytest.mark.parametrize("command", ["dead-letters", "chat"])
def test_a_state_that_does_not_answer_is_unavailable(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CURBSIDE_REDIS_URL", "redis://127.0.0.1:1/0")

    result = invoke(command)

    assert result.exit_code == Exit.UNAVAILABLE
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["run", "worker"])
def test_serving_needs_a_platform(command: str) -> None:
    result = invoke(command)

    assert result.exit_code == Exit.CONFIGURATION
    assert "CURBSIDE_SLACK_BOT_TOKEN" in result.stderr
    assert "curbside chat" in result.stderr


def test_an_unknown_platform_is_named() -> None:
    result = invoke("run", "--platform", "telegraph")

    assert result.exit_code == Exit.CONFIGURATION
    assert "'telegraph'" in result.stderr


# --- init, manifest, version ----------------------------------------------------------


def test_init_writes_a_file_that_changes_nothing() -> None:
    before = load_settings()

    result = invoke("init")

    assert result.exit_code == Exit.OK
    assert load_settings() == before


def test_every_setting_that_init_suggests_is_one() -> None:
    invoke("init")
    path = Path("curbside.toml")
    lines = path.read_text(encoding="utf-8").splitlines()
    setting = re.compile(r'# (\[[\w.-]+\]|[\w":]+ = .*)')
    found = [match[1] for line in lines if (match := setting.fullmatch(line))]
    assert len(found) > 20
    path.write_text("\n".join(found), encoding="utf-8")

    settings = load_settings()

    assert set(settings.backends) == {"handbook", "house-voice", "both"}
    kinds = {profile["kind"] for profile in settings.backends.values()}
    assert kinds <= set(installed("backends"))
    assert settings.audience["slack:T0123:C0456"] == ["public"]


def test_the_limits_that_init_shows_are_the_defaults() -> None:
    invoke("init")
    text = Path("curbside.toml").read_text(encoding="utf-8")
    limits = re.sub("^# ", "", text.split("# --- limits")[1], flags=re.MULTILINE)
    shown = tomllib.loads("\n".join(re.findall(r"^\[.+\]|^\w+ = .*", limits, re.M)))
    settings = load_settings()

    for table in ("memory", "worker"):
        for key, value in shown[table].items():
            assert getattr(getattr(settings, table), key) == value


def test_init_leaves_a_file_alone() -> None:
    Path("curbside.toml").write_text("# mine")

    result = invoke("init")

    assert result.exit_code == Exit.FAILURE
    assert "--force" in result.stderr
    assert Path("curbside.toml").read_text() == "# mine"


def test_init_replaces_a_file_when_told_to() -> None:
    Path("other.toml").write_text("# mine")

    result = invoke("init", "other.toml", "--force")

    assert result.exit_code == Exit.OK
    assert "data_dir" in Path("other.toml").read_text()


def test_init_says_where_it_cannot_write() -> None:
    result = invoke("init", "missing/curbside.toml")

    assert result.exit_code == Exit.FAILURE
    assert "missing/curbside.toml cannot be written" in result.stderr


def test_version() -> None:
    assert invoke("version").stdout.startswith("curbside 0.")
    assert invoke("--version").stdout == invoke("version").stdout
    assert json.loads(invoke("version", "--json").stdout)["version"].startswith("0.")


# --- documents ------------------------------------------------------------------------


def test_ingest_needs_something_to_take_in() -> None:
    result = invoke("ingest")

    assert result.exit_code == Exit.FAILURE
    assert "`documents`" in result.stderr


def test_ingest_names_a_path_that_is_not_there() -> None:
    result = invoke("ingest", "gone")

    assert result.exit_code == Exit.FAILURE
    assert "gone" in result.stderr


def test_ingest_takes_in_what_changed(folder: Path) -> None:
    documents = handbook(folder)

    first = invoke("ingest", str(documents), "--json")
    second = invoke("ingest", str(documents))

    assert json.loads(first.stdout)["added"] == ["handbook/public/walk-ins.md"]
    assert second.stdout.startswith("Documents: 1 unchanged;")


def test_ingest_fails_when_nothing_could_be_read(folder: Path) -> None:
    picture = folder / "picture.xyz"
    picture.write_bytes(b"\0")

    result = invoke("ingest", str(picture))

    assert result.exit_code == Exit.FAILURE
    assert "skipped" in result.stdout
    assert "picture.xyz" in result.stdout


async def test_ingest_leaves_the_work_to_a_running_bot() -> None:
    # A socket's path must be short, a test's own folder is not.
    folder = Path(tempfile.mkdtemp(prefix="cs"))
    asked: list[dict[str, Any]] = []

    async def take(arguments: dict[str, Any], emit: control.Emit) -> None:
        asked.append(arguments)
        await emit({"progress": asdict(Progress(1, 1, "a.md", 3))})
        await emit({"report": asdict(Report(added=["a.md"], passages=3))})

    async with control.serve(folder, {"ingest": take}):
        ingest = await asyncio.create_subprocess_exec(
            *(str(CURBSIDE), "ingest", str(folder), "--rebuild", "--json"),
            env={**os.environ, "CURBSIDE_DATA_DIR": str(folder)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await ingest.communicate()

    shutil.rmtree(folder)
    assert json.loads(out)["added"] == ["a.md"], errors
    paths = [str(folder)]
    assert asked == [{"paths": paths, "collection": "documents", "rebuild": True}]
    assert b"running bot" in errors


def test_a_summary_counts_and_lists_what_was_skipped() -> None:
    report = Report(added=["a", "b"], removed=["c"], skipped=[("d", "too big")])

    assert summary(report) == [
        "Documents: 2 added, 1 removed; 0 passages written.",
        "  skipped d: too big",
    ]


# --- backends and dead letters --------------------------------------------------------


def test_backends_lists_profiles_for_scripts() -> None:
    Path("curbside.toml").write_text(
        'default_backend = "faq"\n[backends.faq]\nkind = "verbatim"\n'
        '[backends.tuned]\nkind = "fine_tuned"\nmodel = "m"\nfallback = "faq"\n'
    )

    rows = json.loads(invoke("backends", "--no-check", "--json").stdout)

    assert [row["profile"] for row in rows] == ["faq", "tuned", "verbatim"]
    assert [row["default"] for row in rows] == [True, False, False]
    assert rows[1]["fallback"] == "faq"
    assert rows[1]["ok"] is None


def test_backends_says_which_cannot_answer() -> None:
    Path("curbside.toml").write_text(
        '[backends.tuned]\nkind = "fine_tuned"\nmodel = "m"\n'
        'base_url = "http://127.0.0.1:1/v1"\n'
    )

    lines = invoke("backends").stdout.splitlines()

    assert next(line.split()[:2] for line in lines) == ["FAIL", "tuned"]


async def bury(question: str) -> str:
    """Leave a dead letter; its id."""
    place = ConversationId("slack", "T1", "C1", "1.0")
    message = Message("1.0", place, Author("U1"), question, datetime.now(UTC))
    opened = state.create(load_settings())
    await opened.open()
    try:
        await opened.inbox.accept(Said(message), limit=9)
        work = await opened.inbox.claim("tester", lease=9, wait=1)
        assert work is not None
        await opened.inbox.bury(work.claim, [Said(message).key], "it was too hard")
        return (await opened.inbox.dead_letters())[0].id
    finally:
        await opened.aclose()


@pytest.fixture
async def letter() -> str:
    """The id of a dead letter in the state of the working folder."""
    return await bury("When do walk-ins close?")


def test_dead_letters_are_listed(letter: str) -> None:
    told = invoke("dead-letters").stdout
    row = json.loads(invoke("dead-letters", "--json").stdout)[0]

    assert letter in told
    assert "it was too hard" in told
    assert "> When do walk-ins close?" in told
    assert row["id"] == letter
    assert row["questions"] == ["When do walk-ins close?"]


def test_a_dead_letter_is_tried_again_once(letter: str) -> None:
    first = invoke("dead-letters", "--retry", letter)
    second = invoke("dead-letters", "--retry", letter)

    assert first.exit_code == Exit.OK
    assert json.loads(invoke("dead-letters", "--json").stdout) == []
    assert second.exit_code == Exit.FAILURE
    assert letter in second.stderr


# --- chat -----------------------------------------------------------------------------


def test_a_piped_chat_answers_with_a_source_and_ends(folder: Path) -> None:
    config = f'data_dir = "data"\ndocuments = ["{handbook(folder)}"]'
    Path("curbside.toml").write_text(config)

    with process("chat") as chat:
        out, errors = chat.communicate(
            "When do walk-ins close on Friday?\n", timeout=60
        )

    assert chat.returncode == Exit.OK, errors
    assert "10:30" in out
    assert "Walk-ins" in out.split("Sources")[1]
    assert "Traceback" not in errors


def test_an_interrupt_ends_a_chat_with_its_own_code() -> None:
    with process("chat") as chat:
        assert chat.stdin is not None
        chat.stdin.write("What do you know?\n")
        chat.stdin.flush()
        assert chat.stdout is not None
        while not chat.stdout.readline().startswith(">"):
            pass
        time.sleep(0.2)
        chat.send_signal(signal.SIGINT)
        chat.wait(timeout=20)
        assert chat.stderr is not None
        errors = chat.stderr.read()

    assert chat.returncode == Exit.INTERRUPTED, errors
    assert "Traceback" not in errors
