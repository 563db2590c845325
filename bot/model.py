"""The conversation model: what all platforms have in common."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, unquote

from bot.surface import Action as Action
from bot.surface import Button as Button
from bot.surface import Choice as Choice
from bot.surface import Form as Form
from bot.surface import FormField as FormField
from bot.surface import Panel as Panel
from bot.surface import PanelSection as PanelSection


@dataclass(frozen=True, slots=True)
class ConversationId:
    """Where something is said.

    `workspace` is a Slack workspace or a Discord guild ("dm" for direct messages),
    `thread` is empty for what is said in the channel itself.
    """

    platform: str
    workspace: str
    channel: str
    thread: str = ""

    def __str__(self) -> str:
        return _joined(self.platform, self.workspace, self.channel, self.thread)

    @classmethod
    def parse(cls, text: str) -> "ConversationId":
        """Read back what `str()` wrote."""
        parts = text.split(":")
        if len(parts) != 4:
            raise ValueError(f"not a conversation id: {text!r}")
        return cls(*(unquote(part) for part in parts))


@lru_cache(maxsize=4096)  # written out some twenty times for each answer
def _joined(*parts: str) -> str:
    return ":".join(quote(part, safe="") for part in parts)


@dataclass(frozen=True, slots=True)
class Author:
    """Who said it. `is_admin` is the platform's own right, not our settings'."""

    id: str
    name: str = ""
    roles: frozenset[str] = frozenset()
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message."""

    name: str
    media_type: str = ""
    size: int = 0
    url: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What a person said to us.

    `id` is the platform's id of the message. `reply_token` is a short-lived handle that
    some platforms want for the answer (a Discord interaction); it is opaque here.
    `direct` says that it was said to us (by name, in private, as a command or a
    follow-up), not just heard in a channel where every question is answered. `guests`
    says that people from outside can read it; `locale` is its author's, such as "de".
    `anchor` is the message that the answer is put to, if it is not this one: a question
    from a form is no message of the platform.
    """

    id: str
    conversation: ConversationId
    author: Author
    text: str
    sent_at: datetime
    attachments: tuple[Attachment, ...] = ()
    reply_to: str | None = None
    edited: bool = False
    reply_token: str = ""
    direct: bool = True
    guests: bool = False
    locale: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A person asked something, or gave a command in words."""

    message: Message

    @property
    def key(self) -> str:
        """The same for each delivery of the same message, whatever event carried it."""
        place = self.message.conversation
        return (
            f"said:{place.platform}:{place.workspace}:{place.channel}:{self.message.id}"
        )

    @property
    def conversation(self) -> ConversationId:
        return self.message.conversation


@dataclass(frozen=True, slots=True)
class Edited:
    """A person changed the text of a message; `message` carries the new text."""

    message: Message
    version: str

    @property
    def key(self) -> str:
        place = self.message.conversation
        return (
            f"edited:{place.platform}:{place.workspace}:{place.channel}"
            f":{self.message.id}:{self.version}"
        )

    @property
    def conversation(self) -> ConversationId:
        return self.message.conversation


