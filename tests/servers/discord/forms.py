"""A form of a local Discord, filled in by a person."""

from typing import Any

from .components import (
    CHECKBOX,
    CHECKBOXES,
    CHOICES,
    INPUT,
    LABEL,
    RADIO,
    ROW,
)
from .model import Payload


def filled_in(parts: list[Payload], values: dict[str, Any]) -> list[Payload]:
    """The components of a form with what was put into them."""
    left = dict(values)
    filled = [_part(part, left) for part in parts]
    if left:
        raise LookupError(f"the form has no fields {sorted(left)}")
    return filled


def _part(part: Payload, values: dict[str, Any]) -> Payload:
    shown = {"type": part["type"], "id": part["id"]}
    if part["type"] == ROW:
        inner = [_answered(asked, values) for asked in part["components"]]
        return shown | {"components": inner}
    if part["type"] == LABEL:
        return shown | {"component": _answered(part["component"], values)}
    return shown


def _answered(asked: Payload, values: dict[str, Any]) -> Payload:
    name, kind = asked["custom_id"], asked["type"]
    shown = {"type": kind, "id": asked["id"], "custom_id": name}
    given = values.pop(name, None)
    if given in (None, "", []) and asked.get("required", True) and kind != CHECKBOX:
        raise LookupError(f"the field {name!r} must be filled in")
    if kind == INPUT:
        return shown | {"value": _text(asked, given or "")}
    if kind == CHECKBOX:
        return shown | {"value": bool(given)}
    if kind in CHOICES or kind in (RADIO, CHECKBOXES):
        return shown | _chosen(asked, given)
    return shown | {"values": given or []}


def _text(asked: Payload, text: str) -> str:
    least, most = asked.get("min_length") or 0, asked.get("max_length") or 4000
    if text and not least <= len(text) <= most:
        name = asked["custom_id"]
        raise LookupError(f"the field {name!r} takes {least} to {most} characters")
    return text


def _chosen(asked: Payload, given: Any) -> Payload:
    chosen = [given] if isinstance(given, str) else list(given or ())
    known = [option["value"] for option in asked.get("options") or ()]
    if known and set(chosen) - set(known):
        raise LookupError(f"the field {asked['custom_id']!r} offers {known}")
    if asked["type"] == RADIO:
        return {"value": chosen[0] if chosen else None}
    return {"values": chosen}
