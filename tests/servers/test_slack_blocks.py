"""What blocks and views the local Slack takes and refuses."""

from typing import Any

import pytest
from servers.slack import SlackError
from servers.slack.blocks import check_message, check_view

JSON = dict[str, Any]


def plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> JSON:
    return {"type": "mrkdwn", "text": text}


def section(text: str) -> JSON:
    return {"type": "section", "text": mrkdwn(text)}


def button(number: int = 1, **more: Any) -> JSON:
    given = {"type": "button", "action_id": f"a{number}", "text": plain("Go")}
    return given | more


def actions(*elements: JSON) -> JSON:
    return {"type": "actions", "elements": list(elements)}


def choice(value: str) -> JSON:
    return {"text": plain(value), "value": value}


FEEDBACK = {
    "type": "context_actions",
    "elements": [
        {
            "type": "feedback_buttons",
            "action_id": "rate",
            "positive_button": choice("good"),
            "negative_button": choice("bad"),
        }
    ],
}
CELL = {"type": "raw_text", "text": "x"}
TABLE = {"type": "table", "rows": [[CELL]]}
DATA = {"type": "data_table", "caption": "c", "rows": [[CELL], [CELL]]}
CONTAINER = {
    "type": "container",
    "title": plain("Sources"),
    "is_collapsible": True,
    "child_blocks": [section("one"), DATA],
}
INPUT = {
    "type": "input",
    "label": plain("Why?"),
    "element": {"type": "plain_text_input", "action_id": "why"},
}


@pytest.mark.parametrize(
    "blocks",
    [
        [section("x" * 3_000)],
        [{"type": "markdown", "text": "x" * 12_000}],
        [actions(*(button(n) for n in range(25)))],
        [FEEDBACK],
        [TABLE],
        [DATA],
        [CONTAINER],
        [{"type": "header", "text": plain("x" * 150)}, {"type": "divider"}],
        [{"type": "context", "elements": [mrkdwn("x")] * 10}],
        [section("x")] * 50,
    ],
    ids=lambda blocks: f"{len(blocks)} {blocks[0]['type']}",
)
def test_good_blocks_get_an_id_each(blocks: list[JSON]) -> None:
    kept = check_message(blocks)

    assert [block["type"] for block in kept] == [block["type"] for block in blocks]
    assert len({block["block_id"] for block in kept}) == len(blocks)


@pytest.mark.parametrize(
    ("blocks", "error"),
    [
        ([section("x" * 3_001)], "invalid_blocks"),
        ([section("")], "invalid_blocks"),
        ([section("x") | {"colour": "red"}], "invalid_blocks"),
        ([{"type": "song"}], "invalid_blocks"),
        ([section("x")] * 51, "invalid_blocks"),
        ([section("x") | {"block_id": "same"}] * 2, "invalid_blocks"),
        ([{"type": "markdown", "text": "x" * 6_001}] * 2, "invalid_blocks"),
        ([section("x" * 2_700)] * 5, "msg_blocks_too_long"),
        ([actions(*(button(n) for n in range(26)))], "invalid_blocks"),
        ([actions(button(1), button(1))], "invalid_blocks"),
        ([actions(button(value="x" * 2_001))], "invalid_blocks"),
        ([actions(button(text=plain("x" * 76)))], "invalid_blocks"),
        ([{"type": "header", "text": plain("x" * 151)}], "invalid_blocks"),
        ([{"type": "context", "elements": [mrkdwn("x")] * 11}], "invalid_blocks"),
        ([TABLE, TABLE], "invalid_blocks"),
        ([DATA | {"caption": ""}], "invalid_blocks"),
        ([DATA | {"rows": [[CELL]]}], "invalid_blocks"),
        ([CONTAINER | {"child_blocks": [section("x")] * 11}], "invalid_blocks"),
        ([CONTAINER | {"child_blocks": [CONTAINER]}], "invalid_blocks"),
        ("text", "invalid_blocks_format"),
    ],
    ids=[
        "a long section",
        "an empty section",
        "an unknown property",
        "an unknown type",
        "too many blocks",
        "a block id twice",
        "too much Markdown",
        "too much text",
        "too many buttons",
        "an action id twice",
        "a long value",
        "a long label",
        "a long header",
        "a long context",
        "two tables",
        "a data table without a caption",
        "a data table of one row",
        "a full container",
        "a container in a container",
        "no list",
    ],
)
def test_bad_blocks_are_refused(blocks: Any, error: str) -> None:
    with pytest.raises(SlackError, match=f"^{error}$"):
        check_message(blocks)


MODAL = {"type": "modal", "title": plain("Why?"), "blocks": [section("x")]}


def test_good_views() -> None:
    assert check_view(MODAL)["blocks"][0]["block_id"]
    assert check_view(MODAL | {"blocks": [INPUT], "submit": plain("Send")})
    assert check_view({"type": "home", "blocks": [section("x")] * 100})


@pytest.mark.parametrize(
    ("view", "error"),
    [
        (MODAL | {"title": None}, "invalid_blocks"),
        (MODAL | {"title": plain("x" * 25)}, "invalid_blocks"),
        (MODAL | {"submit": plain("x" * 25)}, "invalid_blocks"),
        (MODAL | {"blocks": [INPUT]}, "invalid_blocks"),
        (MODAL | {"blocks": [FEEDBACK]}, "invalid_blocks"),
        (MODAL | {"blocks": [section("x")] * 101}, "invalid_blocks"),
        (MODAL | {"private_metadata": "x" * 3_001}, "invalid_blocks"),
        (MODAL | {"blocks": [section("x" * 2_999)] * 100}, "view_too_large"),
        ({"type": "page", "blocks": []}, "invalid_arguments"),
        ("text", "invalid_arguments"),
    ],
    ids=[
        "no title",
        "a long title",
        "a long button",
        "an input without a button",
        "feedback buttons",
        "too many blocks",
        "much metadata",
        "too large",
        "an unknown type",
        "no view",
    ],
)
def test_bad_views_are_refused(view: Any, error: str) -> None:
    with pytest.raises(SlackError, match=f"^{error}$"):
        check_view(view)
