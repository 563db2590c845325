"""Whether a fact stands in the passages where the claim puts it."""

from collections.abc import Sequence

from backends.support.evidence import Company, Evidence
from backends.support.scope import bounds_in
from backends.support.tokens import NAME, NUMBER, WORD, Token

NEARER = 0.75
"""A fact stands in the wrong place when another one is by that much nearer to it."""
NAMES_NEARER = 0.5
STRONG = 0.5
"""So near must another value be to speak against "an hour" that is nowhere."""
BESIDE = 2.0


def in_table(token: Token, tokens: Sequence[Token], evidence: Evidence) -> bool:
    """Whether a number stands bare, with its unit in the head of its column."""
    unit = token.text.split()[-1].casefold()
    if not token.raw or unit[0].isdigit() or unit not in evidence.words:
        return False
    bare = [other for other in evidence.tokens if other.kind == NUMBER]
    company = Company(token, tokens, evidence, carried=0.0)
    same = company.best(other.at for other in bare if other.raw & token.raw)
    rival = company.best(other.at for other in bare if not other.raw & token.raw)
    return same > 0 and same >= NEARER * rival


def misplaced(tokens: Sequence[Token], evidence: Evidence) -> str:
    """A fact that the passages have, but say of something else."""
    for token in tokens:
        if token.kind == NAME:
            wrong = _another(token, tokens, evidence)
        else:
            wrong = token.kind != WORD and _elsewhere(token, tokens, evidence)
        if wrong or (token.bound and _bound_turned(token, evidence)):
            return token.text
    return ""


def _elsewhere(token: Token, tokens: Sequence[Token], evidence: Evidence) -> bool:
    """Whether another value stands where this one should."""
    same = evidence.places(token)
    others = [
        other.at
        for other in evidence.tokens
        if token.rivals(other) and not any(other.says(each) for each in tokens)
    ]
    if token.kind == NUMBER:
        others = _alike_placed(token, tokens, others, evidence)
    company = Company(token, tokens, evidence)
    if same:
        return company.prefers(others, same)
    return company.best(others) > (STRONG if token.loose else 0)


def _alike_placed(
    token: Token, tokens: Sequence[Token], others: list[float], evidence: Evidence
) -> list[float]:
    """Of other bare numbers those that count the same: ports are no versions."""
    beside = {each.key for each in tokens if 0 < abs(each.at - token.at) <= BESIDE}
    counted = [each.at for each in evidence.tokens if each.key in beside]

    def counts_the_same(place: float) -> bool:
        return any(abs(at - place) <= BESIDE for at in counted)

    if not any(map(counts_the_same, evidence.places(token))):
        return others
    return list(filter(counts_the_same, others))


def _another(token: Token, tokens: Sequence[Token], evidence: Evidence) -> bool:
    """Whether the passages say it of somebody else."""
    said = {each.key for each in tokens}
    others = [o.at for o in evidence.tokens if o.kind == NAME and o.key not in said]
    company = Company(token, tokens, evidence, carried=0.0)
    against = company.best(others)
    same = company.best(evidence.places(token))
    return against > STRONG and same < NAMES_NEARER * against


def _bound_turned(token: Token, evidence: Evidence) -> bool:
    """Whether "at least" became "at most", or the other way round."""
    same = [other for other in evidence.tokens if token.says(other)]
    if any(other.bound != -token.bound for other in same):
        return False
    return not any(
        bound == token.bound
        for other in same
        for bound in bounds_in(evidence.sentence_at(other.at).low)
    )
