"""Answers as Slack shows them: Markdown in `gallery/*.md`, blocks beside it in JSON.

After a change that is meant, `python tests/adapters/slack/test_gallery.py` writes the
JSON anew; read the difference before it is committed.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from adapters.slack.blocks import layouts
from bot.model import Action, Answer, Button, Source

GALLERY = Path(__file__).with_name("gallery")
NAMES = sorted(path.stem for path in GALLERY.glob("*.md"))

HANDBOOK = "https://handbook.example"
SOURCES = (
    Source(1, "Visitors", "Hours", "Visitors are welcome until 20:00.", HANDBOOK, 3),
    Source(2, "Intensive care", "Hours <!here>", "Until 18:00.", f"{HANDBOOK}/icu(1)"),
    Source(3, "Children", "", 'They come with <!channel> "a grown-up".\nAlways.'),
    Source(4, "The porter's notice", quote="x" * 900),
)
BUTTONS = (
    Button(Action.GOOD, "Good answer", "a1"),
    Button(Action.BAD, "Bad answer", "a1"),
    Button(Action.SOURCES, "Sources", "a1"),
    Button(Action.RETRY, "Try again", "a1"),
    Button(Action.CORRECT, "Correct this", "a1"),
    Button(Action.HUMAN, "Get a human", "a1", style="primary", confirm="Ring them?"),
)


def answer_of(name: str) -> Answer:
    text = (GALLERY / f"{name}.md").read_text("utf-8").removesuffix("\n")
    cited = set(map(int, re.findall(r"\[(\d)\]", text)))
    return Answer(
        text,
        sources=tuple(source for source in SOURCES if source.number in cited),
        notice="Stopped." if name == "stopped" else "",
        complete=True,
        buttons=BUTTONS if name == "buttons" else (),
        mention="S0001" if name == "pings" else "",
        link_hosts=("handbook.example", "intranet.example"),
    )


def shown(name: str) -> list[dict[str, Any]]:
    found = layouts(answer_of(name))
    return [{"text": layout.text(), "blocks": layout.blocks()} for layout in found]


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_looks_as_it_did(name: str) -> None:
    expected = json.loads((GALLERY / f"{name}.json").read_text("utf-8"))

    assert shown(name) == expected


@pytest.mark.parametrize("name", NAMES)
def test_slack_takes_it(name: str) -> None:
    from servers.slack.blocks import check_message

    for message in shown(name):
        assert 0 < len(message["text"]) <= 4_000
        assert len(check_message(message["blocks"])) == len(message["blocks"])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_rings_and_no_stranger_is_linked(name: str) -> None:
    for message in shown(name):
        if name == "pings":
            ring = message["blocks"].pop(0)
            assert ring["text"]["text"] == "<!subteam^S0001>"
        for text in [message["text"], json.dumps(message["blocks"])]:
            assert not re.search(r"<!(here|channel|everyone|subteam)|<@U|<#C", text)
        assert "](https://evil" not in json.dumps(message["blocks"])
        assert '"url": "https://evil' not in json.dumps(message["blocks"])
        assert "<https://evil" not in message["text"]


def test_the_gallery_is_large() -> None:
    assert len(NAMES) >= 30


if __name__ == "__main__":
    for each in NAMES:
        text = json.dumps(shown(each), indent=1, ensure_ascii=False)
        (GALLERY / f"{each}.json").write_text(text + "\n", "utf-8")
