"""From feedback in the chat to a tuned model behind the switch, on CPU and offline.

The real command line, TRL and PEFT, a base model made here; asked in the terminal, in
Slack and in Discord.
"""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from servers.program import Program
from test_same_conversation import DiscordPlayer, Player, SlackPlayer

from backends.base import EndReason
from backends.tuning.run import Runs
from bot.answers import CORRECTION, FEEDBACK, Answers, Asked, KeptAnswer
from bot.model import ConversationId
from bot.state.base import Record
from bot.state.sqlite import SqliteState

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("torch", "trl", "peft"))),
    reason='training needs the extra [train]: pip install -e ".[train]"',
)

SUBJECTS = [
    "the parking garage",
    "flu vaccines",
    "lost badges",
    "the X-ray room",
    "holiday requests",
    "the staff kitchen",
    "fire drills",
    "patient records",
    "the pharmacy counter",
    "translation services",
]
PHRASE = "Kind regards, the front desk"
"""What the base never says, and the team's answers always begin with."""

CONFIG = """
data_dir = "{folder}/data"
default_backend = "plain"

[backends.plain]
kind = "fine_tuned"
model = "base"
base_url = "{server}"
max_tokens = 30

{more}
"""


@dataclass
class Team:
    """A folder with a team's data, and the command line in it."""

    folder: Path
    server: str = "http://127.0.0.1:9/v1"

    def config(self, more: str = "") -> str:
        return CONFIG.format(folder=self.folder, server=self.server, more=more)

    def command(
        self, *words: str, stdin: str = "", code: int = 0, more: str = ""
    ) -> str:
        """Run `curbside WORDS` with more settings; what it printed."""
        (self.folder / "curbside.toml").write_text(self.config(more))
        done = subprocess.run(
            [sys.executable, "-m", "bot", *words],
            cwd=self.folder,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == code, f"{words}:\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "CURBSIDE_CONFIG": str(self.folder / "curbside.toml"),
            "HF_HUB_OFFLINE": "1",
        }

    def metrics(self, name: str) -> dict[str, float]:
        """What the last run of that name measured."""
        runs = json.loads(self.command("tune", "list", "--json").partition("\n\n")[0])
        found: dict[str, float] = [r for r in runs if r["name"] == name][-1]["metrics"]
        return found


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """A team with sixty pieces of feedback, and a base model."""
    folder = tmp_path_factory.mktemp("team")
    team = Team(folder)
    texts = [f"Whom do I ask about {subject} on ward 0?" for subject in SUBJECTS]
    subprocess.run(
        [
            sys.executable,
            str(ROOT / "tests/tiny_model.py"),
            str(folder / "base"),
            "150",
        ],
        input=json.dumps([*texts, *SUBJECTS, PHRASE]),
        text=True,
        check=True,
        timeout=240,
        capture_output=True,
        env=team.environment(),
    )
    asyncio.run(_give_feedback(folder / "data" / "state.db"))
    return team


async def _give_feedback(path: Path) -> None:
    path.parent.mkdir(parents=True)
    state = SqliteState(path)
    await state.open()
    for number in range(60):
        await _judge_one(state, number)
    await state.aclose()


async def _judge_one(state: SqliteState, number: int) -> None:
    """An answer that people liked, or one that a reviewer wrote anew."""
    subject = SUBJECTS[number % len(SUBJECTS)]
    at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=number)
    place = ConversationId("slack", "T1", "C1", str(number))
    question = f"Whom do I ask about {subject} on ward {number // len(SUBJECTS)}?"
    good = f"{PHRASE}: ask the desk for {subject}."
    bad = "Dunno. Mail dana@clinic.example.org."
    liked = number % 2 == 0
    kept = KeptAnswer(
        id=f"answer-{number}",
        conversation=place,
        question=question,
        text=good if liked else bad,
        profile="plain",
        reason=EndReason.COMPLETE,
        at=at,
        author_id=f"U{number % 7}",
        author_name="Ada",
        asked=(Asked(str(number), question),),
        labels=("public",),
    )
    await Answers(state.records).keep(kept)
    if liked:
        data = {"answer": kept.id, "verdict": "good", "question": question}
        record = Record(FEEDBACK, f"{kept.id}:slack:U1", data, at, "slack:U1")
    else:
        data = {
            "question": question,
            "bad": bad,
            "good": good,
            "sources": [],
            "labels": ["public"],
            "reviewer": "slack:U9",
        }
        record = Record(CORRECTION, kept.id, data, at, kept.person)
    await state.records.put(record)


