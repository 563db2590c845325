"""The contract of the durable state; `sqlite` and `redis` keep it, to the letter.

Every method may raise StateUnavailable, within about a second. Those that take a
`Claim` raise ClaimLost, and change nothing, when another worker owns it by now.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bot.adapter import Acceptance
from bot.model import ConversationId, Delivery, Event


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one conversation, until the lease ends.

    `token` is new with each claim: it fences off a worker that was thought dead.
    """

    conversation: ConversationId
    token: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event in a mailbox. `starts` counts attempts, `failures` those that failed."""

    event: Event
    starts: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed conversation: what waits, oldest first, and the delivery under way.

    `delivery` is the one a former attempt began and did not finish. `controls` is the
    count of stops, edits, deletes and replies so far (see `Inbox.controls`).
    """

    claim: Claim
    waiting: tuple[Waiting, ...]
    delivery: Delivery | None
    controls: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What was given up, and why."""

    id: str
    events: tuple[Event, ...]
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class InboxStats:
    """How much waits. `oldest_seconds` is the age of the oldest unanswered event."""

    waiting: int
    conversations: int
    claimed: int
    dead: int
    oldest_seconds: float


class Inbox(Protocol):
    """A mailbox a conversation, worked on by one worker at a time, in order."""

    async def accept(self, event: Event, *, limit: int) -> Acceptance:
        """Store `event` unless its key was seen in the last seven days.

        With `limit` or more `Said` events in the conversation's box a further `Said`
        is FULL: not stored, its key not remembered. Other events always fit. Edited,
        Deleted, Stopped and Replied also count up the conversation's controls.
        """
        ...

    async def claim(self, worker: str, *, lease: float, wait: float) -> Work | None:
        """Take a conversation in which something waits, the longest-waiting first.

        Waits up to `wait` seconds for one. A conversation whose worker has not extended
        its claim for `lease` seconds is free to be taken over.
        """
        ...

    async def reread(self, claim: Claim) -> Work:
        """The claimed conversation as it is now."""
        ...

    async def extend(self, claims: Collection[Claim], *, lease: float) -> set[Claim]:
        """Keep claims for another `lease` seconds. Returns those that are lost."""
        ...

    async def controls(self, claims: Collection[Claim]) -> Mapping[Claim, int]:
        """Per claim the count of stops, edits, deletes and replies that ever came."""
        ...

    async def begin(self, claim: Claim, delivery: Delivery) -> None:
        """Write the delivery down before anything is sent; counts a start of the events
        that it covers. It stays `Work.delivery` until `finish`."""
        ...

    async def record(self, claim: Claim, delivery: Delivery) -> None:
        """Write down how far the delivery has come."""
        ...

    async def finish(
        self, claim: Claim, keys: Sequence[str], delivery: Delivery | None = None
    ) -> None:
        """Take the events out of the box, close the delivery, release the claim.

        If more waits, the conversation goes to the end of the queue.
        """
        ...

    async def postpone(
        self, claim: Claim, keys: Sequence[str], *, delay: float, reason: str
    ) -> None:
        """Count a failure of these events, release, be claimable after `delay` s.

        The delivery stays open: the next attempt goes on with its messages.
        """
        ...

    async def bury(
        self,
        claim: Claim,
        keys: Sequence[str],
        reason: str,
        delivery: Delivery | None = None,
    ) -> None:
        """Like `finish`, but the events go to the dead letters with the reason."""
        ...

    async def release(self, claim: Claim) -> None:
        """Give the conversation back unfinished: claimable by anyone at once."""
        ...

    async def dead_letters(self, limit: int = 50) -> list[DeadLetter]:
        """What was given up, newest first."""
        ...

    async def revive(self, dead_letter_id: str) -> bool:
        """Put the events of a dead letter back to the end of their mailbox."""
        ...

    async def stats(self) -> InboxStats: ...

    async def forget(self, platform: str, author_id: str) -> int:
        """Erase this person's waiting and dead messages; how many."""
        ...


class Deliveries(Protocol):
    """Finished and unfinished deliveries of the last 30 days."""

    async def get(self, answer_id: str) -> Delivery | None: ...

    async def of_message(
        self, conversation: ConversationId, message_id: str
    ) -> Delivery | None:
        """The delivery that a message of ours belongs to."""
        ...

    async def takes_part(self, conversation: ConversationId) -> bool:
        """Whether any delivery went to this conversation."""
        ...


@dataclass(frozen=True, slots=True)
class RememberedTurn:
    """A question and its answer in a session. `author_id` is the platform's id."""

    message_id: str
    author_id: str
    author_name: str
    question: str
    answer: str
    at: datetime
    answer_id: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """What is remembered of a conversation: a summary of what came before `turns`."""

    turns: tuple[RememberedTurn, ...] = ()
    summary: str = ""


