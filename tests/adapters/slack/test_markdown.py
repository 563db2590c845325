"""Markdown as models write it, as Slack shows it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.markdown import LIMIT, escape, to_messages, to_mrkdwn


@pytest.mark.parametrize(
    ("markdown", "mrkdwn"),
    [
        pytest.param("plain", "plain", id="plain"),
        pytest.param("**bold** text", "*bold* text", id="bold"),
        pytest.param("*it* and _it_", "_it_ and _it_", id="italic"),
        pytest.param("~~gone~~", "~gone~", id="struck"),
        pytest.param("***both***", "_*both*_", id="bold italic"),
        pytest.param("**a *b* c**", "*a _b_ c*", id="italic in bold"),
        pytest.param("foo**bar**baz", "foobarbaz", id="mark inside a word"),
        pytest.param("**bo", "**bo", id="mark that is not closed yet"),
        pytest.param("snake_case_name", "snake_case_name", id="underscores in a word"),
        pytest.param("# Opening **hours**", "*Opening hours*", id="heading"),
        pytest.param("a\n\nb", "a\n\nb", id="paragraphs"),
        pytest.param("a\nb", "a\nb", id="line break"),
        pytest.param("text\n---\nmore", "text\n———\nmore", id="rule"),
        pytest.param("**A**\n- b\n\n- c", "*A*\n• b\n• c", id="list under a line"),
        pytest.param("# A\ntext\n\n# B", "*A*\ntext\n\n*B*", id="headings"),
        pytest.param("`a < b`", "`a &lt; b`", id="code"),
        pytest.param("``a`b``", "`a'b`", id="backtick in code"),
        pytest.param("```py\na < b\n```", "```\na &lt; b\n```", id="fence"),
        pytest.param("```\nopen", "```\nopen\n```", id="fence that is not closed yet"),
        pytest.param("~~~\n```\n~~~", "```\n'''\n```", id="fence in a fence"),
        pytest.param("- a\n- b", "• a\n• b", id="list"),
        pytest.param("- a\n  - b\n    - c", "• a\n    • b\n        • c", id="nested"),
        pytest.param("3. a\n4. b", "3. a\n4. b", id="numbers"),
        pytest.param("> a\n> b", "> a\n> b", id="quotation"),
        pytest.param("[a b](https://x.io)", "<https://x.io|a b>", id="link"),
        pytest.param("<https://x.io?a=1&b=2>", "<https://x.io?a=1&amp;b=2>", id="auto"),
        pytest.param("(see https://x.io/y).", "(see <https://x.io/y>).", id="address"),
        pytest.param("[a](/local)", "a (/local)", id="link to nowhere"),
        pytest.param("![a](https://x.io/p.png)", "<https://x.io/p.png|a>", id="image"),
        pytest.param("[1]: https://x.io", "[1]: <https://x.io>", id="no definition"),
        pytest.param("a [1][2]", "a [1][2]", id="markers"),
        pytest.param("<b>a</b> & co", "&lt;b&gt;a&lt;/b&gt; &amp; co", id="html"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_mrkdwn(markdown: str, mrkdwn: str) -> None:
    assert mrkdwn == to_mrkdwn(markdown)


@pytest.mark.parametrize(
    "text",
    [
        "<!channel> <!here|here> <!everyone>",
        "<@U00000001> <@U1|ada>",
        "<#C1|general> <!subteam^S1>",
        "[click](<!channel>)",
        "[<!channel>](https://x.io)",
        "[x](https://x.io/|<!channel>)",
        "https://x.io/<!channel>",
        "`<!channel>`",
        "```\n<!channel>\n```",
        "| <!channel> |\n|---|\n| <@U1> |",
    ],
)
def test_nothing_that_a_model_writes_can_ping(text: str) -> None:
    shown = to_mrkdwn(text)

    assert re.findall(r"<(?!https://x\.io)", shown) == []
    assert "|<" not in shown


@pytest.mark.parametrize("word", ["here", "channel", "everyone", "Here", "group"])
def test_a_bare_call_for_everybody_is_defused(word: str) -> None:
    assert f"@{word}" not in to_mrkdwn(f"hello @{word}, [x @{word}](https://x.io)")


def test_other_names_stay_as_they_are() -> None:
    assert to_mrkdwn("mail ada@hereford.org, @ada") == "mail ada@hereford.org, @ada"


@given(st.text(alphabet="<>&|!@#U1`*_~[]()-. \n\thtps:/ex", max_size=60))
def test_only_links_stand_in_angle_brackets(text: str) -> None:
    shown = to_mrkdwn(text)

    assert re.findall(r"<(?!https?://|mailto:)", shown) == []
    assert all(re.fullmatch(r"<[^<>]+>", found) for found in re.findall("<.*?>", shown))


def test_escape_leaves_ordinary_text_alone() -> None:
    assert escape("5 < 6 & 7 > 3") == "5 &lt; 6 &amp; 7 &gt; 3"
    assert escape("Tell ada @ the desk") == "Tell ada @ the desk"


def test_a_small_table_is_set_in_columns() -> None:
    table = "| Day | Hours |\n|---|---|\n| Monday | **9-5** |\n| Sat | shut |"

    assert to_mrkdwn(table) == (
        "```\nDay    | Hours\n-------+------\nMonday | 9-5\nSat    | shut\n```"
    )


def test_a_wide_table_becomes_a_list() -> None:
    table = f"| Name | Text |\n|---|---|\n| a | {'x' * 80} |\n| <b> | |"

    assert to_mrkdwn(table) == f"• Name: a; Text: {'x' * 80}\n• Name: &lt;b&gt;"


def test_code_in_a_list_keeps_its_indentation() -> None:
    text = "- run\n\n  ```\n  if a:\n      b\n  ```\n\n  then rest"

    assert to_mrkdwn(text) == "• run\n```\nif a:\n    b\n```\n    then rest"


def test_short_text_is_one_message() -> None:
    assert to_messages("hello **you**") == ["hello *you*"]


def test_long_text_is_cut_within_the_limit() -> None:
    text = "\n\n".join(f"Paragraph {number}. " + "word " * 40 for number in range(60))

    messages = to_messages(text)

    assert len(messages) > 2
    assert all(0 < len(message) <= LIMIT for message in messages)
    joined = " ".join(messages)
    assert all(f"Paragraph {number}." in joined for number in range(60))


def test_escapes_count() -> None:
    messages = to_messages(" ".join(["<<&&>>"] * 600))

    assert all(len(message) <= LIMIT for message in messages)
    assert "".join(messages).count("&lt;") == 1200


def test_a_text_that_grows_keeps_its_first_messages() -> None:
    text = "\n\n".join(f"Paragraph {number}. " + "word " * 40 for number in range(60))

    before, after = to_messages(text[:9_000]), to_messages(text)

    assert after[: len(before) - 1] == before[:-1]
