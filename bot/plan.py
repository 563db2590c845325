"""What to do with what waits in a mailbox: a pure function from events to a plan."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.model import Deleted, Edited, Event, Message, Said, Stopped
from bot.state.base import Waiting, Work


class Kind(StrEnum):
    """What a plan is about."""

    QUESTION = "question"
    COMMAND = "command"
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Plan:
    """The next thing to do in a conversation.

    `covers` are the keys of the events that are done with once this is done; `message`
    is what is asked, with the texts of a burst joined and the newest edit applied.
    """

    kind: Kind
    covers: tuple[str, ...]
    message: Message | None = None
    event: Event | None = None


def make_plan(work: Work, is_command: Callable[[str], bool]) -> Plan | None:
    """The plan for what waits first; None when nothing waits.

    With a delivery under way the plan is about the events which that covers, whatever
    came in since: only an edit, a delete or a stop changes it.
    """
    if not work.waiting:
        return None
    if work.delivery is not None:
        covered = set(work.delivery.covers)
        begun = [entry for entry in work.waiting if entry.event.key in covered]
        if begun:
            return _plan(begun, work.waiting, is_command, begun=True)
    return _plan(_first(work.waiting, is_command), work.waiting, is_command)


def same(plan: Plan, other: Plan | None) -> bool:
    """Whether what is being done for `plan` will do for `other` too."""
    return (
        other is not None
        and plan.kind is other.kind
        and plan.covers == other.covers
        and (plan.message and plan.message.text)
        == (other.message and other.message.text)
    )


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
    stopped, withdrawn = _apply_later(asked, covers, taken, waiting)
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
    return Plan(kind, tuple(covers), message=message, event=event)


def _apply_later(
    asked: dict[str, Message],
    covers: list[str],
    taken: Sequence[Waiting],
    waiting: Sequence[Waiting],
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
        elif isinstance(event, Deleted) and event.message_id in asked:
            del asked[event.message_id]
            covers.append(event.key)
    if stopped:
        # A stop also drops what waited before it.
        for entry in waiting[start:]:
            if isinstance(entry.event, Stopped):
                break
            if entry.event.key not in covers and isinstance(entry.event, Said | Edited):
                covers.append(entry.event.key)
    return stopped, not asked
