"""Writes `docs/parity.md`: what works on which platform, from the scenarios."""

from pathlib import Path

import parity.talking  # isort: split

import parity.deciding  # noqa: F401
from parity.scenarios import SCENARIOS, Scenario

PATH = Path(__file__).resolve().parents[2] / "docs" / "parity.md"

HEAD = """\
# The same on Slack and on Discord

Each line is a test that plays it on both platforms: the real program with the real
libraries over real sockets, against a local Slack and a local Discord
(`tests/parity`). This page is written by `make docs`.

| | Slack | Discord |
|---|---|---|
"""


def page() -> str:
    """The page as it should be."""
    return HEAD + "".join(
        f"| {one.title} | {_cell(one, 'slack')} | {_cell(one, 'discord')} |\n"
        for one in SCENARIOS
    )


def _cell(one: Scenario, platform: str) -> str:
    note = one.notes.get(platform, "")
    return f"yes: {note}" if note else "yes"


if __name__ == "__main__":
    PATH.write_text(page())
    print(f"{PATH.name}: {len(SCENARIOS)} scenarios")
