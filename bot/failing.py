"""What becomes of a plan that failed: tried again, or given up with a word."""

import logging

from backends.base import BackendUnavailable
from bot.desk import Desk
from bot.errors import (
    ClaimLost,
    DeliveryError,
    DeliveryImpossible,
    DeliveryLater,
    StateUnavailable,
)
from bot.keeping import Keeping
from bot.model import Answer
from bot.plan import Kind, Plan, failures, starts
from bot.question import Question, to_question
from bot.sending import Sending
from bot.state.base import Work
from bot.words import say

log = logging.getLogger(__name__)

LONGEST_PAUSE = 6
"""Doublings of `retry_seconds` while a platform is away: two minutes by default."""


class Failing:
    """Postpones, apologises, buries."""

    def __init__(self, desk: Desk, sending: Sending) -> None:
        self._desk = desk
        self._sending = sending

    async def went_wrong(self, work: Work, plan: Plan, error: Exception) -> None:
        """Do what an error asks for. Raises ClaimLost, StateUnavailable."""
        # What still streams must not write over the apology, nor beside it.
        await self._sending.aclose()
        where = work.claim.conversation
        if isinstance(error, DeliveryImpossible):
            log.error("%s: %s", where, error)
            await self._bury(work, plan, str(error))
            return
        if isinstance(error, BackendUnavailable | DeliveryError):
            log.warning("%s: %s", where, error)
        else:
            log.error("answering in %s", where, exc_info=error)
        await self._failed(work, plan, error)

    async def _failed(self, work: Work, plan: Plan, error: Exception) -> None:
        """Try again later, or give up with an apology."""
        reason = f"{type(error).__name__}: {error}"
        settings = self._desk.settings
        asked_for = 0.0
        if isinstance(error, DeliveryLater):
            if plan.kind in (Kind.QUESTION, Kind.COMMAND):
                await self._wait(work, plan, error)
                return
            asked_for = error.retry_after
        before = failures(work, plan)
        if before + 1 >= settings.attempts:
            down = isinstance(error, BackendUnavailable)
            words = say("backend_down" if down else "apology")
            await self.give_up(work, plan, reason, words)
            return
        await self._desk.state.inbox.postpone(
            work.claim,
            plan.covers,
            delay=max(settings.retry_seconds * 2**before, asked_for),
            reason=reason,
        )

    async def _wait(self, work: Work, plan: Plan, error: DeliveryLater) -> None:
        """A platform's pause is an order, and its outage is nobody's failure.

        It is not counted: an apology could not be delivered either. What never comes
        through is given up by its number of starts.
        """
        again = max(0, starts(work, plan))
        pause = self._desk.settings.retry_seconds * 2 ** min(again, LONGEST_PAUSE)
        await self._desk.state.inbox.postpone(
            work.claim, (), delay=max(pause, error.retry_after), reason=str(error)
        )

    async def give_up(self, work: Work, plan: Plan, reason: str, words: str) -> None:
        """Tell the person plainly, keep the question among the dead letters."""
        if plan.kind in (Kind.QUESTION, Kind.COMMAND, Kind.EVENT):
            try:
                question = await to_question(self._desk.answers, plan)
                if question is not None:
                    await self._apologise(work, plan, question, words)
            except (ClaimLost, StateUnavailable):
                raise
            except Exception as error:  # what fails here would fail for ever
                where = work.claim.conversation
                log.error("no apology in %s", where, exc_info=error)
        await self._bury(work, plan, reason)

    async def _apologise(
        self, work: Work, plan: Plan, question: Question, words: str
    ) -> None:
        delivery, fresh = await self._sending.delivery(work, plan, question)
        if delivery is None:
            return
        if self._sending.outgoing is None:
            await self._desk.state.inbox.begin(work.claim, delivery)
        answer = Answer(words, complete=True)
        if question.before is not None and plan.kind is Kind.EVENT:
            # Another try failed; what was said before is better than nothing.
            keeping = Keeping(self._desk)
            answer = await keeping.restored(question.before, say("not_again"))
        await self._sending.open(delivery, fresh=fresh).finish(answer)

    async def _bury(self, work: Work, plan: Plan, reason: str) -> None:
        outgoing = self._sending.outgoing
        delivery = outgoing.delivery if outgoing else None
        await self._desk.state.inbox.bury(work.claim, plan.covers, reason, delivery)
