"""Which profile answers where: conversation, channel, workspace, default."""

import hashlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from bot.model import ConversationId
from bot.state.base import Route

log = logging.getLogger(__name__)

DEFAULT_SCOPE = "default"


@dataclass(frozen=True, slots=True)
class Choice:
    """The profile for a conversation, and the scope whose route named it."""

    profile: str
    scope: str
    canary: bool = False


def scope_of(conversation: ConversationId, width: str) -> str:
    """The scope around a conversation: "thread", "channel", "workspace", "default"."""
    if width == "thread":
        return str(conversation)
    if width == "channel":
        return str(replace(conversation, thread=""))
    if width == "workspace":
        return str(replace(conversation, channel="", thread=""))
    return DEFAULT_SCOPE


def scopes(conversation: ConversationId) -> list[str]:
    """The scopes of a conversation, the narrowest first."""
    widths = ("thread", "channel", "workspace", "default")
    return list(dict.fromkeys(scope_of(conversation, width) for width in widths))


def bucket(conversation: ConversationId) -> int:
    """The conversation's place among 100, the same for ever and in every process.

    A share that grows keeps the conversations it had.
    """
    digest = hashlib.blake2b(str(conversation).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % 100


def resolve(
    conversation: ConversationId,
    routes: Mapping[str, Route],
    *,
    known: Collection[str],
    default: str,
) -> Choice:
    """The profile that answers here.

    A route to a profile that is not configured any more is passed over, so that a
    removed table does not silence a channel.
    """
    for scope in scopes(conversation):
        route = routes.get(scope)
        if route is None:
            continue
        if route.canary in known and bucket(conversation) < route.share:
            return Choice(str(route.canary), scope, canary=True)
        if route.profile in known:
            return Choice(str(route.profile), scope)
        if route.profile is not None:
            log.warning("route of %s names unknown profile %r", scope, route.profile)
    return Choice(default, DEFAULT_SCOPE)
