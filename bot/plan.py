"""What to do with what waits in a mailbox: a pure function from events to a plan."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.answers import Asked
from bot.model import (
    Action,
    Deleted,
    Delivery,
    Edited,
    Event,
    Message,
    Pressed,
    Replied,
    Said,
    Stopped,
)
from bot.state.base import Waiting, Work


class Kind(StrEnum):
    """What a plan is about."""

    QUESTION = "question"
    COMMAND = "command"
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"
    EVENT = "event"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Plan:
    """The next thing to do in a conversation.

    `covers` are the keys of the events that are done with once this is done; `message`
    is what is asked, with the texts of a burst joined and the newest edit applied;
    `asked` are the messages of that burst.
    """

    kind: Kind
    covers: tuple[str, ...]
    message: Message | None = None
    event: Event | None = None
    asked: tuple[Asked, ...] = ()

    @property
    def locale(self) -> str:
        """Of who asked, if they did."""
        return self.message.locale if self.message else ""


def make_plan(
    work: Work,
    is_command: Callable[[str], bool],
    is_due: Callable[[Message], bool] = lambda message: True,
) -> Plan | None:
    """The plan for what waits first; None when nothing waits.

    With a delivery under way the plan is about the events which that covers, whatever
    came in since: only an edit, a delete or a stop changes it. A question that is not
    due is left for later, and what is due overtakes it.
    """
    if not work.waiting:
        return None
    if work.delivery is not None:
        covered = set(work.delivery.covers)
        begun = [entry for entry in work.waiting if entry.event.key in covered]
        if begun:
            return _plan(begun, work.waiting, is_command, begun=True)
    return _first_due(work.waiting, is_command, is_due)


def begun(work: Work, plan: Plan) -> Delivery | None:
    """The delivery that an earlier attempt at this plan began.

    Not just any that is open: what it covers may have been erased meanwhile.
    """
    delivery = work.delivery
    if delivery is None or not set(delivery.covers) & set(plan.covers):
        return None
    return delivery


def starts(work: Work, plan: Plan) -> int:
    """How often an answer to this plan was begun."""
    return max((e.starts for e in _covered(work, plan)), default=0)


def failures(work: Work, plan: Plan) -> int:
    """How many attempts at this plan failed."""
    return max((e.failures for e in _covered(work, plan)), default=0)


def _covered(work: Work, plan: Plan) -> list[Waiting]:
    return [entry for entry in work.waiting if entry.event.key in plan.covers]


def same(plan: Plan, other: Plan | None) -> bool:
    """Whether what is being done for `plan` will do for `other` too."""
    return (
        other is not None
        and plan.kind is other.kind
        and plan.covers == other.covers
        and (plan.message and plan.message.text)
        == (other.message and other.message.text)
    )


def _first_due(
    waiting: Sequence[Waiting],
    is_command: Callable[[str], bool],
    is_due: Callable[[Message], bool],
) -> Plan:
    """The plan for the first that is due, or that is not to be answered any more."""
    left: set[str] = set()
    for place, entry in enumerate(waiting):
        event = entry.event
        if isinstance(event, Said) and not is_due(event.message):
            plan = _plan([entry], waiting, is_command)
            if plan.kind in (Kind.STOPPED, Kind.WITHDRAWN):
                return plan
            left.add(event.message.id)
        elif _about(event) not in left:
            return _plan(_first(waiting[place:], is_command), waiting, is_command)
    return Plan(Kind.WAITING, ())


def _about(event: Event) -> str | None:
    """The message that an event changes something about."""
    match event:
        case Edited(message):
            return message.id
        case Deleted() | Replied():
            return event.message_id
    return None


def _first(
    waiting: Sequence[Waiting], is_command: Callable[[str], bool]
) -> Sequence[Waiting]:
    """The events that are taken together: one, or a burst of one author's questions."""
    head = waiting[0].event
    if not isinstance(head, Said) or is_command(head.message.text):
        return waiting[:1]
    burst = [waiting[0]]
    for entry in waiting[1:]:
        event = entry.event
        if isinstance(event, Edited | Deleted):
            continue
        if (
            not isinstance(event, Said)
            or event.message.author.id != head.message.author.id
            or event.message.reply_token
            or is_command(event.message.text)
        ):
            break
        burst.append(entry)
    return burst


