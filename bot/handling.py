"""What is done with one claimed conversation, from the first event to the release."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from backends.base import BackendUnavailable
from bot.adapter import Adapter
from bot.admin import Admin, is_command
from bot.answering import Answerer
from bot.errors import (
    ClaimLost,
    DeliveryError,
    DeliveryImpossible,
    StateUnavailable,
)
from bot.model import (
    Answer,
    Deleted,
    Delivery,
    Edited,
    Event,
    Message,
    Rated,
    SentPart,
    answer_id,
)
from bot.outgoing import Ledger, Outgoing
from bot.plan import Kind, Plan, make_plan
from bot.settings import WorkerSettings
from bot.state.base import Claim, Rating, State, Work
from bot.words import say

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """What every handling needs: the same for all conversations of a worker."""

    state: State
    adapters: Mapping[str, Adapter]
    answerer: Answerer
    admin: Admin
    settings: WorkerSettings


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
        self.changed = asyncio.Event()
        """Set it when a stop, an edit or a delete came in for this conversation."""

    @property
    def claim(self) -> Claim:
        return self._work.claim

    async def run(self) -> None:
        """Do what is to be done. Only ClaimLost and StateUnavailable come out."""
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
        try:
            while not doing.done():
                await self._done_or_changed(doing)
                if self.changed.is_set() and not doing.done():
                    self.changed.clear()
                    work = await self._desk.state.inbox.reread(self.claim)
                    if _same(plan, make_plan(work, is_command)):
                        continue
                    self._work = work
                    return False
            return doing.result()
        finally:
            if not doing.done():
                doing.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await doing
                if self._outgoing is not None:
                    await self._outgoing.aclose()

    async def _done_or_changed(self, doing: asyncio.Task[bool]) -> None:
        changed = asyncio.create_task(self.changed.wait())
        try:
            await asyncio.wait({doing, changed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()

    async def _attempt(self, plan: Plan) -> bool:
        """One attempt at a plan; False when it is to be made anew."""
        try:
            return await self._do(plan)
        except (ClaimLost, StateUnavailable):
            raise
        except DeliveryImpossible as error:
            log.error("%s: %s", self.claim.conversation, error)
            await self._bury(plan, str(error))
        except (BackendUnavailable, DeliveryError) as error:
            log.warning("%s: %s", self.claim.conversation, error)
            await self._failed(plan, error)
        except Exception as error:
            # The one place where anything is caught: a bug must not lose a question.
            log.exception("answering in %s", self.claim.conversation)
            await self._failed(plan, error)
        return True

    async def _do(self, plan: Plan) -> bool:
        match plan.kind:
            case Kind.EVENT:
                await self._take_note(plan.event)
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
        if self._work.delivery is not None or not self._desk.settings.burst_seconds:
            return False
        age = (datetime.now(UTC) - message.sent_at).total_seconds()
        pause = self._desk.settings.burst_seconds - age
        if pause <= 0:
            return False
        await asyncio.sleep(pause)
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
            done = await outgoing.finish(Answer(words or "", complete=True))
            await self._desk.state.inbox.finish(self.claim, plan.covers, done)
            return
        answered = await self._desk.answerer.answer(message, outgoing)
        done = await outgoing.finish(answered.answer)
        if not outgoing.gone:
            await self._desk.answerer.remember(message, answered)
        await self._desk.state.inbox.finish(
            self.claim, plan.covers, replace(done, complete=True)
        )
        if answered.profile:
            chore = self._desk.answerer.condense(message.conversation, answered.profile)
            self._later(chore)

    async def _delivery(
        self, plan: Plan, message: Message
    ) -> tuple[Delivery | None, bool]:
        """The delivery for a plan, and whether nothing of it was ever sent.

        None for the edit of a message that we never answered.
        """
        if self._work.delivery is not None:
            return self._work.delivery, False
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
        if self._outgoing is not None:
            # After an edit the answer grows anew in the messages that are there.
            delivery, fresh = self._outgoing.delivery, False
        record = partial(self._desk.state.inbox.record, self.claim)
        ledger = Ledger(record, self._guard, self._desk.settings.lease_seconds / 2)
        adapter = self._adapter(delivery)
        self._outgoing = Outgoing(adapter, ledger, delivery, fresh=fresh)
        return self._outgoing

    def _adapter(self, delivery: Delivery) -> Adapter:
        platform = delivery.conversation.platform
        try:
            return self._desk.adapters[platform]
        except KeyError:
            raise DeliveryImpossible(
                f"no adapter for {platform!r} is configured in this process"
            ) from None

    async def _end_early(self, plan: Plan) -> None:
        """A question was stopped or withdrawn: tidy up what was shown of it."""
        delivery = self._work.delivery
        done = None
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

    async def _take_note(self, event: Event | None) -> None:
        """An event that wants no answer."""
        state = self._desk.state
        if isinstance(event, Rated):
            delivery = await state.deliveries.of_message(
                event.conversation, event.message_id
            )
            if delivery is not None:
                await state.feedback.rate(
                    Rating(
                        answer_id=delivery.answer_id,
                        platform=event.conversation.platform,
                        author_id=event.author.id,
                        verdict=event.verdict,
                        at=datetime.now(UTC),
                    )
                )
        elif isinstance(event, Deleted):
            await self._deleted(event)

    async def _deleted(self, event: Deleted) -> None:
        """A question's answer goes with it; a deleted answer leaves memory."""
        state = self._desk.state
        mine = await state.deliveries.of_message(event.conversation, event.message_id)
        if mine is not None:
            await state.memory.drop(mine.conversation, mine.question_id)
            return
        key = answer_id(event.conversation, event.message_id)
        delivery = await state.deliveries.get(key)
        if delivery is None:
            return
        await state.memory.drop(delivery.conversation, event.message_id)
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
            delay=settings.retry_seconds * 2**failures,
            reason=reason,
        )

    async def _give_up(self, plan: Plan, reason: str, words: str) -> None:
        """Tell the person plainly, keep the question among the dead letters."""
        if plan.message is not None:
            try:
                delivery, fresh = await self._delivery(plan, plan.message)
                if delivery is not None:
                    outgoing = self._open(delivery, fresh=fresh)
                    await outgoing.finish(Answer(words, complete=True))
            except DeliveryError as error:
                log.error("no apology in %s: %s", self.claim.conversation, error)
        await self._bury(plan, reason)

    async def _bury(self, plan: Plan, reason: str) -> None:
        delivery = self._outgoing.delivery if self._outgoing else None
        await self._desk.state.inbox.bury(self.claim, plan.covers, reason, delivery)


def _same(plan: Plan, other: Plan | None) -> bool:
    return (
        other is not None
        and plan.kind is other.kind
        and plan.covers == other.covers
        and (plan.message and plan.message.text)
        == (other.message and other.message.text)
    )
