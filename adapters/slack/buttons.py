"""What can be pressed: buttons as Slack's elements, and what a press of one says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.model import Action, Button
from bot.words import say

JSON = dict[str, Any]

PREFIX = "curbside"
FEEDBACK = f"{PREFIX}:feedback"
MORE = f"{PREFIX}:more"

LABEL_LIMIT = 75
CONFIRM_LIMIT = 300
IN_A_ROW = 4
"""So many are buttons; what comes after them is behind three dots."""

LISTED = frozenset({Action.SOURCES})
"""Not shown: the sources stand under each answer, with their quotes."""


@dataclass(frozen=True, slots=True)
class Press:
    """Which of our buttons was pressed."""

    action: Action
    value: str


def button_blocks(buttons: Sequence[Button], *, row: str = "") -> list[JSON]:
    """The blocks that stand under an answer, or in a section of the Home tab.

    `row` tells the rows of one page apart.
    """
    shown = [button for button in buttons if button.action not in LISTED]
    verdicts = {button.action: button for button in shown}
    good, bad = verdicts.get(Action.GOOD), verdicts.get(Action.BAD)
    blocks: list[JSON] = []
    if good is not None and bad is not None:
        blocks.append(_feedback(good, bad))
        shown = [button for button in shown if button not in (good, bad)]
    if elements := list(_elements(shown, row)):
        blocks.append({"type": "actions", "elements": elements})
    return blocks


def read_press(element: Mapping[str, Any]) -> Press | None:
    """The press that an action in a payload says; None when it is none of ours."""
    id_ = str(element.get("action_id", ""))
    if not id_.startswith(f"{PREFIX}:"):
        return None
    if id_ in (FEEDBACK, MORE) or id_.startswith(f"{MORE}:"):
        chosen = element.get("selected_option") or element
        name, _, value = str(chosen.get("value", "")).partition(":")
    else:
        name, value = id_.split(":")[1], str(element.get("value", ""))
    return Press(Action(name), value) if name in set(Action) else None


def _feedback(good: Button, bad: Button) -> JSON:
    element = {
        "type": "feedback_buttons",
        "action_id": FEEDBACK,
        "positive_button": _choice(good),
        "negative_button": _choice(bad),
    }
    return {"type": "context_actions", "elements": [element]}


def _elements(buttons: Sequence[Button], row: str) -> Iterator[JSON]:
    plain = [button for button in buttons if not (button.confirm or button.style)]
    # What is asked back about, or stands out, is no matter for a menu.
    room = max(1, IN_A_ROW - (len(buttons) - len(plain)))
    hidden = plain[room:] if len(plain) > room + 1 else []
    ids: set[str] = set()
    for number, button in enumerate(buttons):
        if button in hidden:
            continue
        id_ = ":".join(filter(None, [PREFIX, button.action, row]))
        # In a row, Slack wants each to have another id.
        yield _button(button, id_ if id_ not in ids else f"{id_}:{number}")
        ids.add(id_)
    if hidden:
        options = [_choice(button) for button in hidden]
        id_ = f"{MORE}:{row}" if row else MORE
        yield {"type": "overflow", "action_id": id_, "options": options}


def _button(button: Button, id_: str) -> JSON:
    element: JSON = {
        "type": "button",
        "action_id": id_,
        "text": plain_text_object(button.label, LABEL_LIMIT),
    }
    if button.value:
        element["value"] = button.value
    if button.style:
        element["style"] = button.style
    if button.confirm:
        element["confirm"] = {
            "title": plain_text_object(button.label, 100),
            "text": plain_text_object(button.confirm, CONFIRM_LIMIT),
            "confirm": plain_text_object(button.label, 30),
            "deny": plain_text_object(say("cancel"), 30),
        }
    return element


def _choice(button: Button) -> JSON:
    value = f"{button.action}:{button.value}"
    return {"text": plain_text_object(button.label, LABEL_LIMIT), "value": value}


def plain_text_object(text: str, limit: int) -> JSON:
    """A text object without any formatting, cut to what its place takes."""
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    return {"type": "plain_text", "text": shown or " ", "emoji": True}