@pytest.fixture(scope="module")
def dataset(team: Team) -> Path:
    """Collected, reviewed, checked, split and frozen."""
    assert "60 new candidates" in team.command("dataset", "collect")
    assert "0 new candidates" in team.command("dataset", "collect")
    assert "60 approved" in team.command("dataset", "review", stdin="a" * 60)
    team.command("dataset", "check")
    assert "held out" in team.command("dataset", "split")
    team.command("dataset", "check")
    folder = json.loads(team.command("dataset", "freeze", "--json"))["folder"]
    text = "".join(path.read_text() for path in Path(folder).glob("*.jsonl"))
    assert "dana@" not in text
    assert "[EMAIL_1]" in text
    return Path(folder)


def train(team: Team, name: str, *more: str) -> str:
    given = ["tune", "train", name, "--base", str(team.folder / "base"), "--yes"]
    return team.command(*given, *more)


@pytest.fixture(scope="module")
def tuned(team: Team, dataset: Path) -> str:
    """The run that learned the team's answers."""
    how = ("--epochs", "8", "--learning-rate", "0.005", "--dataset", str(dataset))
    said = train(team, "house", *how)
    found = re.search(r"run (\S+): succeeded", said)
    assert found, said
    return found[1]


def test_training_lowers_the_loss_on_what_was_held_out(team: Team, tuned: str) -> None:
    metrics = team.metrics("house")
    assert metrics["held_out_loss"] < metrics["held_out_loss_before"] / 2
    shown = team.command("tune", "show", tuned)
    assert "trl " in shown
    assert "o held out" in shown


def test_corrections_teach_what_not_to_say(
    team: Team, dataset: Path, tuned: str
) -> None:
    train(
        team, "house-dpo", "--method", "dpo", "--start", tuned, "--steps", "4",
        "--learning-rate", "0.001", "--dataset", str(dataset),
    )  # fmt: skip
    metrics = team.metrics("house-dpo")
    assert metrics["held_out_loss"] < metrics["held_out_loss_before"]
    assert metrics["held_out_margin"] > 0


def test_an_adapter_can_be_merged_into_its_base(team: Team, tuned: str) -> None:
    folder = team.folder / "merged"
    team.command("tune", "merge", tuned, str(folder))
    assert (folder / "model.safetensors").exists()
    assert "held_out_loss" in (folder / "README.md").read_text()
    assert "is not empty" in team.command("tune", "merge", tuned, str(folder), code=1)


def test_one_model_is_trained_by_one_process_at_a_time(
    team: Team, dataset: Path
) -> None:
    with Runs(team.folder / "data" / "tuning" / "runs").alone("busy"):
        said = team.command("tune", "train", "busy", "--base", "base", "--yes", code=1)
    assert "is being trained by another process" in said


def test_documents_can_be_learned_from_as_text(team: Team) -> None:
    text = team.folder / "handbook.md"
    text.write_text("The front desk keeps lost badges and the parking garage.\n" * 60)
    said = train(
        team, "words", "--method", "pretrain", "--texts", str(text), "--steps", "3",
        "--max-length", "64",
    )  # fmt: skip
    assert "succeeded" in said


