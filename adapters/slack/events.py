"""What Slack sends, turned into our events; pure, without any call."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.model import (
    Attachment,
    Author,
    ConversationId,
    Deleted,
    Edited,
    Message,
    Said,
    Stopped,
)

JSON = Mapping[str, Any]

SPOKEN = frozenset({None, "file_share", "me_message", "thread_broadcast"})
"""Subtypes of a message that a person wrote; joins, topics and bots have others."""

VERDICTS = {
    "+1": "good",
    "thumbsup": "good",
    "white_check_mark": "good",
    "-1": "bad",
    "thumbsdown": "bad",
    "x": "bad",
}

_CONTROL = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are in the one workspace that the token is for."""

    team_id: str
    user_id: str
    bot_id: str
    name: str = ""
    team: str = ""
    url: str = ""
    bots: frozenset[str] = frozenset()
    """Other bots that are heard like people."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An event as we read it.

    Unless it is `certain`, it is for us only where each message is a question, and as
    a `follow_up` where we take part. `newly`: an edit put our name into a message that
    did not have it. `to_others`: it names somebody else first. `answers` says that it
    replies to another person.
    """

    event: Said | Edited | Deleted | Stopped
    certain: bool
    newly: bool = False
    follow_up: bool = False
    to_others: bool = False
    answers: bool = False


@dataclass(frozen=True, slots=True)
class Reaction:
    """A reaction to a message of ours; Slack does not say in which thread that is."""

    channel: str
    ts: str
    user: str
    verdict: str
    id: str


def read(event: JSON, me: Identity) -> Reading | None:
    """Our reading of an event; None when it cannot be for us."""
    kind, subtype = event.get("type"), event.get("subtype")
    if kind == "agent_session_stopped":
        return _stopped(event, me)
    if kind == "message" and subtype == "message_changed":
        return _changed(event, me)
    if kind == "message" and subtype == "message_deleted":
        return _deleted(event, event.get("deleted_ts"), me)
    if kind == "app_mention" or (kind == "message" and subtype in SPOKEN):
        if not _by_person(event, me):
            return None
        certain = kind == "app_mention" or _certain(event, me)
        # In the history, a root names its own thread: it follows upon nothing.
        begins = event.get("thread_ts") in (None, event["ts"])
        parent = event.get("parent_user_id") or event["user"]
        return Reading(
            Said(to_message(event, me)),
            certain,
            follow_up=not begins and _may_follow_up(event),
            to_others=_to_others(event) and not certain,
            answers=not begins and parent not in (event["user"], me.user_id),
        )
    return None


def read_reaction(event: JSON, me: Identity) -> Reaction | None:
    """A verdict on one of our messages; taking one back is the verdict "none"."""
    item = event.get("item", {})
    # A skin tone is no part of the verdict: "+1::skin-tone-3".
    name = str(event.get("reaction", "")).partition("::")[0]
    if (
        event.get("type") not in ("reaction_added", "reaction_removed")
        or item.get("type") != "message"
        or event.get("item_user") != me.user_id
        or event.get("user") == me.user_id
        or name not in VERDICTS
    ):
        return None
    verdict = VERDICTS[name] if event["type"] == "reaction_added" else "none"
    return Reaction(
        item["channel"], item["ts"], event["user"], verdict, event["event_ts"]
    )


def read_command(body: JSON, me: Identity) -> Message:
    """What was typed after `/curbside`; said to the channel, not in a thread."""
    return Message(
        id=body["trigger_id"],
        conversation=ConversationId("slack", me.team_id, body["channel_id"]),
        author=Author(body["user_id"], body.get("user_name", "")),
        text=plain(body.get("text", "")).strip() or "help",
        sent_at=datetime.now(UTC),
    )


def to_message(event: JSON, me: Identity) -> Message:
    """A message event, or a message inside one, as our message."""
    return Message(
        id=event["ts"],
        conversation=_conversation(event, event["ts"], me),
        author=Author(event["user"]),
        text=plain(without_name(event.get("text") or "", me)),
        sent_at=datetime.fromtimestamp(float(event["ts"]), UTC),
        attachments=tuple(_attachment(file) for file in event.get("files") or ()),
        edited="edited" in event,
        reply_token=_asker(event, me),
        guests=bool(event.get("is_ext_shared_channel")),
    )


def _asker(event: JSON, me: Identity) -> str:
    """For whom an answer may grow: their workspace, then their id."""
    team = event.get("user_team") or event.get("team") or me.team_id
    return f"{team}:{event['user']}"


