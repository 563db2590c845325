"""`curbside dataset` as its users run it, without a trainer."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from servers.openai import OpenAIServer

ROOT = Path(__file__).parents[2]
ROOMS = ["attic", "barn", "cellar", "den", "entry", "foyer", "garage", "hall", "inn",
         "jetty", "kitchen", "lab"]  # fmt: skip


class Team:
    """A folder with the command line in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str, stdin: str = "", code: int = 0, **more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "bot", "dataset", *words],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "PYTHONPATH": str(ROOT),
                **more,
            },
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def write(self, name: str, rows: list[dict[str, Any]]) -> str:
        path = self.folder / name
        path.write_text("\n".join(json.dumps(row) for row in rows))
        return str(path)

    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self("list", "--json"))
        return found


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def row(room: str) -> dict[str, Any]:
    return {"question": f"Who cleans the {room}?", "answer": f"Team {room} does that."}


def test_from_a_file_to_a_frozen_set(team: Team) -> None:
    team.write("faq.jsonl", [row(room) for room in ROOMS])
    assert "12 of 12" in team("import", "faq.jsonl")
    assert "0 of 12" in team("import", "faq.jsonl")
    assert "no example is approved" in team("check", code=1)
    # Approve all but the last, which is rejected after a look back.
    keys = "a" * 11 + "b" + "s" + "r"
    assert "11 approved, 1 rejected" in team("review", stdin=keys)
    assert "9 to learn from, 2 held out" in team("split")
    assert "at least 10 are needed" in team("check", code=1)
    folder = json.loads(team("freeze", "--json"))["folder"]
    again = json.loads(team("freeze", "--json"))["folder"]
    assert folder == again
    files = {path.name for path in (team.folder / folder).iterdir()}
    assert files == {"train.jsonl", "held-out.jsonl", "manifest.json"}


def test_an_example_can_be_edited_in_an_editor(team: Team) -> None:
    team.write("faq.jsonl", [row("attic")])
    team("import", "faq.jsonl")
    editor = team.folder / "editor.sh"
    editor.write_text("#!/bin/sh\nsed -i 's/Team attic/Mail dana@x.org:/' \"$1\"\n")
    editor.chmod(0o755)
    team("review", stdin="ea", EDITOR=str(editor))
    [example] = team.listed()
    assert example["answer"] == "Mail [EMAIL_1]: does that."
    assert example["status"] == "approved"
    assert len(example["earlier"]) == 1


def test_what_people_wrote_does_not_steer_the_screen(team: Team) -> None:
    asked = {"role": "user", "content": "What is [/dim] in a[/x]?"}
    said = {"role": "assistant", "content": "A [bold mark.\x1b[2J"}
    team.write("a[b].jsonl", [{"messages": [asked, said] * 2}])
    team("import", "a[b].jsonl")
    shown = team("review", stdin="ss")
    assert "What is [/dim] in a[/x]?" in shown
    assert "a[b].jsonl" in shown
    assert "\x1b[2J" not in shown


def test_what_was_erased_while_it_was_looked_at_does_not_come_back(team: Team) -> None:
    team.write("faq.jsonl", [row("attic"), row("barn")])
    team("import", "faq.jsonl")
    editor = team.folder / "editor.py"
    editor.write_text(
        f"import sqlite3, sys\n"
        f"path = sys.argv[1]\n"
        f"text = open(path).read().replace('Team', 'The team')\n"
        f"open(path, 'w').write(text)\n"
        f"found = sqlite3.connect({str(find_state(team.folder))!r})\n"
        f"found.execute(\"DELETE FROM records WHERE kind = 'example'\")\n"
        f"found.commit()\n"
    )
    said = team("review", stdin="eaa", EDITOR=f"{sys.executable} {editor}")
    assert "it was erased meanwhile" in said
    assert team.listed() == []


def find_state(folder: Path) -> Path:
    [path] = folder.rglob("*.db")
    return path


def test_with_four_eyes_another_may_approve(team: Team) -> None:
    (team.folder / "curbside.toml").write_text("[tuning]\nfour_eyes = true\n")
    team.write("faq.jsonl", [row("attic")])
    team("import", "faq.jsonl")
    assert "1 approved" in team("review", "--reviewer", "slack:U1", stdin="a")


def test_with_four_eyes_nobody_approves_what_they_rewrote(team: Team) -> None:
    (team.folder / "curbside.toml").write_text("[tuning]\nfour_eyes = true\n")
    team.write("faq.jsonl", [row("attic")])
    team("import", "faq.jsonl")
    by = ("review", "--reviewer", "slack:U1")
    said = team(*by, stdin="ea", EDITOR="sed -i s/Team/Group/")
    assert "somebody else must approve" in said
    assert "1 approved" in team("review", "--reviewer", "slack:U2", stdin="a")
    [example] = team.listed()
    assert example["answer"].startswith("Group")