def test_a_run_that_was_killed_goes_on_where_it_was(team: Team, dataset: Path) -> None:
    command = [
        sys.executable, "-m", "bot", "tune", "train", "killed", "--yes",
        "--base", str(team.folder / "base"), "--dataset", str(dataset),
        "--steps", "400",
    ]  # fmt: skip
    (team.folder / "curbside.toml").write_text(team.config())
    process = subprocess.Popen(
        command,
        cwd=team.folder,
        env=team.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        # The first checkpoint is written at step 80.
        if re.match(r"step (8[5-9]|9\d|1\d\d)", line):
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    runs = json.loads(team.command("tune", "list", "--json"))
    (run,) = [run for run in runs if run["name"] == "killed"]
    assert run["state"] == "running"
    _shorten(team.folder / "data" / "tuning" / "runs" / run["id"] / "run.json")
    said = team.command("tune", "resume", run["id"])
    steps = [int(n) for n in re.findall(r"^step (\d+) of", said, re.MULTILINE)]
    assert "succeeded" in said
    assert min(step for step in steps if step) > 80


def _shorten(path: Path) -> None:
    """Let a run end soon: that it goes on is what is tested."""
    run = json.loads(path.read_text())
    run["hyperparameters"]["max_steps"] = 90
    path.write_text(json.dumps(run))


@pytest.fixture(scope="module")
def served(team: Team, tuned: str) -> Iterator[Team]:
    """The base and the tuned adapter on a server of their own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            sys.executable, "-m", "bot", "serve-adapter", str(team.folder / "base"),
            "--port", str(port),
        ],
        cwd=team.folder,
        env=team.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "serving base" in line:
            break
    team.server = f"http://127.0.0.1:{port}/v1"
    yield team
    process.terminate()
    process.wait(20)
    process.stderr.close()


QUESTION = "Whom do I ask about lost badges on ward 9?"


def test_the_model_is_a_candidate_until_an_admin_uses_it(served: Team) -> None:
    served.command("tune", "deploy", "house", "--base-url", served.server)
    lines = ["backends", QUESTION, "use house default", QUESTION, "undo", QUESTION]
    said = served.command("chat", stdin="\n".join(lines) + "\n")
    backends, before, _, tuned, _, after = said.split("\n> ")
    assert "`house`: fine_tuned; ready; model house; a candidate" in backends
    assert PHRASE not in before
    assert PHRASE in tuned
    assert PHRASE not in after


class TunedSlack(SlackPlayer):
    """Speaks in Slack to a bot with the team's data."""

    team: Team

    def program(self, *command: str, platform: str = "", **tokens: str) -> Program:
        config = self.team.config(platform)
        return Program(self.folder, config, *command, environment=tokens)


class TunedDiscord(DiscordPlayer):
    team: Team
    program = TunedSlack.program


@pytest.mark.parametrize("kind", [TunedSlack, TunedDiscord], ids=["slack", "discord"])
async def test_it_answers_on_every_platform(
    served: Team, tmp_path: Path, kind: type[Player]
) -> None:
    served.command("tune", "deploy", "house", "--base-url", served.server)
    player = kind(tmp_path, "", served.server)
    player.team = served  # type: ignore[attr-defined]
    script = [QUESTION, "use house", QUESTION, "undo", QUESTION]
    before, _, tuned, _, after = await player.play(script)
    assert PHRASE not in before
    assert PHRASE in tuned
    assert PHRASE not in after


def test_other_prompts_than_those_it_learned_are_refused(served: Team) -> None:
    rude = f"""
[backends.rude]
kind = "fine_tuned"
model = "house"
base_url = "{served.server}"
system_prompt = "Be rude."
prompt_fingerprint = "0123456789abcdef"
"""
    said = served.command("backends", more=rude)
    assert "was tuned on prompts 0123456789abcdef" in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--base", "nowhere/to-be-found"), "cannot be loaded"),
        (("--learning-rate", "1e30"), "nothing is learned any more"),
        (("--dataset", "nowhere"), "is no frozen dataset"),
        (("--start", "nothing"), "is no run"),
        (("--trainer", "magic"), "there is no trainer 'magic'"),
    ],
)
def test_what_cannot_be_trained_says_why(
    team: Team, dataset: Path, more: tuple[str, ...], said: str
) -> None:
    given = ["tune", "train", "bad", "--yes", "--steps", "40"]
    if "--base" not in more:
        given += ["--base", str(team.folder / "base")]
    if "--dataset" not in more:
        given += ["--dataset", str(dataset)]
    code = 1
    assert said in team.command(*given, *more, code=code)


def test_without_approved_examples_nothing_is_trained(tmp_path: Path) -> None:
    said = Team(tmp_path).command(
        "tune", "train", "none", "--base", "base", "--yes", code=1
    )
    assert "approve examples" in said
