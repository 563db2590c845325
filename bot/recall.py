"""From session memory to what fits a prompt, and what falls out of it."""

from dataclasses import dataclass

from backends.base import PastTurn
from bot.state.base import RememberedTurn, Session
from bot.text import estimate_tokens


@dataclass(frozen=True, slots=True)
class Recalled:
    """The history for a prompt, oldest first, and the turns that did not fit it."""

    history: tuple[PastTurn, ...]
    summary: str
    overflow: tuple[RememberedTurn, ...]


def fit(session: Session, tokens: int) -> Recalled:
    """The newest turns of a session that fit the budget; the rest is overflow."""
    kept: list[RememberedTurn] = []
    left = tokens - estimate_tokens(session.summary)
    for turn in reversed(session.turns):
        left -= estimate_tokens(turn.question) + estimate_tokens(turn.answer)
        if left < 0:
            break
        kept.append(turn)
    kept.reverse()
    overflow = session.turns[: len(session.turns) - len(kept)]
    return Recalled(tuple(map(past, kept)), session.summary, overflow)


def past(turn: RememberedTurn) -> PastTurn:
    """A remembered turn as backends see it."""
    return PastTurn(turn.question, turn.answer, turn.author_name)