@dataclass(frozen=True, slots=True)
class Deleted:
    """A message is gone: a question, or one of our answers."""

    conversation: ConversationId
    message_id: str

    @property
    def key(self) -> str:
        place = self.conversation
        where = f"{place.platform}:{place.workspace}:{place.channel}"
        return f"deleted:{where}:{self.message_id}"


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody wants the answer under way to end, and what waits to be dropped."""

    conversation: ConversationId
    author: Author
    id: str

    @property
    def key(self) -> str:
        return f"stopped:{self.conversation}:{self.id}"


@dataclass(frozen=True, slots=True)
class Rated:
    """A person judged one of our answers. `verdict` is "good", "bad" or "none"."""

    conversation: ConversationId
    author: Author
    message_id: str
    verdict: str
    id: str

    @property
    def key(self) -> str:
        return f"rated:{self.conversation}:{self.message_id}:{self.author.id}:{self.id}"


@dataclass(frozen=True, slots=True)
class Pressed:
    """A person pressed a button of ours, or sent the form that it opened.

    `message_id` is the message of ours that carries the button, empty for one that
    stands elsewhere. `fields` is None until a form was filled in. `id` is the same for
    each delivery of the same press. `guests` says, of a form that becomes a message,
    that people from outside can read it.
    """

    conversation: ConversationId
    author: Author
    action: Action
    id: str
    message_id: str = ""
    value: str = ""
    fields: Mapping[str, str] | None = None
    guests: bool = False

    @property
    def key(self) -> str:
        return f"pressed:{self.conversation}:{self.message_id}:{self.action}:{self.id}"


@dataclass(frozen=True, slots=True)
class Announced:
    """Something of ours to be said in a place, once: a notice, a summary, a call.

    `id` says what it is about. A second one of that id edits the message of the first;
    `version` tells the two apart. `mention` is what it may ring (a platform's own way
    to name a role or a group), put before the text.
    """

    conversation: ConversationId
    id: str
    text: str
    version: str = ""
    mention: str = ""
    buttons: tuple[Button, ...] = ()

    @property
    def key(self) -> str:
        return f"announced:{self.conversation}:{self.id}:{self.version}"


@dataclass(frozen=True, slots=True)
class Replied:
    """Another person replied to a message that we were about to answer."""

    conversation: ConversationId
    author: Author
    message_id: str
    id: str

    @property
    def key(self) -> str:
        return f"replied:{self.conversation}:{self.message_id}:{self.id}"


Event = Said | Edited | Deleted | Stopped | Rated | Pressed | Announced | Replied


@dataclass(frozen=True, slots=True)
class Source:
    """A citation as a person sees it: number, document, section, the words quoted."""

    number: int
    title: str
    section: str = ""
    quote: str = ""
    url: str = ""
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person gets to see, at one moment of its growth, in Markdown.

    `notice` is a line of our own that is no part of what the backend said (who answered
    instead, that it was stopped). `buttons` are what can be pressed under it now.
    `mention` is what it may ring, in the platform's own way; nothing in `text` may.
    `link_hosts` are those of its place, whose links people may click besides those of
    the sources.
    """

    text: str
    sources: tuple[Source, ...] = ()
    notice: str = ""
    step: str = ""
    complete: bool = False
    buttons: tuple[Button, ...] = ()
    mention: str = ""
    link_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentPart:
    """One platform message that carries a part of an answer.

    `id` is empty from the moment before the post until its result is known.
    """

    index: int
    id: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The ledger entry of an answer: which events it covers, which messages carry it.

    It is written before anything is sent, so that after a crash the next worker finds
    what may already be there. `question_id` is the message to answer to, empty for an
    announcement, which answers none; `begun_at` is when it was first written down.
    """

    answer_id: str
    conversation: ConversationId
    covers: tuple[str, ...]
    question_id: str
    reply_token: str = ""
    parts: tuple[SentPart, ...] = field(default_factory=tuple)
    complete: bool = False
    begun_at: datetime | None = None

    def key(self, index: int) -> str:
        """The key of a part: what makes a second post of it recognisable."""
        return f"{self.answer_id}-{index}"

    def with_part(self, part: SentPart) -> "Delivery":
        """This delivery with `part` put in place of the one with its index."""
        others = [known for known in self.parts if known.index != part.index]
        parts = tuple(sorted([*others, part], key=lambda known: known.index))
        return replace(self, parts=parts)

    def without_part(self, index: int) -> "Delivery":
        """This delivery without the part of that index."""
        parts = tuple(part for part in self.parts if part.index != index)
        return replace(self, parts=parts)


def answer_id(conversation: ConversationId, message_id: str) -> str:
    """A short id of the answer to a message: the same in each process and attempt."""
    text = f"{conversation}\n{message_id}"
    return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()
