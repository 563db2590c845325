"""Whatever a model writes: nothing in it pings, and no stranger is linked."""

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.slack.links import JOINER, Links, harmless

LINKS = Links({"docs.example"}, {1: "https://docs.example/a"})
STRICT = MarkdownIt("commonmark").enable(["table", "strikethrough"])
"""Every way to write a link that there is in Markdown."""

PING = re.compile(r"<!(?:here|channel|everyone|subteam)|<@[UW]\w")
FRAGMENTS = (
    *("[", "]", "(", ")", "<", ">", "`", "``", "```", "~~~", "\n", "\n\n", "\\", "!"),
    *(
        "https://evil.example/q?s=1",
        "https://docs.example/a",
        "http:",
        "//evil.example",
    ),
    *("www.evil.example", "mailto:a@b.example", "javascript:alert(1)", "a", " ", ":"),
    *("[1]", "[a]", "](", "[a]: ", "    ", "> ", "- ", "1. ", "# ", '"t"', "'", "|"),
    *(
        "<!here>",
        "<!channel|x>",
        "<@U123>",
        "@here",
        "&lt;",
        "&#33;",
        "*",
        "_",
        "&amp;",
    ),
    *("<https://evil.example>", "![x](https://evil.example/p.png)", "\u2060", "\t"),
)


def addresses(markdown: str) -> list[str]:
    """Every address that a reader of Markdown would follow."""

    def walk(tokens: list[Token]) -> list[str]:
        found: list[str] = []
        for token in tokens:
            for name in ("href", "src"):
                if name in token.attrs:
                    found.append(str(token.attrs[name]))
            found += walk(token.children or [])
        return found

    return walk(STRICT.parse(markdown))


def strange(address: str) -> bool:
    if address.startswith("mailto:"):
        return False
    return urlsplit(address).hostname != "docs.example"


@settings(max_examples=800, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join))
def test_no_stranger_is_linked_and_nobody_is_rung(markdown: str) -> None:
    shown = harmless(markdown, LINKS)

    assert [url for url in addresses(shown) if strange(url)] == [], shown
    assert not PING.search(shown)


@given(st.text(max_size=200))
def test_nothing_that_was_written_gets_lost(text: str) -> None:
    shown = harmless(text, LINKS).replace(JOINER, "")

    assert [c for c in shown if c.isalnum()] == [c for c in text if c.isalnum()]


def test_what_can_be_read_in_two_ways_has_no_link() -> None:
    # What closes the code is found one way here, and another way by a strict reader.
    text = (
        "[a](https://docs.example/a) \\](&#33;https://evil.example/q```)//x<<http:> ("
    )

    shown = harmless(text, LINKS)

    assert addresses(shown) == []
    assert "evil.example" in shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[a](https://docs.example/x)", "[a](https://docs.example/x)"),
        ("[a](https://evil.example/x?s=1)", "a (`evil.example`)"),
        ("[https://docs.example](https://evil.example)", None),
        ("https://evil.example/x.", "`https://evil.example/x`."),
        ("<https://evil.example>", "`https://evil.example`"),
        ("[a](https://docs.example@evil.example)", "a (`evil.example`)"),
        ("[a](https://docs.example\\@evil.example)", None),
        (
            "It is so [1], not [2].",
            "It is so [\\[1\\]](https://docs.example/a), not [2].",
        ),
        ("[a][b]\n\n[b]: https://evil.example", None),
        ("`https://evil.example` <!here>", f"`https://evil.example` <{JOINER}!here>"),
    ],
)
def test_what_is_shown_instead(written: str, shown: str | None) -> None:
    found = harmless(written, LINKS)

    assert shown in (None, found)
    assert [url for url in addresses(found) if strange(url)] == []
