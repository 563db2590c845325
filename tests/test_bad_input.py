"""The real program, given what nobody should give it: a clear word each time, no harm.

Wrong settings, odd messages, documents that are none; the process is a real one, and so
are its sockets.
"""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypdf
import pytest
from servers.openai import OpenAIServer
from servers.program import ROOT, Program, until
from servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer

TOKENS = {
    "CURBSIDE_SLACK_BOT_TOKEN": BOT_TOKEN,
    "CURBSIDE_SLACK_APP_TOKEN": APP_TOKEN,
}
HOURS = "# Hours\n\nWalk-ins close at four on Fridays.\n"
PARKING = "# Parking\n\nPatients park behind the bakery, free for two hours.\n"

# Prologues of a child process. The first takes from root what opens every folder; a
# file can grow no further under the second, as on a disk that is full.
NO_MASTER_KEY = """
import ctypes, os, sys
getattr(ctypes.CDLL(None), "prctl", max)(24, 1)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
os.execv(sys.executable, [sys.executable, "-m", "bot", *sys.argv[1:]])
"""
SMALL_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
"""
MAIN = "import sys; sys.argv[0] = 'curbside'; from bot.cli import main; main()"

# A disk of its own for a while: a document goes in, the disk gets full, a second one
# finds no room, the first is still found, and with room again the second goes in.
FULL_DISK = """
mount -t tmpfs -o size=160m none disk || exit 77
"$PYTHON" -m bot ingest hours.md
"$PYTHON" -m bot ingest hours.md
head -c 50M /dev/zero >disk/ballast
"$PYTHON" -m bot ingest parking.md; echo "exit $?"
echo "When do walk-ins close on Fridays?" | "$PYTHON" -m bot chat
rm disk/ballast
"$PYTHON" -m bot ingest parking.md
"""


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    output: str
    log: str

    def says(self, *words: str) -> None:
        """It ended with one line about what is wrong, and the line holds the words."""
        assert "Traceback" not in self.log, self.log
        assert len(self.log.strip().splitlines()) == 1, self.log
        assert self.log.startswith("curbside: "), self.log
        for word in words:
            assert word in self.log, (word, self.log)


async def curbside(
    folder: Path,
    *command: str,
    config: str | None = None,
    before: str = "",
    stdin: str = "",
    environment: dict[str, str] | None = None,
) -> Ended:
    """Run a command in a folder to its end; `before` is what the child does first."""
    if config is not None:
        (folder / "curbside.toml").write_text(config)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", f"{before}\n{MAIN}", *command),
        cwd=folder,
        env=_environment(folder) | (environment or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        output, log = await process.communicate(stdin.encode())
    assert process.returncode is not None
    return Ended(process.returncode, output.decode(), log.decode())


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    server = SlackServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def model() -> AsyncIterator[OpenAIServer]:
    server = OpenAIServer()
    server.answer = lambda asked: f"Yes: {asked.question}"
    await server.start()
    yield server
    await server.stop()


def serving(slack: SlackServer, folder: Path, config: str) -> Program:
    config += f'\n[slack]\napi_url = "{slack.api_url}"\nedit_seconds = 0.2\n'
    return Program(folder, config, "run", "--platform", "slack", environment=TOKENS)


def people(slack: SlackServer) -> tuple[str, str]:
    """Somebody, and a channel with the bot in it."""
    ada, general = slack.add_user("ada"), slack.add_channel("general")
    slack.join(ada, general)
    return ada, general


async def answer_to(
    slack: SlackServer, program: Program, channel: str, thread: str
) -> str:
    """The whole answer in a thread."""

    def answers() -> list[str]:
        return [message["text"] for message in slack.bot_messages(channel, thread)]

    def whole() -> bool:
        return bool(answers()) and not answers()[0].endswith("…")

    await until(whole, 30, what=f"an answer in {thread}", program=program)
    assert len(answers()) == 1, answers()
    return answers()[0]


# --- messages -------------------------------------------------------------------------


async def test_odd_messages_get_a_clear_word_and_the_next_question_its_answer(
    slack: SlackServer, model: OpenAIServer, tmp_path: Path
) -> None:
    ada, general = people(slack)
    plan = {"id": "F1", "name": "plan.pdf", "mimetype": "application/pdf", "size": 9}
    program = serving(
        slack,
        tmp_path,
        'default_backend = "tuned"\n[backends.tuned]\nkind = "fine_tuned"\n'
        f'model = "house-model"\nbase_url = "{model.base_url}"',
    )
    await program.start()
    try:
        await until(lambda: bool(slack.sockets.connections), program=program)

        async def ask(text: str, **more: Any) -> str:
            asked = slack.say(ada, general, text, mention_bot=True, **more)
            return await answer_to(slack, program, general, asked)

        assert "empty message" in await ask("")
        assert "empty message" in await ask("\u200b \u202e")
        long = await ask("x" * 100_000)
        assert "100,000 characters" in long
        assert "12,000" in long
        only_file = await ask("", files=[plan])
        assert only_file.startswith("Not read: plan.pdf is not there")
        assert not model.requests

        with_file = await ask("Is this the plan?", files=[plan])
        assert with_file.startswith("Yes: Is this the plan?")
        assert "Not read: plan.pdf is not there" in with_file
        assert await ask("Still there?") == "Yes: Still there?"
        assert "Traceback" not in program.log
        assert "ERROR" not in program.log
    finally:
        await program.kill()


# --- settings -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            'default_backend = "tuend"',
            ["'default_backend'", "curbside.toml", "'tuend'", "known: verbatim"],
        ),
        (
            '[backends.a]\nkind = "verbatim"\nfallback = "b"',
            ["curbside.toml", "[backends.a]", "fallback 'b'", "known: a, verbatim"],
        ),
        (
            '[backends.a]\nkind = "verbatim"\nfallback = "a"',
            ["curbside.toml", "[backends.a]", "its own fallback", "name another"],
        ),
        (
            '[backends.a]\nkind = "finetuned"',
            ["curbside.toml", "[backends.a]", "'finetuned'", "fine_tuned, hybrid"],
        ),
        (
            '[backends.a]\nkind = "verbatim"\n[backends.a]\nkind = "rag"',
            ["curbside.toml", "two tables of the same name", "line 3", "mend"],
        ),
        (
            'redis_ulr = "redis://127.0.0.1"',
            ["curbside.toml", "'redis_ulr'", "did you mean 'redis_url'?"],
        ),
        (
            "[worker]\nconcurency = 3",
            ["curbside.toml", "'worker.concurency'", "did you mean 'concurrency'?"],
        ),
        (
            '[slack]\nbot_tokn = "xoxb-secret"',
            ["curbside.toml", "'bot_tokn'", "did you mean 'bot_token'?"],
        ),
    ],
    ids=[
        "unknown default",
        "unknown fallback",
        "own fallback",
        "unknown kind",
        "a name twice",
        "typo at the top",
        "typo in a table",
        "typo in a platform's table",
    ],
)
async def test_a_wrong_line_of_the_file_ends_the_start(
    config: str, words: list[str], tmp_path: Path
) -> None:
    ended = await curbside(tmp_path, "run", config=config, environment=TOKENS)

    assert ended.code == 2, ended.log
    ended.says(*words)
    assert "secret" not in ended.log


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (
            "CURBSIDE_WORKER_CONCURRENCY",
            "lots",
            ["'worker.concurrency'", "valid integer", "'lots'", "default is 64"],
        ),
        (
            "CURBSIDE_WORKER_CONCURENCY",
            "3",
            ["'worker.concurency'", "did you mean 'concurrency'?"],
        ),
        (
            "CURBSIDE_DEFAULT_BACKED",
            "verbatim",
            ["nothing that is read", "did you mean CURBSIDE_DEFAULT_BACKEND?"],
        ),
        (
            "CURBSIDE_DEFAULT_BACKEND",
            "tuend",
            ["'default_backend'", "'tuend'", "known: verbatim"],
        ),
        ("CURBSIDE_SLACK_BOT_TOKEN", "xoxp-1-2", ["'slack.bot_token'", "xoxb-"]),
        ("CURBSIDE_SLACK_APP_TOKEN", "xoxb-1-2", ["'slack.app_token'", "xapp-"]),
        ("CURBSIDE_REDIS_URL", "localhost", ["'redis_url'", "redis://"]),
    ],
)
async def test_a_wrong_variable_ends_the_start(
    name: str, value: str, words: list[str], tmp_path: Path
) -> None:
    ended = await curbside(tmp_path, "run", environment={**TOKENS, name: value})

    assert ended.code == 2, ended.log
    ended.says(*words)
    if "REDIS" not in name:
        ended.says(name)
    assert "1-2" not in ended.log


@pytest.mark.parametrize("wrong", [*TOKENS])
async def test_a_token_that_slack_refuses_ends_the_start(
    wrong: str, slack: SlackServer, tmp_path: Path
) -> None:
    token = TOKENS[wrong][:5] + "revoked"
    config = f'[slack]\napi_url = "{slack.api_url}"'

    ended = await curbside(
        tmp_path, "run", config=config, environment={**TOKENS, wrong: token}
    )

    assert ended.code == 2, ended.log
    last = ended.log.strip().splitlines()[-1]
    assert last.startswith("curbside: slack: ")
    assert "invalid_auth" in last
    assert wrong in last
    assert "revoked" not in ended.log
    assert "Traceback" not in ended.log


async def test_a_profile_that_cannot_work_is_named_and_the_rest_serves(
    tmp_path: Path,
) -> None:
    config = 'default_backend = "a"\n[backends.a]\nkind = "fine_tuned"\nmodell = "m"\n'

    ended = await curbside(tmp_path, "chat", config=config, stdin="Hello?\nhelp\n")

    assert ended.code == 0
    assert "[backends.a]" in ended.log
    assert "did you mean `model`?" in ended.log
    assert "Traceback" not in ended.log
    assert "needs an admin's attention" in ended.output
    assert "Commands:" in ended.output


async def test_a_state_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    config = 'data_dir = "data"'
    made = await curbside(tmp_path, "dead-letters", config=config)
    assert made.code == 0, made.log
    with sqlite3.connect(tmp_path / "data" / "state.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = (tmp_path / "data" / "state.db").read_bytes()

    ended = await curbside(tmp_path, "run", environment=TOKENS)

    assert ended.code == 1
    ended.says("data/state.db", "schema 99", "update Curbside", "restore")
    assert (tmp_path / "data" / "state.db").read_bytes() == before


@pytest.mark.parametrize("command", ["run", "chat", "ingest"])
async def test_a_data_folder_that_is_a_file_ends_the_start(
    command: str, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("not a folder")
    (tmp_path / "hours.md").write_text(HOURS)
    arguments = ["hours.md"] if command == "ingest" else []

    ended = await curbside(
        *(tmp_path, command, *arguments),
        config='data_dir = "data"',
        environment=TOKENS,
    )

    assert ended.code == 3, ended.log
    ended.says("data", "`data_dir`")


@pytest.mark.parametrize("command", ["run", "chat", "ingest"])
async def test_a_data_folder_that_cannot_be_written_to_ends_the_start(
    command: str, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    (tmp_path / "hours.md").write_text(HOURS)
    arguments = ["hours.md"] if command == "ingest" else []

    ended = await curbside(
        *(tmp_path, command, *arguments),
        config='data_dir = "data"',
        before=NO_MASTER_KEY,
        environment=TOKENS,
    )

    assert ended.code == 3, ended.log
    ended.says("data", "`data_dir`", "ermission denied")


async def test_a_data_folder_that_is_a_file_with_the_state_in_redis(
    slack: SlackServer, redis_server: Any, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("not a folder")
    config = (
        f'data_dir = "data"\nredis_url = "{redis_server.url}"\n'
        f'[slack]\napi_url = "{slack.api_url}"'
    )

    ended = await curbside(tmp_path, "run", config=config, environment=TOKENS)

    assert ended.code == 2, ended.log
    ended.says("'data_dir'", "data", "make it a folder")


# --- documents ------------------------------------------------------------------------


def bad_documents(folder: Path) -> dict[str, str]:
    """Puts files that cannot be read into a folder; what is to be said of each."""
    whole = pypdf.PdfWriter()
    whole.add_blank_page(200, 200)
    whole.write(folder / "scan.pdf")
    page = (folder / "scan.pdf").read_bytes()
    (folder / "torn.pdf").write_bytes(page[: len(page) // 2])
    (folder / "noise.pdf").write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 20)
    locked = pypdf.PdfWriter()
    locked.add_blank_page(200, 200)
    locked.encrypt("secret", algorithm="RC4-128")
    locked.write(folder / "locked.pdf")
    (folder / "empty.md").write_bytes(b"")
    (folder / "sheet.xlsx").write_bytes(b"PK\x03\x04")
    (folder / "photo.heic").write_bytes(b"ftypheic")
    (folder / "letter.docx").write_bytes(b"no zip")
    (folder / "program.txt").write_bytes(b"\x00\x81\x8d" * 100)
    (folder / "mixed.txt").write_bytes(b"na\xefve \x81\x8d")
    return {
        "scan.pdf": "only images",
        "torn.pdf": "damaged PDF",
        "noise.pdf": "damaged PDF",
        "locked.pdf": "needs a password",
        "empty.md": "is empty",
        "sheet.xlsx": "damaged or no Excel file",
        "photo.heic": "of a type that is not read; convert it to one of .csv",
        "letter.docx": "no Word file",
        "program.txt": "save it as UTF-8",
        "mixed.txt": "save it as UTF-8",
    }


async def test_good_documents_go_in_and_bad_ones_are_named_with_their_reason(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "handbook"
    folder.mkdir()
    (folder / "hours.md").write_text(HOURS)
    (folder / "café.txt").write_bytes("Das Café öffnet um acht.".encode("cp1252"))
    reasons = bad_documents(folder)

    ended = await curbside(tmp_path, "ingest", "handbook", "--json")

    assert ended.code == 0, ended.log
    report = json.loads(ended.output)
    assert sorted(report["added"]) == ["handbook/café.txt", "handbook/hours.md"]
    skipped = dict(report["skipped"])
    assert {name.removeprefix("handbook/") for name in skipped} == set(reasons)
    for name, reason in reasons.items():
        assert reason in skipped[f"handbook/{name}"]
    assert ended.log == ""

    ended = await curbside(tmp_path, "ingest", "handbook/locked.pdf")

    assert ended.code == 1
    assert "skipped handbook/locked.pdf" in ended.output
    assert "Traceback" not in ended.log

    ended = await curbside(tmp_path, "ingest", "handbook", "gone.md")

    assert ended.code == 1
    ended.says("no file or folder", "gone.md")


async def test_a_store_that_cannot_grow_is_one_line_and_goes_in_later(
    tmp_path: Path,
) -> None:
    (tmp_path / "hours.md").write_text(HOURS)

    ended = await curbside(tmp_path, "ingest", "hours.md", before=SMALL_FILES)

    assert ended.code == 3, ended.log
    ended.says("document store", "too large", "disk has room", "`data_dir`")

    ended = await curbside(tmp_path, "ingest", "hours.md")

    assert ended.code == 0, ended.log
    assert "1 added" in ended.output


async def test_a_full_disk_costs_neither_the_process_nor_a_document(
    tmp_path: Path,
) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "hours.md").write_text(HOURS)
    (tmp_path / "parking.md").write_text(PARKING)
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no `unshare` on PATH (Debian: apt-get install util-linux)")

    process = await asyncio.create_subprocess_exec(
        *(unshare, "--user", "--map-root-user", "--mount", "sh", "-c", FULL_DISK),
        cwd=tmp_path,
        env=_environment(tmp_path)
        | {"CURBSIDE_DATA_DIR": "disk/data", "PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        output, log = (part.decode() for part in await process.communicate())
    if process.returncode == 77 or "unshare failed" in log:
        pytest.skip("this machine lets nobody mount a disk of their own")

    lines = output.strip().splitlines()
    assert lines[0].startswith("Documents: 1 added")
    assert lines[2] == "exit 3"
    assert "close at four on Fridays" in output
    assert lines[-1].startswith("Documents: 1 added")
    assert log.startswith("curbside: the disk of the document store")
    assert "MB left" in log
    assert "make room" in log
    assert len(log.splitlines()) == 1, log


async def test_a_configured_document_that_is_gone_is_a_line_and_the_bot_serves(
    slack: SlackServer, tmp_path: Path
) -> None:
    ada, general = people(slack)
    program = serving(slack, tmp_path, 'documents = ["gone"]')
    await program.start()
    try:
        await until(lambda: bool(slack.sockets.connections), program=program)
        asked = slack.say(ada, general, "whoami", mention_bot=True)

        assert "You are ada" in await answer_to(slack, program, general, asked)
        await until(
            lambda: "gone: there is no file or folder" in program.log,
            what="a word in the log",
            program=program,
        )
        assert "Traceback" not in program.log
    finally:
        await program.kill()


async def test_a_running_bot_takes_documents_in_and_knows_them_at_once(
    slack: SlackServer, tmp_path: Path
) -> None:
    ada, general = people(slack)
    (tmp_path / "hours.md").write_text(HOURS)
    (tmp_path / "torn.pdf").write_bytes(b"%PDF-1.7\n torn")
    program = serving(slack, tmp_path, 'data_dir = "data"')
    await program.start()
    try:
        await until(lambda: bool(slack.sockets.connections), program=program)

        async def ask(text: str) -> str:
            asked = slack.say(ada, general, text, mention_bot=True)
            return await answer_to(slack, program, general, asked)

        question = "When do walk-ins close on Fridays?"
        assert "close at four" not in await ask(question)

        ended = await curbside(tmp_path, "ingest", "hours.md", "torn.pdf")

        assert ended.code == 0, ended.log
        assert "it does the work" in ended.log
        assert "1 added" in ended.output
        assert "torn.pdf" in ended.output
        assert "damaged PDF" in ended.output
        assert "close at four on Fridays" in await ask(question)

        wrong = await curbside(tmp_path, "ingest", "hours.md", "--collection", "a b")

        assert wrong.code == 1
        assert "collection 'a b': use letters" in wrong.log
        assert "collection 'a b': use letters" in program.log
        assert "Traceback" not in wrong.log + program.log

        ended = await curbside(tmp_path, "chat", stdin=f"{question}\n")

        assert ended.code == 3
        ended.says("held by process", "stop that process first", "CURBSIDE_QDRANT_URL")
        assert "close at four on Fridays" in await ask(f"{question} Again, please.")
    finally:
        await program.kill()
