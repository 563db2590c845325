"""What is done with one claimed conversation, from the first event to the release."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from backends.base import EndReason
from bot import tasks
from bot.admin import is_command
from bot.answering import Answered
from bot.answers import KeptAnswer
from bot.desk import Desk
from bot.errors import ClaimLost, StateUnavailable
from bot.failing import Failing
from bot.keeping import Keeping
from bot.model import (
    Announced,
    Answer,
    Deleted,
    Delivery,
    Edited,
    Message,
    Pressed,
    Said,
)
from bot.noting import Noting
from bot.place_settings import PlaceSettings
from bot.plan import Kind, Plan, begun, make_plan, same, starts
from bot.question import Question, to_question
from bot.sending import Sending
from bot.state.base import Claim, Work
from bot.words import say, speaking

log = logging.getLogger(__name__)

ELSEWHERE_SECONDS = 0.5
"""How long a conversation is left to processes that speak its platform."""

CANCEL_SECONDS = 5.0
"""How long an attempt that is cancelled may take to end; some backends never do."""

LOOK_AGAIN_SECONDS = 2.0
"""While a question is left to people, somebody may ask us beside it."""


class Handling:
    """Works through the first plan of a claimed conversation, then lets it go."""

    def __init__(
        self,
        desk: Desk,
        work: Work,
        *,
        guard: Callable[[], Awaitable[None]],
        later: Callable[[Awaitable[None]], None],
    ) -> None:
        """`guard` is a Ledger's; `later` takes a chore that nobody waits for."""
        self._desk = desk
        self._later = later
        self._work = work
        self._place = PlaceSettings()
        self._sending = Sending(desk, work.claim, guard)
        self._keeping = Keeping(desk)
        self._failing = Failing(desk, self._sending)
        self._gathered = False
        self.changed = asyncio.Event()
        """Set it when a stop, an edit or a delete came in for this conversation."""

    @property
    def claim(self) -> Claim:
        return self._work.claim

    async def run(self) -> None:
        """Do what is to be done. Only ClaimLost and StateUnavailable come out."""
        platform = self.claim.conversation.platform
        if platform not in self._desk.adapters:
            _warn_of_platform(platform)
            await self._desk.state.inbox.postpone(
                self.claim, (), delay=ELSEWHERE_SECONDS, reason="platform not here"
            )
            return
        self._place = await self._desk.places.of(self.claim.conversation)
        try:
            while (plan := self._plan(self._work)) is not None:
                with speaking(self._place.language or plan.locale):
                    if await self._do_unless_replanned(plan):
                        return
            await self._desk.state.inbox.finish(self.claim, ())
        finally:
            await self._sending.aclose()

    def _plan(self, work: Work) -> Plan | None:
        return make_plan(work, is_command, lambda message: self._left(message) <= 0)

    def _left(self, message: Message) -> float:
        """How long a question is still left to people, where we were not asked."""
        wait = self._place.wait_for_humans_seconds
        return 0 if message.direct or not wait else wait - _age(message)

    async def _do_unless_replanned(self, plan: Plan) -> bool:
        """Carry a plan out; False when later events made it another plan."""
        doing = asyncio.create_task(self._attempt(plan), name="attempt")
        doing.add_done_callback(tasks.retrieve)
        try:
            await self._done_or_replanned(doing, plan)
        finally:
            if not doing.done():
                await self._end(doing)
        if doing.done() and not doing.cancelled():
            return doing.result()
        # The last that it did may have been to let the conversation go.
        self._work = await self._desk.state.inbox.reread(self.claim)
        return False

    async def _done_or_replanned(self, doing: asyncio.Task[bool], plan: Plan) -> None:
        while not doing.done():
            await tasks.done_or_set(doing, self.changed)
            if doing.done():
                return
            self.changed.clear()
            work = await self._desk.state.inbox.reread(self.claim)
            if not same(plan, self._plan(work)):
                return

    async def _end(self, doing: asyncio.Task[bool]) -> None:
        """Cancel an attempt; one that does not heed it can write nothing more."""
        doing.cancel()
        await self._sending.aclose()
        await asyncio.wait({doing}, timeout=CANCEL_SECONDS)
        if not doing.done():
            log.error("what answers in %s does not stop", self.claim.conversation)

    async def _attempt(self, plan: Plan) -> bool:
        """One attempt at a plan; False when it is to be made anew."""
        try:
            return await self._do(plan)
        except (ClaimLost, StateUnavailable):
            raise
        except Exception as error:  # a bug must not lose a question
            await self._failing.went_wrong(self._work, plan, error)
        return True

    async def _do(self, plan: Plan) -> bool:
        match plan.kind:
            case Kind.WAITING:
                await self._leave_to_people()
            case Kind.EVENT:
                await self._take_event(plan)
            case Kind.STOPPED | Kind.WITHDRAWN:
                await self._end_early(plan)
            case Kind.COMMAND | Kind.QUESTION if plan.message is not None:
                if await self._gathering(plan.message):
                    return False
                question = await to_question(self._desk.answers, plan)
                assert question is not None
                await self._answer(plan, question)
        return True

    async def _leave_to_people(self) -> None:
        """Come back when the first of the waiting questions is due, or to look."""
        left = [
            self._left(entry.event.message)
            for entry in self._work.waiting
            if isinstance(entry.event, Said)
        ]
        await self._desk.state.inbox.postpone(
            self.claim,
            (),
            delay=min([LOOK_AGAIN_SECONDS, *(each for each in left if each > 0)]),
            reason="left to people",
        )

    async def _take_event(self, plan: Plan) -> None:
        question = await to_question(self._desk.answers, plan)
        if question is not None:
            await self._answer(plan, question)
            return
        done = None
        if isinstance(plan.event, Announced):
            done = await self._sending.announce(self._work, plan, plan.event)
        else:
            noting = Noting(self._desk, self._sending, self._keeping)
            await noting.take(self._work, plan)
        await self._desk.state.inbox.finish(self.claim, plan.covers, done)

    async def _gathering(self, message: Message) -> bool:
        """Pause for the rest of a burst; whether something may have come in."""
        burst = self._desk.settings.burst_seconds
        if self._gathered or self._work.delivery is not None or not burst:
            return False
        age = _age(message)
        if age >= burst:
            return False
        # A platform's clock may be ahead of ours.
        await asyncio.sleep(min(burst, burst - age))
        self._gathered = True
        self._work = await self._desk.state.inbox.reread(self.claim)
        return True

    async def _answer(self, plan: Plan, question: Question) -> None:
        delivery, fresh = await self._sending.delivery(self._work, plan, question)
        if delivery is None:
            await self._desk.state.inbox.finish(self.claim, plan.covers)
            return
        if starts(self._work, plan) >= self._desk.settings.max_starts:
            reason = "its worker died too often"
            await self._failing.give_up(self._work, plan, reason, say("apology"))
            return
        await self._desk.state.inbox.begin(self.claim, delivery)
        outgoing = self._sending.open(delivery, fresh=fresh)
        if plan.kind is Kind.COMMAND:
            words = await self._desk.admin.run(question.message)
            if question.again:
                await self._keeping.forget(question)
            done = await outgoing.finish(Answer(words or "", complete=True))
            await self._desk.state.inbox.finish(self.claim, plan.covers, done)
            return
        answered = await self._desk.answerer.answer(question.message, outgoing)
        # What is kept takes its time to be written; a quick answer is one message.
        outgoing.hold()
        kept, answer = None, answered.answer
        if answered.profile and not outgoing.gone:
            kept = await self._keeping.keep(question, answered, delivery.answer_id)
        if kept is not None:
            answer = await self._keeping.with_buttons(kept, answer)
        done = await outgoing.finish(answer)
        if kept is not None and not outgoing.gone:
            await self._remember(plan, question, answered, kept)
        elif question.again or kept is not None:
            await self._keeping.forget(question, kept)
        await self._desk.state.inbox.finish(
            self.claim, plan.covers, replace(done, complete=True)
        )
        if answered.profile:
            conversation = question.message.conversation
            chore = self._desk.answerer.condense(conversation, answered.profile)
            self._later(chore)

    async def _remember(
        self, plan: Plan, question: Question, answered: Answered, kept: KeptAnswer
    ) -> None:
        """Keep a turn, unless the person had everything erased meanwhile."""
        await self._keeping.remember(question, answered, kept)
        # Looked at afterwards: `forget me` erases the box first, then the rest.
        work = await self._desk.state.inbox.reread(self.claim)
        there = {
            e.event.key
            for e in work.waiting
            if isinstance(e.event, Said | Edited | Pressed)
        }
        deleted = isinstance(plan.event, Deleted)  # that one is nobody's
        if there.isdisjoint(plan.covers) and not deleted:
            await self._keeping.forget(question, kept)

    async def _end_early(self, plan: Plan) -> None:
        """A question was stopped or withdrawn: tidy up what was shown of it."""
        message, delivery = plan.message, begun(self._work, plan)
        if plan.kind is Kind.WITHDRAWN and delivery is None and message is not None:
            # Nothing is under way; an answer from before an edit may stand there.
            gone = Deleted(message.conversation, message.id)
            await self._take_event(replace(plan, kind=Kind.EVENT, event=gone))
            return
        question, done = await to_question(self._desk.answers, plan), None
        if question is not None and message is not None:
            # Only an edited question has a turn and an answer from before.
            await self._keeping.forget(question)
        if delivery is not None and plan.kind is Kind.WITHDRAWN:
            done = await self._sending.open(delivery, fresh=False).withdraw()
        elif delivery is not None:
            done = await self._stop(delivery, question)
        await self._desk.state.inbox.finish(self.claim, plan.covers, done)

    async def _stop(self, delivery: Delivery, question: Question | None) -> Delivery:
        """Leave what was said so far, or else what had been said before."""
        former = self._sending.outgoing
        latest = former.latest if former else Answer("")
        answer = replace(latest, notice=say("stopped"), complete=True, buttons=())
        outgoing = self._sending.open(delivery, fresh=False)
        before = question.before if question else None
        if before is not None and not latest.text:
            answer = await self._keeping.restored(before)
        elif question is not None:
            cut = Answered(latest, reason=EndReason.STOPPED)
            kept = await self._keeping.keep(question, cut, delivery.answer_id)
            if kept is not None:
                answer = await self._keeping.with_buttons(kept, answer)
        return await outgoing.finish(answer)


def _age(message: Message) -> float:
    return (datetime.now(UTC) - message.sent_at).total_seconds()


@cache
def _warn_of_platform(platform: str) -> None:
    """Once: with a process for each platform over one Redis it happens all the time."""
    log.warning("%s is not configured here; its questions are left to others", platform)