def plain(text: str) -> str:
    """Slack's text as it was typed: no control sequences, no entities."""
    text = _CONTROL.sub(_typed, text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _typed(control: re.Match[str]) -> str:
    target, label = control[1], control[2]
    if target[0] in "@#":
        return target[0] + (label or target[1:])
    if target[0] == "!":
        return label or "@" + target[1:].partition("^")[0]
    if not label or label in target:
        return target.removeprefix("mailto:")
    return f"{label} ({target})"


def without_name(text: str, me: Identity) -> str:
    """What is said, without the name that says to whom."""
    name = rf"[ \t]*<@{me.user_id}(?:\|[^<>]*)?>[ \t]*[,:]?[ \t]*"
    return re.sub(name, " ", text).strip()


def _changed(event: JSON, me: Identity) -> Reading | None:
    after, before = event["message"], event.get("previous_message", {})
    if after.get("subtype") == "tombstone":
        # A deleted message that has replies leaves this in its place.
        return _deleted(event, after.get("ts"), me)
    if after.get("text") == before.get("text") or not _by_person(after, me):
        return None
    after = _in_channel(after, event)
    named, was_named = _named(after, me), _named(_in_channel(before, event), me)
    version = after.get("edited", {}).get("ts") or event["event_ts"]
    newly = named and not was_named
    certain = was_named or _certain(after, me)
    follow_up, to_others = _may_follow_up(after), _to_others(after) and not certain
    edited = Edited(to_message(after, me), version)
    return Reading(edited, certain, newly, follow_up=follow_up, to_others=to_others)


def _deleted(event: JSON, ts: str | None, me: Identity) -> Reading | None:
    before = _in_channel(event.get("previous_message", {}), event)
    if ts is None:
        return None
    ours = before.get("user") == me.user_id
    if not ours and not _by_person(before, me):
        return None
    certain = ours or _certain(before, me)
    deleted = Deleted(_conversation(before, ts, me), ts)
    return Reading(deleted, certain, follow_up=_may_follow_up(before))


def _stopped(event: JSON, me: Identity) -> Reading | None:
    thread = event.get("thread_ts")
    if not thread:
        return None
    conversation = ConversationId("slack", me.team_id, event["channel"], thread)
    author = Author(event.get("user", ""))
    id_ = event.get("event_ts") or " ".join(event.get("streaming_message_ts") or ())
    return Reading(Stopped(conversation, author, id_), certain=True)


def _in_channel(message: JSON, event: JSON) -> JSON:
    """A message inside an event; only the event says where it is."""
    known = {"channel": event["channel"], "channel_type": event.get("channel_type", "")}
    shared = event.get("is_ext_shared_channel", False)
    return {**message, **known, "is_ext_shared_channel": shared}


def _conversation(message: JSON, ts: str, me: Identity) -> ConversationId:
    thread = message.get("thread_ts") or ts
    # The team of the token, not of the author: in shared channels that is another.
    return ConversationId("slack", me.team_id, message["channel"], thread)


def _by_person(message: JSON, me: Identity) -> bool:
    user = message.get("user")
    bot = message.get("bot_id")
    if not user or user in (me.user_id, "USLACKBOT") or (bot and bot == me.bot_id):
        return False
    return not bot or not me.bots.isdisjoint({user, bot})


def _named(message: JSON, me: Identity) -> bool:
    """Whether it is said to us by name, or where nobody else could be meant."""
    name = rf"<@{me.user_id}[|>]"
    return (
        message.get("channel_type") == "im"
        or re.search(name, message.get("text") or "") is not None
    )


def _certain(message: JSON, me: Identity) -> bool:
    """Whether it is for us whatever went before: by name, or in a thread we began."""
    ours = message.get("parent_user_id") == me.user_id
    return _named(message, me) or (ours and _may_follow_up(message))


def _may_follow_up(message: JSON) -> bool:
    """Whether it stands in a thread, and is not said to somebody else there."""
    return bool(message.get("thread_ts")) and not _to_others(message)


def _to_others(message: JSON) -> bool:
    """Whether it begins with somebody's name."""
    return (message.get("text") or "").lstrip().startswith("<@")


def _attachment(file: JSON) -> Attachment:
    return Attachment(
        name=_whole(file.get("name") or file.get("title") or "file"),
        media_type=_whole(file.get("mimetype") or ""),
        size=int(file.get("size") or 0),
        url=_whole(file.get("url_private") or f"slack-file:{file.get('id', '')}"),
    )


def _whole(text: object) -> str:
    """Text without halves of characters, which could not be stored."""
    return str(text).encode("utf-8", "replace").decode()
