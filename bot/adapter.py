"""The contract of a platform: events in through an `Intake`, answers out as parts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from bot.model import (
    Answer,
    Attachment,
    ConversationId,
    Delivery,
    Event,
    Form,
    Message,
    Panel,
    Pressed,
)

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.state.base import Records


class Acceptance(StrEnum):
    """What became of an event that was handed in."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    FULL = "full"


class Listening(StrEnum):
    """Which messages of a place are for us, besides private ones and commands."""

    MENTION = "mention"
    """Those that name us, and follow-ups where we take part."""
    EVERY = "every"
    """Each message of a person."""
    OFF = "off"
    """None, not even by name."""


class Intake(Protocol):
    """Where an adapter hands in what happens on its platform."""

    async def accept(self, event: Event) -> Acceptance:
        """Store `event`. Once this returns it is durable: the platform may be told.

        Raises StateUnavailable when it could not be stored: do not acknowledge it. On
        `FULL` the person has been asked to wait already; acknowledge it.
        """
        ...

    async def takes_part(self, conversation: ConversationId) -> bool:
        """Whether we have answered in this conversation (so a follow-up is for us)."""
        ...

    async def command(self, message: Message) -> str | None:
        """Carry out an admin command (`use handbook`) at once; the reply, in Markdown.

        None when the text is no command: then it is a question, for `accept`.
        """
        ...

    def profiles(self) -> Sequence[str]:
        """Names of the configured backends, for a platform's autocompletion."""
        ...

    async def listening(self, conversation: ConversationId) -> Listening:
        """Which messages of this place to hand in; quick, it is asked for each one."""
        ...

    async def press(self, pressed: Pressed) -> Form | str:
        """Do what a button is for. The form to open, or what to tell the person ("" for
        nothing), in Markdown; both within two seconds.

        Without `fields`, a button that needs a form gets it. What is to be done later
        is durable once this returns. Raises StateUnavailable.
        """
        ...

    async def panel(self, message: Message) -> Panel:
        """What to show a person about the bot; `message.text` is ignored."""
        ...

    def suggestions(
        self, conversation: ConversationId, *, guests: bool = False
    ) -> Sequence[str]:
        """A few questions that the documents of this place can answer; to `guests`
        from outside, the public ones alone."""
        ...

    async def forget_workspace(self, platform: str, workspace: str) -> None:
        """Erase all that is kept of a workspace: we were removed from it."""
        ...

    @property
    def records(self) -> "Records":
        """The durable records, for what a platform must remember (cursors, rooms)."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """One platform message's worth of an answer, as the adapter rendered it.

    Parts are compared to see what must be written anew, equal means "looks alike".
    """

    text: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AdapterHealth:
    """Whether the platform takes us. `problems` names each failure and its fix."""

    ok: bool
    detail: str = ""
    problems: tuple[str, ...] = ()


class Adapter(Protocol):
    """A platform. Sending works after `open()`, without `listen()` running.

    The delivery decides what is sent and when, records it before and after, and paces
    edits; the adapter renders and does single writes. Writes raise the DeliveryError
    family and nothing else: DeliveryUnclear whenever a write may have taken effect.
    """

    platform: str
    edit_interval: float
    """Seconds to leave between two writes of the same answer."""

    async def open(self) -> None:
        """Prepare sending. Raises ConfigurationError with the fix for a bad token."""
        ...

    async def listen(self, intake: Intake) -> None:
        """Take events in until cancelled; reconnects by itself."""
        ...

    def render(self, answer: Answer) -> list[Part]:
        """Split and form an answer for this platform; at least one part."""
        ...

    async def post(self, delivery: Delivery, index: int, part: Part) -> str:
        """Send part `index` under `delivery.key(index)`; the platform's message id."""
        ...

    async def find(self, delivery: Delivery, index: int) -> str | None:
        """The id of the message that an earlier, unclear `post` of this part made."""
        ...

    async def edit(self, delivery: Delivery, message_id: str, part: Part) -> None:
        """Replace a message of ours by `part`. MessageGone when it is deleted."""
        ...

    async def remove(self, delivery: Delivery, message_id: str) -> None:
        """Delete a message of ours; one that is gone already is no error."""
        ...

    async def working(self, delivery: Delivery, step: str) -> None:
        """Show that we are at it (typing, a status line). Best effort, never raises."""
        ...

    async def fetch(
        self, conversation: ConversationId, attachment: Attachment, limit: int
    ) -> bytes:
        """The contents of a file that came with a message, of at most `limit` bytes.

        Raises AttachmentUnreadable with a reason that can be told to the person.
        """
        ...

    async def health(self) -> AdapterHealth:
        """Check tokens, scopes, intents; within a few seconds, never raises."""
        ...

    async def aclose(self) -> None:
        """Close what `open` opened."""
        ...


class Links(Protocol):
    """What an adapter may offer besides: where a message can be read."""

    def link(self, conversation: ConversationId, message_id: str) -> str:
        """The address of a message, which opens it; empty when it has none."""
        ...


class Names(Protocol):
    """What an adapter may offer besides: channels by the names that people know."""

    def name(self, conversation: ConversationId) -> str:
        """The name of a channel, from what is known at once; empty if it is not."""
        ...


class Solves(Protocol):
    """What an adapter may offer besides: questions that can be marked as solved."""

    def solvable(self, conversation: ConversationId) -> bool:
        """Whether this is such a place (a post of a forum); quick."""
        ...

    async def solved(self, delivery: Delivery) -> None:
        """Mark the question of this answer as solved; twice is no error. Raises the
        DeliveryError family."""
        ...


Create = Callable[["Settings"], "Adapter | None"]
"""What an entry point of the group `curbside.adapters` names.

Returns None when the platform is not configured.
"""
