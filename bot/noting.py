"""Events that want no answer: ratings, and messages that were deleted."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from bot.model import Deleted, Delivery, Event, Rated, answer_id
from bot.state.base import Rating, State

Withdraw = Callable[[Delivery], Awaitable[None]]


async def take_note(state: State, event: Event | None, withdraw: Withdraw) -> None:
    """Do what an event asks for; `withdraw` takes an answer off its platform."""
    if isinstance(event, Rated):
        await _rated(state, event)
    elif isinstance(event, Deleted):
        await _deleted(state, event, withdraw)


async def _rated(state: State, event: Rated) -> None:
    rated = await state.deliveries.of_message(event.conversation, event.message_id)
    if rated is None:
        return
    await state.feedback.rate(
        Rating(
            answer_id=rated.answer_id,
            platform=event.conversation.platform,
            author_id=event.author.id,
            verdict=event.verdict,
            at=datetime.now(UTC),
        )
    )


async def _deleted(state: State, event: Deleted, withdraw: Withdraw) -> None:
    """A question's answer goes with it; a deleted answer leaves memory."""
    mine = await state.deliveries.of_message(event.conversation, event.message_id)
    if mine is not None:
        await state.memory.drop(mine.conversation, mine.question_id)
        return
    key = answer_id(event.conversation, event.message_id)
    delivery = await state.deliveries.get(key)
    if delivery is None:
        return
    await state.memory.drop(delivery.conversation, event.message_id)
    await withdraw(delivery)
