"""A text read as tokens: words with their sense, facts with their values."""

import re
from functools import lru_cache

from backends.support import calendar
from backends.support.concepts import concept, meanings
from backends.support.cursor import Cursor
from backends.support.lexicon import COMMON
from backends.support.lexing import lexemes
from backends.support.quantities import quantity
from backends.support.scope import BOUNDING, is_negator
from backends.support.times import clock, day_and_month, named_time, written_date
from backends.support.tokens import CODE, DATE, NAME, WORD, Token

NOT_NAMES = frozenset(
    """i ok okay yes no please the a an if dr mr mrs ms prof""".split()  # noqa: SIM905
)
STANDALONE = frozenset(("url", "mail", "version", "phone", "code"))
# Stems that the names of medicines end with, by international agreement.
DRUG = re.compile(
    r"\w{2,}(?:cillin|mycin|micin|oxacin|nidazole|conazole|prazole|azepam|azolam|olol"
    r"|april|sartan|statin|profen|caine|setamol|cetamol|mab|ovir|avir|tidine|oxetine"
    r"|apine|ropine|phrine|naline|parin|pirin|asone|solone|formin|xaban|gliptin|setron"
    r"|phylline|barbital|codone|orphine|odeine|sulin|triptan|dipine|thiazide|semide"
    r"|fenac|terol|bamol|tinib|cycline|cef\w+)|cef\w{3,}"
)


@lru_cache(4096)
def read(text: str) -> tuple[Token, ...]:
    """The tokens of a text, in their order."""
    on, at = Cursor(lexemes(text)), 0
    while at < len(on.all):
        # Each step says how many lexemes it took; the last one takes any.
        at += next(used for step in STEPS if (used := step(on, at)))
    return tuple(on.out)


def standing(on: Cursor, at: int) -> int:
    """What is a fact by its form alone."""
    lexeme = on.all[at]
    if lexeme.kind in STANDALONE:
        value = re.sub(r"^(?:https?://)?(?:www\.)?|[^\w+@#.:/-]|/$", "", lexeme.low)
        return on.add(at, CODE, [re.sub(r"[ ()-]", "", value)])
    if lexeme.kind == "clock":
        return clock(on, at)
    if lexeme.kind in ("iso", "date"):
        return on.add(at, DATE, written_date(lexeme.text))
    if lexeme.kind == "fraction":
        first, second = map(int, lexeme.text.split("/"))
        values = calendar.either_way(first, second)
        if values:
            return on.add(at, DATE, [*values, f"{first}/{second}"])
        return on.add(at, CODE, [f"{first}/{second}"])
    return 0


def word(on: Cursor, at: int) -> int:
    lexeme = on.all[at]
    if lexeme.kind != "word" or len(lexeme.low) < 2:
        return 1
    key, turned = concept(lexeme.low)
    opposite = key.startswith("±")
    if lexeme.low in COMMON and not opposite:
        return 1
    if is_negator(lexeme.low) or lexeme.low in BOUNDING:
        return 1
    capital = lexeme.text[0].isupper() and not lexeme.begins
    shouted = len(lexeme.text) > 1 and lexeme.text.isupper()
    name = (capital or shouted) and lexeme.low not in NOT_NAMES
    name = name or DRUG.fullmatch(lexeme.low) is not None
    on.out.append(
        Token(
            NAME if name else WORD,
            frozenset([key]),
            lexeme.text,
            on.places[at],
            negated=on.negated[at] != turned,
            doubtful=on.doubtful[at],
            begins=lexeme.begins,
            opposite=opposite,
            denied=on.negated[at],
            groups=meanings(lexeme.low),
        )
    )
    return 1


STEPS = (standing, day_and_month, named_time, quantity, word)
