"""The arguments of a Web API call, whichever way the SDK sent them."""

import json
from typing import Any, TypeVar

from aiohttp import web

from .workspace import JSON, SlackError

Item = TypeVar("Item")


class Arguments:
    """Arguments by name: typed out of JSON, or text out of a query or a form."""

    def __init__(self, values: JSON) -> None:
        self.values = values

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        return default if value is None else str(value)

    def required(self, name: str, error: str = "invalid_arguments") -> str:
        if value := self.text(name):
            return value
        raise SlackError(error)

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"1", "true"}

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise SlackError("invalid_arguments") from None

    def structure(self, name: str) -> Any:
        """A list or an object; inside a form it comes as JSON text."""
        value = self.values.get(name)
        if not isinstance(value, str) or not value:
            return value
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            raise SlackError("invalid_arguments") from None


async def read_arguments(request: web.Request) -> Arguments:
    """Query, form and JSON alike: the SDK uses all three."""
    values: JSON = dict(request.query)
    if request.content_type == "application/json":
        body = await request.text()
        values |= json.loads(body) if body else {}
    else:
        values |= dict(await request.post())
    return Arguments(values)


def page(
    items: list[Item], arguments: Arguments, default: int
) -> tuple[list[Item], str]:
    """One page of `items` and the cursor of the next, empty at the end."""
    limit = max(1, arguments.number("limit", default))
    cursor = arguments.text("cursor")
    start = int(cursor.removeprefix("next:")) if cursor else 0
    end = start + limit
    return items[start:end], f"next:{end}" if end < len(items) else ""
