"""What can be pressed under an answer, at which moment."""

from bot.answers import KeptAnswer
from bot.model import Action, Button
from bot.place_settings import PlaceSettings
from bot.words import say


def growing(answer_id: str) -> tuple[Button, ...]:
    """Under an answer that is not complete yet."""
    return (button(Action.STOP, answer_id),)


def finished(
    kept: KeptAnswer, place: PlaceSettings, *, solvable: bool = False
) -> tuple[Button, ...]:
    """Under a whole answer. An adapter leaves out what its platform has no use for."""
    actions = [Action.GOOD, Action.BAD]
    if kept.cited:
        actions.append(Action.SOURCES)
    actions.append(Action.RETRY)
    if place.human_channel:
        actions.append(Action.HUMAN)
    if solvable:
        actions.append(Action.SOLVED)
    actions.append(Action.CORRECT)
    return tuple(button(action, kept.id) for action in actions)


def stopped(kept: KeptAnswer) -> tuple[Button, ...]:
    """Under an answer that somebody ended."""
    return (button(Action.RETRY, kept.id),)


def button(action: Action, value: str, *, style: str = "", confirm: str = "") -> Button:
    """A button with the words of its action."""
    return Button(action, say(f"button_{action}"), value, style, confirm)
