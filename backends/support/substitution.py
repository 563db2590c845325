"""A sentence repeated nearly word by word, with one word put in another's place."""

from collections.abc import Sequence
from difflib import SequenceMatcher

from backends.support.concepts import concept, meanings
from backends.support.evidence import Evidence
from backends.support.lexicon import COMMON
from backends.support.lexing import Lexeme
from backends.support.scope import is_negator
from backends.support.stems import alike, stem
from backends.support.tokens import NAME, WORD, Token

FOLLOWS_A_NAME = frozenset(
    ["is", "has", "was", "will", "can", "may", "must", "should", "and", "or"]
)
NEARLY = 0.8  # share of a claim's words that stand in the same order
FEWEST = 4


def replaced(
    found: Sequence[Lexeme], tokens: Sequence[Token], evidence: Evidence
) -> str:
    """The word that took another's place; empty when the claim is no such copy."""
    ours = [lexeme for lexeme in found if lexeme.kind == "word"]
    if len(ours) < FEWEST:
        return ""
    low = [lexeme.low for lexeme in ours]
    plain = {t.text.casefold() for t in tokens if t.kind in (WORD, NAME)}
    for sentence in evidence.sentences:
        theirs = [word for word in sentence.low if word[0].isalpha()]
        matcher = SequenceMatcher(None, low, theirs, autojunk=False)
        same = sum(block.size for block in matcher.get_matching_blocks())
        if same < NEARLY * len(low) or same == len(low):
            continue
        if denial := _denied(low, theirs, matcher):
            return denial
        for tag, a, b, c, d in matcher.get_opcodes():
            single = tag == "replace" and b - a == d - c == 1
            if single and low[a] in plain and _other(low[a], theirs[c], evidence):
                return ours[a].text
    return ""


def _denied(low: list[str], theirs: list[str], matcher: SequenceMatcher[str]) -> str:
    """The negator that was put in or taken out, and nothing else."""
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    start, end = blocks[0].b, blocks[-1].b + blocks[-1].size
    ours = [word for word in low if is_negator(word)]
    others = [word for word in theirs[start:end] if is_negator(word)]
    if (len(ours) - len(others)) % 2 == 0 or end - start > len(low) + 2:
        return ""
    return (ours or others)[0]


def renamed(
    found: Sequence[Lexeme], tokens: Sequence[Token], evidence: Evidence
) -> str:
    """A first word that looks like a name, where the passage names somebody else."""
    first, *rest = found
    if first.kind != "word" or not first.begins or first.low in COMMON or not rest:
        return ""
    if first.low.endswith("s") or first.low in evidence.words or tokens[0].groups:
        return ""
    verb = rest[0].low in FOLLOWS_A_NAME or (
        rest[0].low not in COMMON and rest[0].low.endswith("s")
    )
    closest = evidence.closest(tokens)
    if not verb or closest is None or evidence.places(tokens[0]):
        return ""
    said = {token.key for token in tokens}
    named = any(t.kind == NAME and t.key not in said for t in closest.tokens)
    common = sum(bool(evidence.places(token)) for token in tokens)
    return first.text if named and common > len(tokens) / 2 else ""


def _other(ours: str, theirs: str, evidence: Evidence) -> bool:
    """Whether one content word says something else than the other."""
    if ours in COMMON or theirs in COMMON or ours in evidence.words:
        return False
    if stem(ours) == stem(theirs) or alike(stem(ours), stem(theirs)):
        return False
    return not meanings(ours) & meanings(theirs) and concept(ours) != concept(theirs)
