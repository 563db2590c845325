"""What is to be answered: a new question, or one that is answered once more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.answers import Answers, Asked, KeptAnswer
from bot.model import Action, Deleted, Edited, Message, Pressed
from bot.plan import Plan


@dataclass(frozen=True, slots=True)
class Question:
    """A question; `asked` are its messages, `before` is the answer that it had."""

    message: Message
    asked: tuple[Asked, ...]
    again: bool = False
    before: KeptAnswer | None = None


async def to_question(answers: Answers, plan: Plan) -> Question | None:
    """The question that a plan is about; None when there is nothing to answer."""
    match plan.event:
        case Deleted(conversation, message_id):
            before = await answers.of_question(conversation, message_id)
            if before is None or len(before.asked) == 1:
                return None
            left = [part for part in before.asked if part.message_id != message_id]
            return _anew(before, left)
        case Pressed(action=Action.RETRY, value=answer):
            before = await answers.get(answer)
            return None if before is None else _anew(before, before.asked)
    if plan.message is None:
        return None
    message = plan.message
    asked = plan.asked or (Asked(message.id, message.text),)
    if not isinstance(plan.event, Edited):
        return Question(message, asked)
    return await _edited(answers, message, asked)


async def _edited(
    answers: Answers, message: Message, asked: tuple[Asked, ...]
) -> Question:
    before = await answers.of_question(message.conversation, message.id)
    if before is None or len(before.asked) == 1:
        return Question(message, asked, again=True, before=before)
    texts = {part.message_id: part.text for part in asked}
    parts = [
        replace(part, text=texts.get(part.message_id, part.text))
        for part in before.asked
    ]
    found = _anew(before, parts)
    # Who and where are as fresh as the edit; only the text is that of all messages.
    fresh = replace(message, id=found.message.id, text=found.message.text)
    return replace(found, message=fresh)


def _anew(before: KeptAnswer, parts: Sequence[Asked]) -> Question:
    text = "\n".join(part.text for part in parts)
    message = replace(before.message(), id=parts[0].message_id, text=text)
    return Question(message, tuple(parts), again=True, before=before)