def test_what_channels_said_is_refused_without_a_right(team: Team) -> None:
    path = team.write("channel.jsonl", [row("attic")])
    said = team("import", path, "--channel-history", code=1)
    assert "prohibited" in said
    assert "channel_history_right" in said
    (team.folder / "curbside.toml").write_text(
        '[tuning]\nchannel_history_right = "contract of 2026-01-05"\n'
    )
    team("import", path, "--channel-history")
    [example] = team.listed()
    assert example["provenance"]["origin"] == "channel"
    assert example["provenance"]["consent"] == "contract of 2026-01-05"


def test_a_roster_that_grew_is_applied_to_what_is_there(team: Team) -> None:
    team.write("faq.jsonl", [{"question": "Who has keys?", "answer": "Ask Priya."}])
    team("import", "faq.jsonl")
    team("review", stdin="a")
    (team.folder / "curbside.toml").write_text('[tuning]\nroster = ["Priya"]\n')
    assert "1 examples changed" in team("scrub")
    [example] = team.listed()
    assert example["answer"] == "Ask [NAME_1]."
    assert example["status"] == "candidate"


def test_a_prompt_that_names_people_is_scrubbed_too(team: Team) -> None:
    team.write("faq.jsonl", [row("attic") | {"system": "Mail dana@x.org."}])
    team("import", "faq.jsonl")
    team("review", stdin="a")
    assert "personal data" not in team("check", code=1)


def test_numbers_and_bars(team: Team) -> None:
    team.write("faq.jsonl", [row(room) for room in ROOMS])
    team("import", "faq.jsonl")
    team("review", stdin="a" * 12)
    assert "█ 12" in team("stats")
    assert json.loads(team("stats", "--json"))["status"] == {"approved": 12}


@pytest.mark.parametrize(
    ("root", "path", "label"),
    [
        pytest.param("house", "house/public/badges.md", "public", id="public"),
        pytest.param("public/house", "public/house/badges.md", "staff", id="above"),
        pytest.param("house", "house/a/public/badges.md", "staff", id="beneath"),
    ],
)
async def test_a_model_proposes_from_documents(
    team: Team, root: str, path: str, label: str
) -> None:
    page = team.folder / path
    page.parent.mkdir(parents=True)
    page.write_text(
        "# Badges\n\nA new badge costs 12 euros and is made on Tuesdays in room 120; "
        "lost ones are blocked at the front desk at once.\n"
    )
    pair = {"question": "What is a badge?", "answer": "A new badge costs 12 euros."}
    async with OpenAIServer() as server:
        server.answer = lambda asked: json.dumps([pair])
        said = await asyncio.to_thread(
            team,
            "from-documents",
            root,
            CURBSIDE_MODEL_BASE_URL=server.base_url,
            CURBSIDE_MODEL_NAME="house-model",
        )
    assert "1 new candidates" in said
    [example] = team.listed()
    assert example["provenance"]["source"] == path.removeprefix("public/")
    # As in the collection: the first folder below what is named decides.
    assert example["labels"] == [label]


def test_passages_are_put_beside_the_own_ones(team: Team) -> None:
    team.write("faq.jsonl", [row("attic")])
    team("import", "faq.jsonl")
    assert "0 examples have passages" in team("passages")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import", "gone.jsonl"), "there is no file"),
        (("import", "bad.jsonl"), "line 2: is no JSON"),
        (("import", "latin.jsonl"), "cannot be read as UTF-8"),
        (("export", "magic", "out"), "unknown format 'magic'"),
        (("export", "trl", "out"), "nothing to train on"),
        (("list", "--status", "magic"), "--status must be one of"),
        (("from-documents",), "name files or folders"),
        (("from-documents", "bad.jsonl"), "a model has to write them"),
        (("freeze",), "nothing to train on"),
    ],
)
def test_what_is_wrong_is_named(team: Team, words: tuple[str, ...], said: str) -> None:
    (team.folder / "bad.jsonl").write_text('{"question": "a", "answer": "b"}\nnope\n')
    (team.folder / "latin.jsonl").write_bytes(b'{"question": "caf\xe9"}')
    assert said in team(*words, code=1)


def test_examples_for_a_few_shot_profile(team: Team) -> None:
    team.write("faq.jsonl", [row(room) for room in ROOMS])
    team("import", "faq.jsonl")
    team("review", stdin="a" * 12)
    team("split")
    team("export", "few-shot", "out")
    lines = (team.folder / "out" / "train.jsonl").read_text().splitlines()
    assert json.loads(lines[0]).keys() == {"question", "answer", "labels"}