class Memory(Protocol):
    """Session memory; a session is forgotten `ttl` seconds after its last turn."""

    async def recall(self, conversation: ConversationId) -> Session: ...

    async def remember(
        self, conversation: ConversationId, turn: RememberedTurn, *, ttl: float
    ) -> None:
        """Add a turn; one of the same message id is replaced in its place."""
        ...

    async def summarise(
        self,
        conversation: ConversationId,
        summary: str,
        message_ids: Sequence[str],
        *,
        before: str | None = None,
    ) -> None:
        """Put a summary in the place of the turns of these messages (and the summary
        before); turns that are gone meanwhile are no error.

        With `before`, the summary that went into this one, nothing is done when that
        is not there any more: it may have been forgotten, and must not come back."""
        ...

    async def drop(self, conversation: ConversationId, message_id: str) -> bool:
        """Forget the turn of a message, and the summary, which may hold it."""
        ...

    async def reset(self, conversation: ConversationId) -> int:
        """Forget a session; how many turns it had."""
        ...

    async def forget(self, platform: str, author_id: str) -> int:
        """Erase a person's turns everywhere, and the summaries of the sessions they
        took part in; how many turns."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """What answers at a scope.

    With a `canary`, `share` percent of the scope's conversations go to it; without a
    `profile` the rest goes by the next wider scope.
    """

    profile: str | None = None
    canary: str | None = None
    share: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """A switch: who, where, from, to, when. `id` makes doing it twice harmless."""

    id: str
    scope: str
    before: Route | None
    after: Route | None
    by: str
    by_name: str
    said_in: str
    at: datetime
    undoes: str | None = None


class Routes(Protocol):
    """Which backend answers where, and the audit of its changes."""

    async def all(self) -> Mapping[str, Route]:
        """Every route by its scope."""
        ...

    async def switch(self, change: Change) -> Change:
        """Apply a change unless its id was applied already; the change as recorded,
        with `before` filled in from the route it replaced."""
        ...

    async def undo(self, scopes: Sequence[str], change: Change) -> Change | None:
        """Take back the newest change of any of `scopes` that was not taken back yet
        and is no undo itself. `change` carries id, by, by_name, said_in, at. The change
        as recorded, or None when there is nothing to undo. Same id twice: done once."""
        ...

    async def audit(self, limit: int = 20) -> list[Change]:
        """Changes, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class Rating:
    """A person's verdict on an answer: "good" or "bad"."""

    answer_id: str
    platform: str
    author_id: str
    verdict: str
    at: datetime


class Feedback(Protocol):
    """What people thought of answers; one rating a person and answer."""

    async def rate(self, rating: Rating) -> None:
        """Store a rating, in the place of the person's former one; verdict "none"
        removes it."""
        ...

    async def of_answer(self, answer_id: str) -> list[Rating]: ...

    async def forget(self, platform: str, author_id: str) -> int:
        """Erase a person's ratings; how many."""
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """Something to keep that has no table of its own, found by `kind` and `id`.

    `data` is JSON. `person` is "platform:author id" of whom it is about, so that they
    can be forgotten; `workspace` is "platform:workspace", so that a workspace can.
    """

    kind: str
    id: str
    data: Mapping[str, Any]
    at: datetime
    person: str = ""
    workspace: str = ""


class Records(Protocol):
    """Answers, cases, corrections, cursors and the like: small, few, of many kinds."""

    async def put(self, record: Record, *, only_new: bool = False) -> bool:
        """Store a record in the place of the one of its kind and id. With `only_new`
        nothing is done when there is one already; whether it was stored."""
        ...

    async def get(self, kind: str, id: str) -> Record | None: ...

    async def newest(
        self,
        kind: str,
        *,
        limit: int = 50,
        workspace: str = "",
        before: datetime | None = None,
    ) -> list[Record]:
        """Records of a kind, the newest first; of one workspace, if given, and older
        than `before`."""
        ...

    async def remove(self, kind: str, id: str) -> bool:
        """Take a record out; whether it was there."""
        ...

    async def purge(self, kind: str, before: datetime) -> int:
        """Take out what is older; how many."""
        ...

    async def forget(self, platform: str, author_id: str) -> int:
        """Erase the records about a person; how many."""
        ...


class State(Protocol):
    """All parts of the state over one engine."""

    inbox: Inbox
    deliveries: Deliveries
    memory: Memory
    routes: Routes
    feedback: Feedback
    records: Records

    async def forget_workspace(self, platform: str, workspace: str) -> int:
        """Erase all that is kept of a workspace: its waiting and dead events,
        deliveries, sessions, routes, changes, ratings, records; how many things."""
        ...

    async def open(self) -> None:
        """Connect and prepare. Raises StateUnavailable, StateTooNew."""
        ...

    async def aclose(self) -> None: ...

    async def check(self) -> str:
        """One line on what this is and that it answers; raises StateUnavailable."""
        ...
