"""The answers that the handling of a conversation sends, one at a time."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from bot.desk import Desk
from bot.model import (
    Announced,
    Answer,
    ConversationId,
    Delivery,
    SentPart,
    answer_id,
)
from bot.outgoing import Ledger, Outgoing
from bot.plan import Plan, begun
from bot.question import Question
from bot.state.base import Claim, Work


class Sending:
    """Opens deliveries, so that an answer goes on in the messages that are there."""

    def __init__(
        self, desk: Desk, claim: Claim, guard: Callable[[], Awaitable[None]]
    ) -> None:
        """`guard` is a Ledger's."""
        self.outgoing: Outgoing | None = None
        self._desk = desk
        self._claim = claim
        self._guard = guard

    def open(self, delivery: Delivery, *, fresh: bool) -> Outgoing:
        """Get ready to send; see Outgoing for `fresh`."""
        former = self.outgoing
        if former is not None and former.delivery.answer_id == delivery.answer_id:
            # After an edit the answer grows anew in the messages that are there.
            delivery, fresh = former.delivery, False
        record = partial(self._desk.state.inbox.record, self._claim)
        ledger = Ledger(record, self._guard, self._desk.settings.lease_seconds / 2)
        adapter = self._desk.adapter(delivery.conversation.platform)
        self.outgoing = Outgoing(adapter, ledger, delivery, fresh=fresh)
        return self.outgoing

    async def delivery(
        self, work: Work, plan: Plan, question: Question
    ) -> tuple[Delivery | None, bool]:
        """The delivery for a question, and whether nothing of it was ever sent.

        None for the edit of a message that we never answered.
        """
        if (before := begun(work, plan)) is not None:
            return before, False
        message = question.message
        key = answer_id(message.conversation, message.id)
        if question.before is not None:
            key = question.before.id
        if question.again:
            return await self._former(key, plan), False
        new = _new(key, message.conversation, plan)
        question_id = message.anchor or message.id
        token = message.reply_token
        return replace(new, question_id=question_id, reply_token=token), True

    async def announce(self, work: Work, plan: Plan, announced: Announced) -> Delivery:
        """Post an announcement, or bring the one of its id up to date."""
        place = announced.conversation
        key = answer_id(place, f"announced:{announced.id}")
        delivery, fresh = begun(work, plan) or await self._former(key, plan), False
        if delivery is None:
            delivery, fresh = _new(key, place, plan), True
        await self._desk.state.inbox.begin(self._claim, delivery)
        answer = Answer(
            announced.text,
            complete=True,
            buttons=announced.buttons,
            mention=announced.mention,
        )
        done = await self.open(delivery, fresh=fresh).finish(answer)
        return replace(done, complete=True)

    async def rewrite(self, work: Work, plan: Plan, id: str, answer: Answer) -> None:
        """Write over an answer that stands already, if it does."""
        delivery = begun(work, plan) or await self._former(id, plan)
        if delivery is None or not delivery.parts:
            return
        await self._desk.state.inbox.begin(self._claim, delivery)
        await self.open(delivery, fresh=False).finish(answer)

    async def withdraw(self, delivery: Delivery) -> None:
        """Take an answer off its platform."""
        await self.open(delivery, fresh=False).withdraw()

    async def aclose(self) -> None:
        """End what is being sent without beginning another write."""
        if self.outgoing is not None:
            await self.outgoing.aclose()

    async def _former(self, id: str, plan: Plan) -> Delivery | None:
        before = await self._desk.state.deliveries.get(id)
        return before and replace(before, covers=plan.covers, complete=False)


def _new(key: str, place: ConversationId, plan: Plan) -> Delivery:
    return Delivery(
        answer_id=key,
        conversation=place,
        covers=plan.covers,
        question_id="",
        parts=(SentPart(0),),
        begun_at=datetime.now(UTC),
    )
