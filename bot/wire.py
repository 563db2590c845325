"""Events, deliveries and the like as JSON text, the same for both state engines."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter

from bot.model import (
    Announced,
    Deleted,
    Edited,
    Event,
    Pressed,
    Rated,
    Replied,
    Said,
    Stopped,
)

T = TypeVar("T")

EVENTS: dict[str, type[Event]] = {
    "said": Said,
    "edited": Edited,
    "deleted": Deleted,
    "stopped": Stopped,
    "rated": Rated,
    "pressed": Pressed,
    "announced": Announced,
    "replied": Replied,
}
NAMES = {kind: name for name, kind in EVENTS.items()}

_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def dump(value: object) -> str:
    """A dataclass of ours as JSON."""
    return _adapter(type(value)).dump_json(value).decode()


def load(kind: type[T], text: str | bytes) -> T:
    """Read back what `dump` made of a `kind`."""
    value: T = _adapter(kind).validate_json(text)
    return value


def to_data(value: object) -> dict[str, Any]:
    """A dataclass of ours as what JSON can hold, for a record."""
    data: dict[str, Any] = _adapter(type(value)).dump_python(value, mode="json")
    return data


def from_data(kind: type[T], data: Mapping[str, Any]) -> T:
    """Read back what `to_data` made of a `kind`."""
    value: T = _adapter(kind).validate_python(data)
    return value


def dump_event(event: Event) -> str:
    """An event as `name` + space + JSON: the name tells which of the kinds it is."""
    return f"{NAMES[type(event)]} {dump(event)}"


def load_event(text: str | bytes) -> Event:
    """Read back what `dump_event` wrote."""
    line = text.decode() if isinstance(text, bytes) else text
    name, _, body = line.partition(" ")
    return load(EVENTS[name], body)


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]