def _plan(
    taken: Sequence[Waiting],
    waiting: Sequence[Waiting],
    is_command: Callable[[str], bool],
    *,
    begun: bool = False,
) -> Plan:
    head = taken[0].event
    if isinstance(head, Pressed) and head.action is Action.RETRY:
        return _again(head, waiting)
    if not isinstance(head, Said | Edited):
        return Plan(Kind.EVENT, (head.key,), event=head)
    asked = {
        entry.event.message.id: entry.event.message
        for entry in taken
        if isinstance(entry.event, Said | Edited)
    }
    covers = [entry.event.key for entry in taken]
    for entry in taken:
        # An attempt before this one had already left out what was deleted.
        if isinstance(entry.event, Deleted):
            asked.pop(entry.event.message_id, None)
    stopped, withdrawn = _apply_later(asked, covers, taken, waiting, begun=begun)
    first = head.message
    if asked and not begun:
        # What is answered is a message that is there, and not a deleted one.
        first = next(iter(asked.values()))
    if stopped:
        return Plan(Kind.STOPPED, tuple(covers), message=first)
    if withdrawn:
        return Plan(Kind.WITHDRAWN, tuple(covers), message=first)
    text = "\n".join(message.text for message in asked.values())
    files = tuple(file for message in asked.values() for file in message.attachments)
    message = replace(first, text=text, attachments=files)
    kind = Kind.COMMAND if is_command(text) else Kind.QUESTION
    event = head if isinstance(head, Edited) else None
    parts = tuple(Asked(message.id, message.text) for message in asked.values())
    return Plan(kind, tuple(covers), message=message, event=event, asked=parts)


def _again(pressed: Pressed, waiting: Sequence[Waiting]) -> Plan:
    """An answer is wanted once more; like any other it may be stopped."""
    for entry in waiting:
        if isinstance(entry.event, Stopped):
            covers = (pressed.key, entry.event.key)
            return Plan(Kind.STOPPED, covers, event=pressed)
    return Plan(Kind.EVENT, (pressed.key,), event=pressed)


def _apply_later(
    asked: dict[str, Message],
    covers: list[str],
    taken: Sequence[Waiting],
    waiting: Sequence[Waiting],
    *,
    begun: bool,
) -> tuple[bool, bool]:
    """Apply what came in after the events taken; whether all is stopped, withdrawn."""
    stopped = False
    start = waiting.index(taken[0])
    for entry in waiting[start:]:
        event = entry.event
        if event.key in covers:
            continue
        if isinstance(event, Stopped):
            stopped = True
            covers.append(event.key)
            break
        if isinstance(event, Edited) and event.message.id in asked:
            before = asked[event.message.id]
            asked[event.message.id] = replace(
                before, text=event.message.text, edited=True
            )
            covers.append(event.key)
        elif (gone := _settled(event, asked, begun=begun)) is not None:
            del asked[gone]
            covers.append(event.key)
    if stopped:
        # A stop also drops what waited before it.
        for entry in waiting[start:]:
            if isinstance(entry.event, Stopped):
                break
            if entry.event.key not in covers and isinstance(entry.event, Said | Edited):
                covers.append(entry.event.key)
    return stopped, not asked


def _settled(event: Event, asked: dict[str, Message], *, begun: bool) -> str | None:
    """The message that is not to be answered any more: it was deleted, or, where we
    were not asked ourselves, a person answered it before we began."""
    match event:
        case Deleted(_, message_id) if message_id in asked:
            return message_id
        case Replied(_, author, message_id) if message_id in asked and not begun:
            message = asked[message_id]
            if not message.direct and message.author.id != author.id:
                return message_id
    return None
