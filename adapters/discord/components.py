"""Buttons, forms and panels as Discord's components.

A custom id names all that a press is about, so that it works after any restart.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from bot.model import Action, Button, Form, FormField

JSON = dict[str, Any]

log = logging.getLogger(__name__)

ROW, BUTTON, SELECT, INPUT = 1, 2, 3, 4
TEXT, SEPARATOR, CONTAINER, LABEL = 10, 14, 17, 18
GREY, BLUE, RED = 2, 1, 4

ID_LENGTH, LABEL_LENGTH, TITLE_LENGTH, OPTION_LENGTH = 100, 80, 45, 100
ROW_LENGTH, MOST_ROWS, MOST_FIELDS, MOST_OPTIONS = 5, 5, 5, 25
INPUT_LENGTH, HINT_LENGTH = 4_000, 100

OURS = "curbside"

_ACTIONS = {action.value: action for action in Action}

EMOJI = {Action.GOOD: "👍", Action.BAD: "👎"}


ASKS, CONFIRMED = "?", "!"
"""A press that is to be confirmed first, and one that says yes to a form's question."""


class Target(NamedTuple):
    """What a custom id of ours is about."""

    action: Action
    value: str
    step: str = ""


def custom_id(target: Target) -> str:
    """The id of a button or a form. ValueError when Discord takes none so long."""
    text = f"{OURS}:{target.action.value}{target.step}:{target.value}"
    if len(text) > ID_LENGTH:
        raise ValueError(
            f"the value of {target.action.value!r} has {len(target.value)} characters, "
            f"which is {len(text) - ID_LENGTH} more than a Discord button can carry"
        )
    return text


def target_of(id_: str) -> Target | None:
    """What a custom id is about; None when it is not ours, or of another version."""
    ours, _, rest = id_.partition(":")
    name, _, value = rest.partition(":")
    bare = name.rstrip(ASKS + CONFIRMED)
    if ours != OURS or bare not in _ACTIONS:
        return None
    return Target(_ACTIONS[bare], value, name[len(bare) :])


def rows(buttons: Sequence[Button], taken: Collection[str] = ()) -> list[JSON]:
    """Buttons, five to a row. One that Discord would refuse is left out.

    It refuses the whole message for it, and an answer counts for more than a button.
    `taken` are ids of other buttons in the message: none may stand there twice.
    """
    found: dict[str, JSON] = {}
    for button in buttons:
        try:
            drawn = _button(button)
        except ValueError as error:
            log.error("discord: a button is left out: %s", error)
            continue
        if drawn["custom_id"] not in taken:
            found.setdefault(drawn["custom_id"], drawn)
    drawn_all = list(found.values())[: ROW_LENGTH * MOST_ROWS]
    return [
        row(*drawn_all[start : start + ROW_LENGTH])
        for start in range(0, len(drawn_all), ROW_LENGTH)
    ]


def _button(button: Button) -> JSON:
    style = {"primary": BLUE, "danger": RED}.get(button.style, GREY)
    step = ASKS if button.confirm else ""
    drawn = plain_button(
        custom_id(Target(button.action, button.value, step)), button.label, style
    )
    if (emoji := EMOJI.get(button.action)) is not None:
        drawn["emoji"] = {"name": emoji}
    return drawn


def plain_button(id_: str, label: str, style: int = GREY) -> JSON:
    """A button of any id."""
    return {
        "type": BUTTON,
        "style": style,
        "label": cut(label, LABEL_LENGTH),
        "custom_id": id_,
    }


def row(*buttons: JSON) -> JSON:
    """Up to five buttons side by side."""
    return {"type": ROW, "components": list(buttons)}


def modal(form: Form, id_: str) -> JSON:
    """A form with fields as a modal."""
    parts = [_field(field) for field in form.fields]
    if form.text:
        parts.insert(0, {"type": TEXT, "content": cut(form.text, INPUT_LENGTH)})
    if len(parts) > MOST_FIELDS:
        raise ValueError(
            f"the form {form.title!r} has {len(parts)} parts; "
            f"Discord takes {MOST_FIELDS}"
        )
    return {
        "custom_id": id_,
        "title": cut(form.title, TITLE_LENGTH),
        "components": parts,
    }


def _field(field: FormField) -> JSON:
    inner = _select(field) if field.choices else _input(field)
    drawn: JSON = {"type": LABEL, "label": cut(field.label, TITLE_LENGTH)}
    if field.hint:
        drawn["description"] = cut(field.hint, HINT_LENGTH)
    return drawn | {"component": inner}


def _select(field: FormField) -> JSON:
    options = [
        {
            "label": cut(choice.label, OPTION_LENGTH),
            "value": choice.value,
            "default": choice.value == field.initial,
        }
        for choice in field.choices[:MOST_OPTIONS]
    ]
    return {
        "type": SELECT,
        "custom_id": field.name,
        "options": options,
        "required": field.required,
        "min_values": int(field.required),
        "max_values": 1,
    }


def _input(field: FormField) -> JSON:
    drawn: JSON = {
        "type": INPUT,
        "custom_id": field.name,
        "style": 2 if field.multiline else 1,
        "required": field.required,
        "max_length": INPUT_LENGTH,
    }
    return drawn | ({"value": field.initial[:INPUT_LENGTH]} if field.initial else {})


def filled_in(components: Sequence[JSON]) -> dict[str, str]:
    """What was put into the fields of a modal, by their names."""
    return {
        part["custom_id"]: str(part.get("value") or (part.get("values") or [""])[0])
        for part in _fields(components)
    }


def _fields(components: Sequence[JSON]) -> Iterator[JSON]:
    for part in components:
        inner = part.get("components") or [part.get("component")]
        yield from (one for one in inner if one and "custom_id" in one)


def cut(text: str, length: int) -> str:
    """`text` in at most `length` characters, with a mark where it was cut."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
