"""What a model wrote, made harmless: nothing pings, only known hosts are links.

The text stays Markdown, and stays as it was wherever it did no harm: so what is shown
of a growing answer goes on with what was shown before.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.slack.markdown import PARSER

JOINER = "\u2060"
"""Invisible, and no part of any of Slack's control sequences."""

_LABEL = r"(?:\\.|[^\[\]\\\n]|\[[^\[\]\n]*\])*"
_TARGET = r"<?[^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*>?"
_TITLE = r"""(?:"[^"\n]*"|'[^'\n]*')"""
_FOUND = re.compile(
    rf"""
      (?P<code>(?<!`)(?P<ticks>`+)(?!`)[^\n]+?(?<!`)(?P=ticks)(?!`))
    | (?P<control>\\?(?:<|&lt;|&\#(?:60|x3c);)(?=[!@\#]))
    | (?P<escaped>\\[\[\]()<>`])
    | !?\[(?P<label>{_LABEL})\]\((?P<target>{_TARGET})(?:\s+{_TITLE})?\s*\)
    | (?P<definition>^[ \t>*+.)\d-]*)\[(?=(?:\\.|[^\[\]\\])*\]:)
    | (?P<citation>\[(?P<number>\d{{1,3}})\])(?!\()
    | <(?P<auto>[a-zA-Z][a-zA-Z0-9+.-]*:[^\s<>]+)>
    | (?P<bare>(?:\b[a-zA-Z][a-zA-Z0-9+.-]*://|\bwww\.)[^\s<>`\[\]\\]+)
    | (?P<joint>\](?=\s?\())
    | (?P<call>@(?=(?:here|channel|everyone|group)\b))
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE | re.MULTILINE,
)
_CONTROL = re.compile(
    r"<(?=!(?:here|channel|everyone|group|subteam|date)|@[UWB]|#C)", re.I
)
_MARKS = re.compile(r"\]|<|\w:(?=//)|www(?=\.)", re.IGNORECASE)
_AFTER_URL = ".,;:!?'\")]}*_~|"


@dataclass(frozen=True, slots=True)
class Links:
    """Which hosts may be clicked, and where the numbered citations lead."""

    hosts: Collection[str] = ()
    citations: Mapping[int, str] = field(default_factory=dict)

    def allow(self, url: str) -> bool:
        """Whether `url` stays a link; none that URL readers disagree about does."""
        if re.search(r"[\\\s<>|\"`]", url):
            return False
        try:
            parts = urlsplit(url)
            return (
                parts.scheme in ("http", "https")
                and "@" not in parts.netloc
                and (parts.hostname or "") in self.hosts
            )
        except ValueError:
            return False


class _Reader(MarkdownIt):
    """Reads every kind of link, as it is written."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url


_READER = _Reader("commonmark").enable(["table", "strikethrough"])


def harmless(markdown: str, links: Links) -> str:
    """`markdown` with no ping and no unknown link in it; code stays code."""
    shown = _rewritten(markdown, links)
    if any(_strange(url, links) for url in _addresses(_READER.parse(shown))):
        # Written to be read in two ways: then nothing in it is a link.
        shown = _MARKS.sub(lambda mark: mark[0] + JOINER, shown)
    return shown


def _rewritten(markdown: str, links: Links) -> str:
    lines = markdown.split("\n")
    pieces: list[str] = []
    at = 0
    for fence in _fences(markdown):
        begin, end = fence.map or (0, 0)
        pieces += [_text("\n".join(lines[at:begin]), links)] if begin > at else []
        code = "\n".join(lines[begin:end])
        if fence.markup[0] == "~":
            # Slack knows the other kind of fence only: this one's links would be links.
            code = _text(code.replace(fence.markup, "```"), links)
        pieces.append(without_control(code))
        at = end
    if at < len(lines):
        pieces.append(_text("\n".join(lines[at:]), links))
    return "\n".join(pieces)


def without_control(text: str) -> str:
    """`text` without Slack's control sequences, looking the same."""
    return _CONTROL.sub(f"<{JOINER}", text)


def host(url: str) -> str:
    """The host that a person would get to, or all of what is no web address."""
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname or url
    except ValueError:
        return url


def _addresses(tokens: Sequence[Token]) -> Iterator[str]:
    """Every address that a reader of Markdown would follow."""
    for token in tokens:
        for name in ("href", "src"):
            if name in token.attrs:
                yield str(token.attrs[name])
        yield from _addresses(token.children or ())


def _strange(url: str, links: Links) -> bool:
    return not (url.lower().startswith("mailto:") or links.allow(url))


def _fences(markdown: str) -> Sequence[Token]:
    """The fences of code, in order."""
    if "```" not in markdown and "~~~" not in markdown:
        return []
    tokens = PARSER.parse(markdown)
    return [token for token in tokens if token.type == "fence" and token.map]


def _text(text: str, links: Links) -> str:
    return _FOUND.sub(lambda found: _apart(found, _replaced(found, links)), text)


def _apart(found: re.Match[str], shown: str) -> str:
    """What is shown instead, so that its backticks join none beside them."""
    if shown == found[0] or "`" not in (shown[:1], shown[-1:]):
        return shown
    if found.string[: found.start()].endswith("`"):
        shown = JOINER + shown
    after = found.string[found.end() : found.end() + 1]
    return shown + JOINER if after == "`" else shown


def _replaced(found: re.Match[str], links: Links) -> str:
    if found["code"]:
        return without_control(found[0])
    if found["escaped"]:
        return found[0]
    if found["label"] is not None:
        return _link(found["label"], found["target"].strip("<>"), links)
    if found["definition"] is not None:
        return f"{found['definition']}\\["
    for name, replace in _REPLACED.items():
        if found[name]:
            return replace(found, links)
    return found[0]


def _link(label: str, target: str, links: Links) -> str:
    inner = _text(label, Links())
    if target.lower().startswith("mailto:") or links.allow(target):
        return f"[{inner or target}]({target})"
    shown = _code(host(target))
    return f"{inner} ({shown})" if inner.strip() else shown


def _citation(found: re.Match[str], links: Links) -> str:
    url = links.citations.get(int(found["number"]))
    if url is None or not links.allow(url):
        return found["citation"]
    return f"[\\[{found['number']}\\]]({url.replace('(', '%28').replace(')', '%29')})"


def _autolink(found: re.Match[str], links: Links) -> str:
    url = found["auto"]
    if url.lower().startswith("mailto:") or links.allow(url):
        return f"<{url}>"
    return _code(url)


def _bare(found: re.Match[str], links: Links) -> str:
    url = found["bare"].rstrip(_AFTER_URL)
    rest = found["bare"][len(url) :]
    if url.count("(") > url.count(")") and rest.startswith(")"):
        url, rest = url + ")", rest[1:]
    return (url if links.allow(url) else _code(url)) + rest


def _code(text: str) -> str:
    return f"`{text.replace('`', JOINER)}`"


_REPLACED: Mapping[str, Callable[[re.Match[str], Links], str]] = {
    "citation": _citation,
    "auto": _autolink,
    "bare": _bare,
    "joint": lambda found, _: found[0] + JOINER,
    "control": lambda found, _: found[0] + JOINER,
    "call": lambda found, _: found[0] + JOINER,
}
