"""Whom a message mentions, and whom of them it notifies."""

import re

from .components import shown_text
from .model import Channel, Message, Permission
from .payloads import Payloads

USER = re.compile(r"<@!?(\d+)>")
ROLE = re.compile(r"<@&(\d+)>")
EVERYONE = re.compile(r"@(everyone|here)\b")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def note_mentions(
    records: Payloads, message: Message, channel: Channel, *, fresh: bool
) -> None:
    """Read the mentions of a message out of its words; a `fresh` one notifies."""
    before = set(message.pinged)
    _read(records, message, channel)
    if fresh:
        message.pinged |= {str(id) for id in message.mentions}
        message.pinged.discard(str(message.author_id))
    else:
        message.pinged = before


def _read(records: Payloads, message: Message, channel: Channel) -> None:
    # What stands in code is text and nothing else.
    words = CODE.sub("", shown_text(message.content, message.components))
    for id in map(int, USER.findall(words)):
        if id in records.users and allows(message, "users", id):
            add(message.mentions, id)
    if channel.guild_id is None:
        return
    guild = records.guilds[channel.guild_id]
    everyone = bool(
        records.permissions(message.author_id, channel)
        & (Permission.MENTION_EVERYONE | Permission.ADMINISTRATOR)
    )
    for id in map(int, ROLE.findall(words)):
        role = guild.roles.get(id)
        if role is not None and allows(message, "roles", id):
            add(message.mention_roles, id)
            if role.mentionable or everyone:
                message.pinged.add(str(id))
    for name in EVERYONE.findall(words):
        if everyone and allows(message, "everyone", None):
            message.mention_everyone = True
            message.pinged.add(name)


def allows(message: Message, kind: str, id: int | None) -> bool:
    """Whether the sender's `allowed_mentions` let this one count."""
    allowed = message.allowed_mentions
    if allowed is None:
        return True
    named = id is not None and str(id) in map(str, allowed.get(kind) or ())
    return kind in (allowed.get("parse") or ()) or named


def add(found: list[int], id: int) -> None:
    if id not in found:
        found.append(id)
