"""What is done with one claimed conversation, from the first event to the release."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial

from backends.base import BackendUnavailable
from bot import tasks
from bot.admin import is_command
from bot.answering import Answered
from bot.desk import Desk
from bot.errors import (
    ClaimLost,
    DeliveryError,
    DeliveryImpossible,
    DeliveryLater,
    StateUnavailable,
)
from bot.model import (
    Answer,
    Delivery,
    Edited,
    Message,
    Said,
    SentPart,
    answer_id,
)
from bot.noting import take_note
from bot.outgoing import Ledger, Outgoing
from bot.plan import Kind, Plan, make_plan, same
from bot.state.base import Claim, Work
from bot.words import say

log = logging.getLogger(__name__)

ELSEWHERE_SECONDS = 0.5
"""How long a conversation is left to processes that speak its platform."""

CANCEL_SECONDS = 5.0
"""How long an attempt that is cancelled may take to end; some backends never do."""


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
        self._guard = guard
        self._outgoing: Outgoing | None = None
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
        try:
            while (plan := make_plan(self._work, is_command)) is not None:
                if await self._do_unless_replanned(plan):
                    return
            await self._desk.state.inbox.finish(self.claim, ())
        finally:
            if self._outgoing is not None:
                await self._outgoing.aclose()

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
            if not same(plan, make_plan(work, is_command)):
                return

    async def _end(self, doing: asyncio.Task[bool]) -> None:
        """Cancel an attempt; one that does not heed it can write nothing more."""
        doing.cancel()
        if self._outgoing is not None:
            await self._outgoing.aclose()
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
            await self._went_wrong(plan, error)
        return True

    async def _went_wrong(self, plan: Plan, error: Exception) -> None:
        if self._outgoing is not None:
            # What still streams must not write over the apology, nor beside it.
            await self._outgoing.aclose()
        if isinstance(error, DeliveryImpossible):
            log.error("%s: %s", self.claim.conversation, error)
            await self._bury(plan, str(error))
            return
        if isinstance(error, BackendUnavailable | DeliveryError):
            log.warning("%s: %s", self.claim.conversation, error)
        else:
            log.error("answering in %s", self.claim.conversation, exc_info=error)
        await self._failed(plan, error)

    async def _do(self, plan: Plan) -> bool:
        match plan.kind:
            case Kind.EVENT:
                await take_note(self._desk.state, plan.event, self._withdraw)
                await self._desk.state.inbox.finish(self.claim, plan.covers)
            case Kind.STOPPED | Kind.WITHDRAWN:
                await self._end_early(plan)
            case Kind.COMMAND | Kind.QUESTION if plan.message is not None:
                if await self._gathering(plan.message):
                    return False
                await self._answer(plan, plan.message)
        return True

    async def _gathering(self, message: Message) -> bool:
        """Pause for the rest of a burst; whether something may have come in."""
        burst = self._desk.settings.burst_seconds
        if self._gathered or self._work.delivery is not None or not burst:
            return False
        age = (datetime.now(UTC) - message.sent_at).total_seconds()
        if age >= burst:
            return False
        # A platform's clock may be ahead of ours.
        await asyncio.sleep(min(burst, burst - age))
        self._gathered = True
        self._work = await self._desk.state.inbox.reread(self.claim)
        return True

    async def _answer(self, plan: Plan, message: Message) -> None:
        delivery, fresh = await self._delivery(plan, message)
        if delivery is None:
            await self._desk.state.inbox.finish(self.claim, plan.covers)
            return
        if self._starts(plan) >= self._desk.settings.max_starts:
            await self._give_up(plan, "its worker died too often", say("apology"))
            return
        await self._desk.state.inbox.begin(self.claim, delivery)
        outgoing = self._open(delivery, fresh=fresh)
        if plan.kind is Kind.COMMAND:
            words = await self._desk.admin.run(message)
            if isinstance(plan.event, Edited):
                await self._forget_turn(message)
            done = await outgoing.finish(Answer(words or "", complete=True))
            await self._desk.state.inbox.finish(self.claim, plan.covers, done)
            return
        answered = await self._desk.answerer.answer(message, outgoing)
        done = await outgoing.finish(answered.answer)
        if answered.profile and not outgoing.gone:
            await self._remember(plan, message, answered)
        elif isinstance(plan.event, Edited):
            await self._forget_turn(message)
        await self._desk.state.inbox.finish(
            self.claim, plan.covers, replace(done, complete=True)
        )
        if answered.profile:
            chore = self._desk.answerer.condense(message.conversation, answered.profile)
            self._later(chore)

    async def _remember(self, plan: Plan, message: Message, answered: Answered) -> None:
        """Keep a turn, unless the person had everything erased meanwhile."""
        await self._desk.answerer.remember(message, answered)
        # Looked at afterwards: `forget me` erases the box first, then memory.
        work = await self._desk.state.inbox.reread(self.claim)
        there = {
            e.event.key for e in work.waiting if isinstance(e.event, Said | Edited)
        }
        if there.isdisjoint(plan.covers):
            await self._forget_turn(message)

    async def _forget_turn(self, message: Message) -> None:
        """What is remembered of a message is not what stands there any more."""
        await self._desk.state.memory.drop(message.conversation, message.id)

    def _begun(self, plan: Plan) -> Delivery | None:
        """The delivery that an earlier attempt at this plan began.

        Not just any that is open: what it covers may have been erased meanwhile.
        """
        begun = self._work.delivery
        if begun is None or not set(begun.covers) & set(plan.covers):
            return None
        return begun

    async def _delivery(
        self, plan: Plan, message: Message
    ) -> tuple[Delivery | None, bool]:
        """The delivery for a plan, and whether nothing of it was ever sent.

        None for the edit of a message that we never answered.
        """
        if (begun := self._begun(plan)) is not None:
            return begun, False
        key = answer_id(message.conversation, message.id)
        if isinstance(plan.event, Edited):
            before = await self._desk.state.deliveries.get(key)
            if before is None:
                return None, False
            return replace(before, covers=plan.covers, complete=False), False
        delivery = Delivery(
            answer_id=key,
            conversation=message.conversation,
            covers=plan.covers,
            question_id=message.id,
            reply_token=message.reply_token,
            parts=(SentPart(0),),
        )
        return delivery, True

    def _open(self, delivery: Delivery, *, fresh: bool) -> Outgoing:
        former = self._outgoing
        if former is not None and former.delivery.answer_id == delivery.answer_id:
            # After an edit the answer grows anew in the messages that are there.
            delivery, fresh = former.delivery, False
        record = partial(self._desk.state.inbox.record, self.claim)
        ledger = Ledger(record, self._guard, self._desk.settings.lease_seconds / 2)
        adapter = self._desk.adapter(delivery.conversation.platform)
        self._outgoing = Outgoing(adapter, ledger, delivery, fresh=fresh)
        return self._outgoing

    async def _end_early(self, plan: Plan) -> None:
        """A question was stopped or withdrawn: tidy up what was shown of it."""
        message = plan.message
        delivery, done = self._begun(plan), None
        if message is not None:
            # Only an edited question has a turn and an answer from before.
            await self._forget_turn(message)
            if delivery is None and plan.kind is Kind.WITHDRAWN:
                key = answer_id(message.conversation, message.id)
                delivery = await self._desk.state.deliveries.get(key)
        if delivery is not None:
            shown = self._outgoing.latest if self._outgoing else Answer("")
            outgoing = self._open(delivery, fresh=False)
            if plan.kind is Kind.WITHDRAWN:
                done = await outgoing.withdraw()
            else:
                done = await outgoing.finish(
                    replace(shown, notice=say("stopped"), complete=True)
                )
        await self._desk.state.inbox.finish(self.claim, plan.covers, done)

    async def _withdraw(self, delivery: Delivery) -> None:
        await self._open(delivery, fresh=False).withdraw()

    def _starts(self, plan: Plan) -> int:
        return max(
            (e.starts for e in self._work.waiting if e.event.key in plan.covers),
            default=0,
        )

    async def _failed(self, plan: Plan, error: Exception) -> None:
        """Try again later, or give up with an apology."""
        reason = f"{type(error).__name__}: {error}"
        settings = self._desk.settings
        # A platform's pause is an order. A busy model is tried again soon all the same:
        # somebody waits, and at the end there is an honest word.
        asked_for = error.retry_after if isinstance(error, DeliveryLater) else 0.0
        failures = max(
            (e.failures for e in self._work.waiting if e.event.key in plan.covers),
            default=0,
        )
        if failures + 1 >= settings.attempts:
            down = isinstance(error, BackendUnavailable)
            await self._give_up(
                plan, reason, say("backend_down" if down else "apology")
            )
            return
        await self._desk.state.inbox.postpone(
            self.claim,
            plan.covers,
            delay=max(settings.retry_seconds * 2**failures, asked_for),
            reason=reason,
        )

    async def _give_up(self, plan: Plan, reason: str, words: str) -> None:
        """Tell the person plainly, keep the question among the dead letters."""
        if plan.message is not None and plan.kind in (Kind.QUESTION, Kind.COMMAND):
            try:
                delivery, fresh = await self._delivery(plan, plan.message)
                if delivery is not None:
                    if self._outgoing is None:
                        await self._desk.state.inbox.begin(self.claim, delivery)
                    outgoing = self._open(delivery, fresh=fresh)
                    await outgoing.finish(Answer(words, complete=True))
            except (ClaimLost, StateUnavailable):
                raise
            except Exception as error:  # what fails here would fail for ever
                log.error("no apology in %s", self.claim.conversation, exc_info=error)
        await self._bury(plan, reason)

    async def _bury(self, plan: Plan, reason: str) -> None:
        delivery = self._outgoing.delivery if self._outgoing else None
        await self._desk.state.inbox.bury(self.claim, plan.covers, reason, delivery)


@cache
def _warn_of_platform(platform: str) -> None:
    """Once: with a process for each platform over one Redis it happens all the time."""
    log.warning("%s is not configured here; its questions are left to others", platform)
