"""Whether a claim says no where its passages say yes, or the other way round."""

from collections.abc import Sequence

from backends.support.evidence import Company, Evidence, Sentence
from backends.support.lexing import Lexeme
from backends.support.scope import count
from backends.support.stems import stem
from backends.support.tokens import Token

MOST = 0.6  # of a sentence's words; a claim with more of them repeats it
BREAK = 7.0  # words without weight do not fill this, a stop does
NEARLY_ALL = 0.85


def turned(tokens: Sequence[Token], found: Sequence[Lexeme], evidence: Evidence) -> str:
    """The word that is turned; empty when both say the same."""
    ours = count(found)
    closest = evidence.closest(tokens)
    if closest is None:
        return ""
    same_count = (ours - closest.negators) % 2 == 0
    if same_count and closest.dangling:
        return ""  # "it can be reached without it", "on Fridays there are none"
    for token in tokens:
        place = _contrary(token, tokens, evidence)
        if place is None:
            continue
        # "No dogs are allowed" and "dogs are not allowed" turn other words.
        worded = token.opposite and evidence.denied_at(place) == token.denied
        if worded or (ours - evidence.sentence_at(place).negators) % 2:
            return token.text
    return "" if same_count else _unmatched(tokens, closest, evidence)


def _contrary(
    token: Token, tokens: Sequence[Token], evidence: Evidence
) -> float | None:
    """Where the passages say the contrary of a word, nearer than the word itself."""
    both = any(o.key == token.key and o.negated != token.negated for o in tokens)
    if token.doubtful or both:
        return None
    others = _same_word(token, evidence.tokens)
    opposed = [
        other.at
        for other in others
        if other.negated != token.negated and not other.doubtful
    ]
    if not opposed:
        return None
    company = Company(token, tokens, evidence)
    alike = [each.at for each in others if each.at not in opposed]
    if alike and not company.prefers(opposed, alike):
        return None
    return max(opposed, key=company.around)


def _same_word(token: Token, among: Sequence[Token]) -> list[Token]:
    """The word itself in the passages; else what is one idea with it."""
    keyed = [other for other in among if other.key == token.key]
    itself = [other for other in keyed if stem(other.text) == stem(token.text)]
    itself = keyed if token.opposite else itself
    return itself or keyed or [other for other in among if token.means(other)]


def _unmatched(tokens: Sequence[Token], closest: Sentence, evidence: Evidence) -> str:
    """A negation that only one side has, though its word is on that side alone."""
    ours = {token.key for token in tokens}
    theirs = {token.key for token in closest.tokens}
    denied = [token for token in tokens if token.denied]
    turned = {t.key for t in evidence.tokens if t.negated or t.doubtful}
    if denied and denied[0].key in turned:
        return ""
    if denied and not closest.negators:
        rest = ours - {token.key for token in denied}
        return denied[0].text if len(rest & theirs) > NEARLY_ALL * len(rest) else ""
    missing = [t for t in closest.tokens if t.negated and t.key not in ours]
    if missing and not denied:
        near = {token.key for token in _clause(missing[0], closest.tokens)}
        rest = near - {token.key for token in missing}
        common = len(rest & ours)
        return missing[0].text if common > 1 and common > MOST * len(rest) else ""
    if closest.dangling or not denied:
        common = len(ours & theirs)
        both = max(len(ours), len(theirs))
        return "not" if common > 1 and common > NEARLY_ALL * both else ""
    return ""


def _clause(token: Token, sentence: Sequence[Token]) -> list[Token]:
    """The words of a sentence that stand with this one, without a break."""
    clauses: list[list[Token]] = [[]]
    for each in sentence:
        if clauses[-1] and each.at - clauses[-1][-1].at > BREAK:
            clauses.append([])
        clauses[-1].append(each)
    return next(clause for clause in clauses if token in clause)
