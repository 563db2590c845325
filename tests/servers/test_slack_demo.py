"""What `make demo-slack` runs, with a person who types into it."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """
documents = ["{documents}"]
collection = "demo"
"""
NOTE = "# Walk-ins\n\nWalk-ins close at 10:30 on Friday.\n"


def test_a_person_asks_and_commands(tmp_path: Path) -> None:
    """In private and in a channel, by buttons and modals, with the slash command."""
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "walk-ins.md").write_text(NOTE)
    config = tmp_path / "curbside.toml"
    config.write_text(CONFIG.format(documents=tmp_path / "documents"))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(r"PYTHONPATH=tests \$\(BIN\)/python -m (\S+slack\S+)", makefile)
    assert recipe
    lines = (
        *("When do walk-ins close on Friday?", "2", "it is old", "", "", "/home"),
        "/channel",
        *("When do walk-ins close on Friday?", "99", "/curbside whoami"),
    )

    done = subprocess.run(
        [sys.executable, "-m", recipe[1]],
        input="\n".join(lines) + "\n",
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONPATH": "tests",
            "CURBSIDE_CONFIG": str(config),
            "CURBSIDE_DATA_DIR": str(tmp_path / "data"),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    private, later = done.stdout.split("> /channel")
    channel, rest = later.split("> 99")
    assert "10:30" in private
    assert "Not helpful" in private
    assert "What is wrong with the answer?" in private
    assert "Thank you" in private
    assert "What I know" in private
    assert "10:30" in channel
    assert "There is no such button." in rest
    assert "Only visible to you" in rest
    assert "ada" in rest
    assert "Traceback" not in done.stdout + done.stderr
