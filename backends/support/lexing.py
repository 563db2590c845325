"""Text cut into words, numbers and signs, with how far apart they stand."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from backends.support.numbers import SCALES
from backends.support.units import unit

MARKER = re.compile(r"\\?[\[【［]\^?\s*\d{1,3}(?:\s*[,;&–-]\s*\d{1,3})*\s*\\?[\]】］]")
LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\s]*\)")
MARKUP = re.compile(r"(?<!\s)[*_~]{1,3}(?=[\s.,;:!?)\]|]|$)|(?<!\w)[*_~]{1,3}(?=\S)|`+")
HYPHENS = re.compile("[\u2010\u2011\u2212]")
HALVES = (("½", ".5"), ("¼", ".25"), ("¾", ".75"))

LEXEME = re.compile(
    r"""
    (?P<url>https?://[^\s<>()\[\]]+[^\s<>()\[\].,;:!?])
  | (?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)
  | (?P<iso>\b\d{4}-\d{2}-\d{2}\b)
  | (?P<date>\b\d{1,2}(?:/\d{1,2}/|\.\d{1,2}\.|-\d{1,2}-)(?:\d{4}|\d{2})\b)
  | (?P<clock>\b\d{1,2}:\d{2}(?::\d{2})?(?!\d)
        (?:\s*(?:[ap]\.m\.|[ap]\s?m\b|uhr\b|hrs?\b|h\b))?
      | \b\d{1,2}h\d{2}\b
      | \b\d{1,2}\.\d{2}\s*(?:[ap]\.m\.|[ap]\s?m\b|uhr\b)
      | \b\d{1,2}\s*(?:[ap]\.m\.|[ap]\s?m\b|uhr\b|o['’]clock\b))
  | (?P<version>\bv?\d+(?:\.\d+){2,}\b(?:/\d+)?)
  | (?P<phone>(?<![\w.,])(?:\+\d[\d ()./-]{5,}\d|\(?0\d{1,5}\)?[ ./-]?\d[\d ./-]{3,}\d
      | (?:\(?\d{3}\)?[ .-])?\d{3}[ .-]\d{4})(?![\w%]|[.,]\d))
  | (?P<fraction>\b\d{1,2}/\d{1,2}\b(?!/))
  | (?P<number>\d{1,3}(?:[,. \u00a0\u202f'’]\d{3})+(?:[.,]\d+)?(?!\d)
      | \d+(?:[.,]\d+)?)
  | (?P<unit>°\s?[CF]\b|US\$|[%‰$€£¥₹¢°]|[µμ][glm]\b)
  | (?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)
  | (?P<sign>[≥≤<>+/–—-])
    """,
    re.VERBOSE | re.IGNORECASE,
)
CODE = re.compile(r"(?<![\w.,])#?[^\W_]+(?:[-_/.][^\W_]+)*")
TAKEN = re.compile(
    r"\d{1,2}:\d{2}|\d{1,2}h\d{2}\b|\d{1,2}\s*[ap]\.?m\b|\d{1,2}\.\d{2}\s*[ap]\.?m"
    r"|https?://|[\w.+-]+@[\w-]+\.\w|v?\d+(?:\.\d+){2,}\b",
    re.IGNORECASE,
)
MEASURED = re.compile(r"(\d[\d.,]*)-?([^\W\d_]+|[µμ]g)(?:/[^\W\d_]+)*(?:-[^\W\d_]+)*")
ENDINGS = frozenset(("st", "nd", "rd", "th"))
AFFIXED = re.compile(r"(?:pre|post|mid|non|sub|under|over|up)-\d+", re.IGNORECASE)

COMMA, CLAUSE, SENTENCE = 3.0, 8.0, 11.0
SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)\]*_]*\s|\n")
CLAUSE_END = re.compile(r"[;:()\[\]|•]|\s[–—-]\s")
TITLE = re.compile(r"\b(?:dr|mr|mrs|ms|prof|st)\.$", re.IGNORECASE)
OPENERS = " \t\"'“‘(*_#>•-"


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A piece of text. `gap` is its distance from the one before, 1 for neighbours.

    `begins` says that a sentence starts with it, so that a capital means nothing.
    """

    kind: str
    text: str
    low: str
    gap: float = 1.0
    begins: bool = False


@lru_cache(1024)
def lexemes(text: str) -> tuple[Lexeme, ...]:
    """The pieces of a text in their order."""
    return tuple(_cut(plain(text)))


def plain(text: str) -> str:
    """Text without Markdown's marks and without citation markers."""
    for sign, spelling in HALVES:  # the normal form would part them in two
        text = re.sub(rf"(?<=\d)\s?{sign}", spelling, text).replace(
            sign, f"0{spelling}"
        )
    bare = LINK.sub(r"\1", MARKER.sub("", unicodedata.normalize("NFKC", text)))
    return MARKUP.sub("", HYPHENS.sub("-", bare))


def _cut(text: str) -> Iterator[Lexeme]:
    at = end = 0
    while at < len(text):
        code = _code(text, at)
        found = code or LEXEME.match(text, at)
        if found is None:
            at += 1
            continue
        kind = "code" if code else str(found.lastgroup)
        begins = found[0][0].isupper() and _begins(text, found.start())
        gap = _gap(text[end : found.start()])
        yield Lexeme(kind, found[0], found[0].casefold().replace("’", "'"), gap, begins)
        at = end = found.end()


def _code(text: str, at: int) -> re.Match[str] | None:
    """Letters and digits in one: a room, a form; not "500mg", "3rd" or a time."""
    found = CODE.match(text, at)
    if found is None or not any(char.isdigit() for char in found[0]):
        return None
    if not any(char.isalpha() for char in found[0]) and found[0][0] != "#":
        return None
    if TAKEN.match(text, at) or AFFIXED.fullmatch(found[0]):
        return None
    first, slash, _ = found[0].partition("/")
    if slash and unit(first):
        return None  # of "1 mg/10 ml"
    measured = MEASURED.fullmatch(found[0])
    if measured is None:
        return found
    after = measured[2]
    known = unit(after) or after.lower() in ENDINGS or after.lower() in SCALES
    return None if known or ("-" in found[0] and len(after) > 1) else found


def _begins(text: str, start: int) -> bool:
    bare = text[max(0, start - 16) : start].rstrip(OPENERS)
    if not bare or bare[-1] in ".!?:;…。！？|\n":
        return TITLE.search(bare) is None
    return False


def _gap(between: str) -> float:
    if SENTENCE_END.search(between):
        return 1 + SENTENCE
    if CLAUSE_END.search(between):
        return 1 + CLAUSE
    return 1 + COMMA if "," in between else 1.0
