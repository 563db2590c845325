"""Markdown as models write it, as Discord gets it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord.markdown import LIMIT, harmless, to_discord, to_messages


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("**bold**, *italic*, ~~gone~~, `code`", id="marks"),
        pytest.param("# One\n\n## Two\n\n### Three", id="headings it knows"),
        pytest.param("- a\n  - b\n    - c\n\n1. x\n2. y", id="lists"),
        pytest.param("> quoted\n> text", id="quote"),
        pytest.param("```py\nprint('@everyone <@123> ||x||')\n```", id="code block"),
        pytest.param("use `@everyone` and `a || b`", id="code span"),
        pytest.param("2 * 3 * 4 and snake_case_name \\*as it is\\*", id="plain"),
        pytest.param("see [1] and [2].", id="citation markers"),
        pytest.param("https://example.org/a_b_(c)?x=1||2", id="address"),
        pytest.param("one\n\n\n\ntwo", id="empty lines"),
        pytest.param("", id="nothing"),
    ],
)
def test_leaves_alone_what_discord_reads_itself(text: str) -> None:
    assert to_discord(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("#### Small\ntext", "**Small**\ntext", id="small heading"),
        pytest.param("##### **Bold** one", "**Bold one**", id="bold small heading"),
        pytest.param("a\n\n---\n\nb", "a\n\n———\n\nb", id="rule"),
        pytest.param(
            "![a cat](https://example.org/cat.png)",
            "[a cat](<https://example.org/cat.png>)",
            id="image",
        ),
        pytest.param(
            "[the docs](https://example.org/d)",
            "[the docs](<https://example.org/d>)",
            id="link without preview",
        ),
        pytest.param(
            "[§ 4 [b]](https://example.org/d_(e))",
            "[§ 4 [b]](<https://example.org/d_(e)>)",
            id="link with brackets",
        ),
        pytest.param(
            "[https://bank.example](https://evil.example)",
            "https://bank.example (https://evil.example)",
            id="link that pretends",
        ),
        pytest.param(
            "[https://a.example](https://a.example)", "https://a.example", id="same"
        ),
        pytest.param("[rules](rules.md)", "rules (rules.md)", id="link to a file"),
        pytest.param("[x](javascript:alert)", "x (javascript:alert)", id="script"),
        pytest.param("a || b || c", "a \\|\\| b \\|\\| c", id="no spoilers"),
        pytest.param(">>> print(1)", "\\>>> print(1)", id="no quote of all the rest"),
        pytest.param("```py\nx = 1", "```py\nx = 1\n```", id="growing code block"),
        pytest.param("~~~\nx\n~~~", "```\nx\n```", id="tildes"),
        pytest.param("    x = 1", "```\nx = 1\n```", id="indented code"),
        pytest.param(
            "- a:\n  ```\n  x\n  ```\n- b", "- a:\n```\nx\n```\n- b", id="in a list"
        ),
        pytest.param(
            "````\n```\nx\n```\n````",
            "```\n`\u200b``\nx\n`\u200b``\n```",
            id="fence in a fence",
        ),
    ],
)
def test_puts_the_rest_into_what_discord_shows(text: str, shown: str) -> None:
    assert to_discord(text, hosts={"example.org"}) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(
            "[the docs](https://evil.example/?q=secret)",
            "the docs ([evil.example](<https://evil.example/?q=secret>))",
            id="another host",
        ),
        pytest.param(
            "[sign in](https://example.org@evil.example/)",
            "sign in ([evil.example](<https://example.org@evil.example/>))",
            id="a name before the host",
        ),
        pytest.param(
            "[x](https://evil.example\\@example.org/)",
            "x (https://evil.example\\@example.org/)",
            id="read two ways",
        ),
        pytest.param(
            "[x](https://ex\u0430mple.org/)",
            "x ([xn--exmple-4nf.org](<https://ex\u0430mple.org/>))",
            id="a letter that looks like another",
        ),
        pytest.param(
            "[x](https://sub.example.org/)",
            "x ([sub.example.org](<https://sub.example.org/>))",
            id="a host beneath",
        ),
        pytest.param(
            "![x](https://evil.example/x.png)",
            "x ([evil.example](<https://evil.example/x.png>))",
            id="image",
        ),
    ],
)
def test_links_to_other_hosts_name_them(text: str, shown: str) -> None:
    assert to_discord(text, hosts={"example.org"}) == shown


@pytest.mark.parametrize(
    "text", ["||the butler||", "It was ||the butler||.", "||two words|| and ||more||"]
)
def test_spoilers_stay_covered(text: str) -> None:
    assert to_discord(text) == text


def test_a_long_table_is_parted_under_its_header() -> None:
    rows = "\n".join(f"| room {n} | {n} |" for n in range(300))
    messages = to_messages(f"Rooms:\n\n| Room | Beds |\n|---|---|\n{rows}\n\nEnd.")

    assert len(messages) > 2
    shown = "\n".join(messages).split("\n")
    assert shown.count("Room     | Beds") == shown.count("```") / 2
    assert sum(line.startswith("room ") for line in shown) == 300
    for message in messages:
        assert message.count("```") % 2 == 0
        assert len(message) <= LIMIT


def test_a_link_is_not_broken_where_messages_end() -> None:
    link = "[a label of words](<https://example.org/a/long/path?with=more>)"
    for filler in range(150, 200):
        text = "word " * (filler // 5) + "x" * (filler % 5) + f" {link} and so on."
        messages = to_messages(text, limit=200, hosts={"example.org"})
        assert any(link in message for message in messages), filler


def test_a_table_is_set_in_fixed_width() -> None:
    table = "Rooms:\n\n| Room | Beds |\n|---|---:|\n| **A** | 12 |\n| `B` | 3 |\n\nEnd."

    assert to_discord(table) == (
        "Rooms:\n\n```\nRoom | Beds\n-----+-----\nA    | 12\nB    | 3\n```\n\nEnd."
    )


def test_a_wide_table_becomes_a_list() -> None:
    words = "quite a lot of words about that one thing"
    table = (
        f"| Name | What | Why |\n|---|---|---|\n| a | {words} | {words} |\n| b | |x|"
    )

    assert (
        to_discord(table)
        == f"- Name: a; What: {words}; Why: {words}\n- Name: b; Why: x"
    )


@pytest.mark.parametrize(
    "text",
    [
        "@everyone",
        "@here",
        "**@Everyone**",
        "<@123456789012345678>",
        "<@!123456789012345678>",
        "<@&123456789012345678>",
        "<#123456789012345678>",
        "</ask:123456789012345678>",
        "<id:customize>",
        "[@everyone](https://example.org)",
        "#### @everyone",
        "| @everyone | <@1> |\n|---|---|\n| " + "long " * 20 + " | x |",
    ],
)
def test_calls_nobody(text: str) -> None:
    shown = to_discord(text)

    for call in ("@everyone", "@here", "@Everyone", "<@", "<#", "</", "<id:"):
        assert call not in shown


def test_an_address_of_mail_is_no_call() -> None:
    assert harmless("mail me@heresay.org or a@b.de") == "mail me@heresay.org or a@b.de"


def test_a_long_answer_becomes_several_messages() -> None:
    code = "```python\n" + "\n".join(f"line_{n} = {n}" for n in range(400)) + "\n```"

    messages = to_messages(f"Look:\n\n{code}\n\nThat was it.")

    assert len(messages) > 2
    assert all(len(message) <= LIMIT for message in messages)
    assert all(message.count("```") % 2 == 0 for message in messages)
    assert messages[1].startswith("```python")


@given(
    st.text(
        st.sampled_from("ab @everyone<>!&#/|`*_~[]()-\n\t1:. \\https://é😀\u200b"),
        max_size=400,
    )
)
def test_whatever_is_written_fits_and_calls_nobody(text: str) -> None:
    messages = to_messages(text, limit=200)

    assert all(len(message) <= 200 for message in messages)


@given(st.text(st.sampled_from("ab @everyonh<>&1\n*_ "), max_size=200))
def test_outside_of_code_nothing_calls(text: str) -> None:
    shown = to_discord(text)

    # Four spaces at the start of a line make a code block, where nothing is read.
    if "```" not in shown:
        assert "@everyone" not in shown
        assert "<@1" not in shown


LINK = "[the page](<https://example.org/a/path?with=words>)"
WORDS = st.lists(
    st.sampled_from(["word", LINK, "**bold**", "`code`", "é"]), max_size=60
)
BLOCKS = st.one_of(
    WORDS.map(" ".join),
    st.integers(1, 40).map(
        lambda n: "```py\n" + "\n".join(f"x{i} = {i}" for i in range(n)) + "\n```"
    ),
    st.integers(1, 40).map(
        lambda n: "| a | b |\n|---|---|\n" + "\n".join(f"| {i} | y |" for i in range(n))
    ),
    WORDS.map(lambda words: "\n".join(f"- {word}" for word in words)),
)


@given(st.lists(BLOCKS, max_size=8))
def test_no_border_between_messages_breaks_code_tables_or_links(
    blocks: list[str],
) -> None:
    text = "\n\n".join(blocks)
    messages = to_messages(text, limit=300, hosts={"example.org"})

    assert all(len(message) <= 300 for message in messages)
    assert all(message.count("```") % 2 == 0 for message in messages)
    assert sum(message.count(LINK) for message in messages) == text.count(LINK)
    shown = "\n".join(messages)
    rows = sum(block.count("| y |") for block in blocks)
    assert shown.count(" | y") == rows


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[a [b](https://evil.example) c](https://ok.example)", id="inner"),
        pytest.param(r"\\[b](https://evil.example)", id="escaped backslash"),
        pytest.param("[a] b](https://evil.example)", id="lonely bracket"),
        pytest.param("[a [b [c]]](https://evil.example)", id="nested brackets"),
        pytest.param("[b](https://evil.example 'title')", id="title"),
        pytest.param("[b](https://evil.example/(x)", id="open parenthesis"),
        pytest.param("[b](https://evil.example/<x>)", id="angle brackets"),
    ],
)
def test_what_only_discord_takes_for_a_link_hides_no_host(text: str) -> None:
    assert "](" not in to_discord(text, hosts={"ok.example"})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(r"\`[b](https://evil.example)\`", id="escaped ticks"),
        pytest.param("~~~ a```\n[b](https://evil.example)\n~~~", id="language"),
    ],
)
def test_what_is_no_code_for_discord_hides_no_link(text: str) -> None:
    shown = to_discord(text)
    assert "b ([evil.example]" in shown or shown.startswith("```a\n")
