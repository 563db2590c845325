"""An event as the engines store it, and the tags they look things up by."""

import hashlib
from dataclasses import dataclass

from bot.model import (
    Announced,
    ConversationId,
    Deleted,
    Edited,
    Event,
    Replied,
    Said,
    Stopped,
)
from bot.wire import dump_event

SEEN_SECONDS = 7 * 86_400.0
"""How long the key of an event is remembered."""

KEPT_SECONDS = 30 * 86_400.0
"""How long deliveries, and conversations in which nothing waits, are kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What goes into a mailbox.

    `digest` stands for the key after the event is gone: a key may name a person.
    `person` is empty for an event that nobody in particular caused.
    """

    conversation: str
    key: str
    digest: str
    text: str
    person: str
    said: bool
    control: bool


def to_entry(event: Event) -> Entry:
    """What is stored of an event."""
    return Entry(
        conversation=str(event.conversation),
        key=event.key,
        digest=hashlib.blake2b(event.key.encode(), digest_size=16).hexdigest(),
        text=dump_event(event),
        person=_person(event),
        said=isinstance(event, Said),
        control=isinstance(event, Edited | Deleted | Stopped | Replied),
    )


def person_tag(platform: str, author_id: str) -> str:
    """Names a person across all conversations of a platform."""
    return f"{platform}:{author_id}"


def workspace_tag(platform: str, workspace: str) -> str:
    """Names a workspace, as records do."""
    return f"{platform}:{workspace}"


def workspace_prefix(platform: str, workspace: str) -> str:
    """What the id of each conversation of a workspace, and each scope, begins with."""
    return str(ConversationId(platform, workspace, "")).removesuffix(":")


def message_tag(conversation: ConversationId, message_id: str) -> str:
    """Names a message of a platform. Ids are unique within a channel at least, and not
    every event tells the thread that a message is in."""
    channel = ConversationId(
        conversation.platform, conversation.workspace, conversation.channel
    )
    return f"{channel}{message_id}"


def _person(event: Event) -> str:
    match event:
        case Deleted() | Announced():
            return ""
        case Said(message) | Edited(message):
            return person_tag(event.conversation.platform, message.author.id)
        case _:
            return person_tag(event.conversation.platform, event.author.id)
