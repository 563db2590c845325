"""Every command in the documents is one that works: run here, or covered elsewhere."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    path.relative_to(ROOT)
    for folder in (ROOT, ROOT / "docs")
    for path in sorted(folder.glob("*.md"))
]
CURBSIDE = Path(sys.executable).parent / "curbside"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

STARTS = "tests/test_deployment.py::test_ours_start_are_healthy_and_stop"
GROUPS = {"manifest", "dataset", "tune"}
"""Commands that have commands of their own."""

COVERED = {
    r"make test": "tests/test_packaging.py::test_every_entry_point_loads",
    r"make check": "tests/test_deployment.py::test_a_script_is_executable_and_sound",
    r"make (docs|lock|help)": "tests/test_deployment.py::test_make_tells_its_targets",
    r"(printf .+ \| )?make demo": "tests/test_readme.py::test_the_demo_answers",
    r"make demo-slack": "tests/servers/test_slack_demo.py::"
    "test_a_person_asks_and_commands",
    r"make demo-discord": "tests/servers/test_discord_demo.py::"
    "test_people_ask_press_and_fill_in",
    r"curbside chat": "tests/bot/test_cli.py::"
    "test_a_piped_chat_answers_with_a_source_and_ends",
    r"curbside run": STARTS,
    r"curbside worker": STARTS,
    r"curbside ingest .+": "tests/bot/test_cli.py::test_ingest_takes_in_what_changed",
    r"curbside doctor( --quick)?": "tests/bot/test_doctor.py::"
    "test_prints_each_part_and_ends_well",
    r"curbside backends": "tests/bot/test_cli.py::"
    "test_backends_says_which_cannot_answer",
    r"curbside init( \S+)?": "tests/bot/test_cli.py::"
    "test_init_writes_a_file_that_changes_nothing",
    r"curbside manifest slack( --.+)?( > \S+)?": "tests/bot/test_slack_manifest.py::"
    "test_slack_takes_the_manifest",
    r"curbside dead-letters": "tests/bot/test_cli.py::test_dead_letters_are_listed",
    r"curbside dead-letters --retry \S+": "tests/bot/test_cli.py::"
    "test_a_dead_letter_is_tried_again_once",
    r"curbside dataset (collect|review|split|freeze)": "tests/test_tuning.py::"
    "test_training_lowers_the_loss_on_what_was_held_out",
    r"curbside dataset (import .+|check|stats)": "tests/bot/test_dataset_cli.py::"
    "test_from_a_file_to_a_frozen_set",
    r"curbside dataset from-documents": "tests/bot/test_dataset_cli.py::"
    "test_a_model_proposes_from_documents",
    r"curbside dataset passages": "tests/bot/test_dataset_cli.py::"
    "test_passages_are_put_beside_the_own_ones",
    r"curbside (tune (train|show|deploy) .+|serve-adapter .+)": "tests/test_tuning.py::"
    "test_the_model_is_a_candidate_until_an_admin_uses_it",
    r"pip install .curbside\[train\].": "tests/test_packaging.py::"
    "test_every_entry_point_loads",
    r"curbside rescue \S+": "tests/bot/test_rescue.py::"
    "test_a_job_comes_home_with_its_examples_and_its_training",
    r"export .+": "tests/test_deployment.py::"
    "test_every_variable_in_the_documents_is_read",
    # Measurements take too long to be tests; that they are there is looked at below.
    r"\S*python3? (-m )?benchmarks[./]\S+.*": "tests/test_readme.py::"
    "test_a_command_in_the_documents_exists",
    r"cp \.env\.example \.env": "tests/test_deployment.py::"
    "test_the_example_changes_nothing",
    r"docker compose exec bot (curbside .+)": STARTS,
    r"docker compose (--profile model )?up.*": STARTS,
}
"""Commands, and the test that does what they do."""


def commands() -> Iterator[tuple[str, str]]:
    """Each line of each shell block, with its page."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for block in re.findall(
            r"^ *```sh\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL
        ):
            for line in block.replace("\\\n", " ").splitlines():
                command = re.sub(r"\s+# .*", "", line).strip()
                if command and not command.startswith("#"):
                    yield str(page), command


ALL = [pytest.param(*each, id=f"{each[0]}: {each[1]}") for each in commands()]


@pytest.mark.parametrize(("page", "command"), ALL)
def test_a_command_in_the_documents_is_tested(page: str, command: str) -> None:
    tests = [test for like, test in COVERED.items() if re.fullmatch(like, command)]

    assert tests, f"{page}: nothing tests {command!r}"
    for test in tests:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "command"), ALL)
def test_a_command_in_the_documents_exists(page: str, command: str) -> None:
    called = command.split(" | ")[-1].removeprefix("docker compose exec bot ")
    words = shlex.split(called.split(" > ")[0])
    if words[0] == "make":
        assert f"\n{words[1]}: " in MAKEFILE
    elif words[0] == "curbside":
        names = words[1:3] if words[1] in GROUPS else words[1:2]
        told = CliRunner().invoke(app, [*names, "--help"])
        assert told.exit_code == 0, told.output
        for option in (word for word in words if word.startswith("--")):
            assert f"  {option} " in told.stdout
    elif measured := re.search(r"benchmarks[./]\w+", command):
        file = measured[0].replace(".", "/").removesuffix("/py") + ".py"
        assert (ROOT / file).is_file()


def test_the_demo_answers(tmp_path: Path) -> None:
    """What `make demo` runs once it has set up, with the questions of the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    asked = re.search(r"^printf '(.+)' \| make demo", readme, re.MULTILINE)
    assert asked
    recipe = re.search(
        r"^\t@(CURBSIDE_CONFIG=\S+) \$\(BIN\)/curbside chat$", MAKEFILE, re.M
    )
    assert recipe
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "CURBSIDE_CONFIG": recipe[1].split("=")[1],
        "CURBSIDE_DATA_DIR": str(tmp_path / "data"),
    }

    done = subprocess.run(
        [str(CURBSIDE), "chat"],
        input=asked[1].replace("\\n", "\n"),
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    answers = re.split(r"^> .+\?$", done.stdout, flags=re.MULTILINE)[1:]
    questions = asked[1].count("\\n")
    assert len(answers) == questions
    assert "[1]" in answers[0]
    assert "Sources" in answers[0]
    assert "Opening hours" in answers[0]
    assert "Sources" not in answers[-1]
    assert "Traceback" not in done.stderr
