"""Whether what Slack sends is as it describes it, and whose it is."""

import re
from collections.abc import Mapping
from typing import Any

JSON = Mapping[str, Any]

MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What comes of a payload in which something is not as Slack describes it."""

NESTED = ("message", "previous_message", "item")
TEXTS = frozenset(
    {
        *("type", "subtype", "channel", "channel_type", "user", "bot_id", "text"),
        *("ts", "thread_ts", "event_ts", "deleted_ts", "parent_user_id"),
        *("team", "user_team", "reaction", "item_user"),
    }
)
STAMPS = frozenset({"ts", "thread_ts", "deleted_ts"})
STAMP = re.compile(r"\d{1,11}(\.\d+)?")


def check(event: JSON) -> None:
    """Raise an error of MALFORMED where something is no text that must be one."""
    for part in (event, *(event.get(name) for name in NESTED)):
        if part is None:
            continue
        for name in TEXTS.intersection(part):
            value = part[name]
            if not isinstance(value, str | None):
                raise TypeError(f"{name!r} is no text")
            if value and name != "text":  # what people wrote is mended later
                value.encode()
            if value and name in STAMPS and not STAMP.fullmatch(value):
                raise ValueError(f"{name!r} is no time stamp")


def owner(payload: JSON) -> tuple[str, str]:
    """The workspace that installed the app, and its organisation.

    In a channel that workspaces share, that may not be the one where it happened.
    """
    given = payload.get("authorizations")
    first = given[0] if isinstance(given, list) and given else None
    if isinstance(first, Mapping):
        team = first.get("team_id") or payload.get("team_id")
        return str(team or ""), str(first.get("enterprise_id") or "")
    return _id(payload, "team"), _id(payload, "enterprise")


def _id(payload: JSON, what: str) -> str:
    """An id that stands alone, or inside what it is the id of."""
    whole = payload.get(what)
    found = whole.get("id") if isinstance(whole, Mapping) else payload.get(f"{what}_id")
    return str(found or "")
