"""Whether passages say what a claim says."""

from collections.abc import Sequence
from dataclasses import dataclass

from backends.base import Passage
from backends.support.evidence import Evidence
from backends.support.lexicon import CAN, COMMON, HAVE_TO, LIMITING, OBLIGED, PERMITTED
from backends.support.lexing import Lexeme, lexemes
from backends.support.placing import in_table, misplaced
from backends.support.polarity import turned
from backends.support.reading import read
from backends.support.scope import count
from backends.support.substitution import renamed, replaced
from backends.support.tokens import NAME, WORD, Token

ENOUGH_WORDS = 0.4
MOST_WORDS = 0.7
FEWEST_WORDS = 4
OURS = 0.12
"""Below this share of common English words a claim is in another language."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a claim is supported; `reason` names what is not, for a person."""

    supported: bool
    reason: str = ""


SUPPORTED = Verdict(True)


def check(claim: str, passages: Sequence[Passage], question: str = "") -> Verdict:
    """Look for each number, date, name, negation and word of a claim in passages."""
    return compare(claim, Evidence(passages), question)


def compare(
    claim: str, evidence: Evidence, question: str = "", *, strict: bool = False
) -> Verdict:
    """The verdict on a claim, with passages that were read before.

    `strict` wants more of its words: where a passage was not cited, likeness must show.
    """
    tokens = read(claim)
    if not tokens:
        return SUPPORTED
    if evidence.repeats(tokens):
        return SUPPORTED
    found = lexemes(claim)
    english = _is_english(found, evidence)
    reason = _missing(tokens, evidence, english) or misplaced(tokens, evidence)
    if not reason and english:
        reason = (
            _limited(found, evidence)
            or _obliged(tokens, found, evidence)
            or turned(tokens, found, evidence)
            or replaced(found, tokens, evidence)
            or renamed(found, tokens, evidence)
            or _unheard(tokens, evidence, question, strict=strict)
        )
    return Verdict(False, reason) if reason else SUPPORTED


def _missing(tokens: Sequence[Token], evidence: Evidence, english: bool) -> str:
    """A fact that no passage has."""
    for token in tokens:
        if token.kind == WORD or token.loose or (token.kind == NAME and not english):
            continue
        if not known(token, evidence) and not in_table(token, tokens, evidence):
            return token.text
    return ""


def known(token: Token, evidence: Evidence) -> bool:
    """Whether the passages have a word or a fact anywhere."""
    if evidence.places(token):
        return True
    low = token.text.casefold()
    if token.kind not in (WORD, NAME):
        return False
    if low in evidence.words or low.rstrip("s") in evidence.words:
        return True
    return token.text.isupper() and len(low) > 1 and low in evidence.initials


def _limited(found: Sequence[Lexeme], evidence: Evidence) -> str:
    """An "only" that nothing in the passages speaks for."""
    said = any(lexeme.low in ("only", "solely", "exclusively") for lexeme in found)
    return "only" if said and not LIMITING & evidence.words else ""


def _obliged(
    tokens: Sequence[Token], found: Sequence[Lexeme], evidence: Evidence
) -> str:
    """A "must" where the passages say "may", or the other way round."""
    if count(found):
        return ""
    said = {lexeme.low for lexeme in found}
    closest = evidence.closest(tokens)
    words = set(closest.low) if closest else set()
    for ours, theirs, so in (
        (OBLIGED, PERMITTED, HAVE_TO),
        (PERMITTED, OBLIGED, CAN),
    ):
        word = next(iter(sorted(said & ours)), "")
        if word and theirs & words and not (ours | so) & words:
            return word
    return ""


def _unheard(
    tokens: Sequence[Token], evidence: Evidence, question: str, *, strict: bool
) -> str:
    """Too many words that the passages do not know."""
    asked = (
        {token.key for token in read(question)} if question and not strict else set()
    )
    words = [token for token in tokens if token.kind in (WORD, NAME)]
    heard = [t for t in tokens if t.key in asked or known(t, evidence)]
    share = MOST_WORDS if strict else ENOUGH_WORDS
    few = len(words) < FEWEST_WORDS and not strict
    if few or not words or len(heard) >= share * len(tokens):
        return ""
    return next((token.text for token in words if token not in heard), words[0].text)


def invented(claim: str, evidence: Evidence, said: str = "") -> str:
    """A number, date or code of a statement without a source that nobody gave."""
    given = read(said) if said else ()
    for token in read(claim):
        if token.kind in (WORD, NAME) or token.loose:
            continue
        if not known(token, evidence) and not any(token.says(each) for each in given):
            return token.text
    return ""


def _is_english(found: Sequence[Lexeme], evidence: Evidence) -> bool:
    """Whether words can be compared at all; a claim may be in another language."""
    words = [lexeme.low for lexeme in found if lexeme.kind == "word"]
    if len(words) < FEWEST_WORDS:
        return True
    joining = sum(word in COMMON for word in words)
    shared = sum(word in evidence.words for word in words)
    return joining >= OURS * len(words) or shared >= len(words) / 2
