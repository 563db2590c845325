"""Workers take conversations, keep their claims alive, and let go when they must."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bot import tasks
from bot.desk import Desk
from bot.errors import ClaimLost, StateUnavailable
from bot.handling import Handling
from bot.model import ConversationId
from bot.state.base import Claim, Work

log = logging.getLogger(__name__)

CLAIM_WAIT_SECONDS = 0.5

MOST_TOGETHER = 8
"""How many conversations are claimed at once while a queue is long."""

WATCH_SECONDS = 0.25
ENDING_SECONDS = 0.1
STATE_DOWN_SECONDS = 0.5

LATE_SECONDS = 10.0
"""How long what is cancelled may take to end. Some backend may never do."""


@dataclass(slots=True)
class Held:
    """A conversation that this worker works on. Times are of `time.monotonic`."""

    claim: Claim
    handling: Handling
    controls: int
    extended_at: float
    task: asyncio.Task[None] | None = None


@dataclass
class Worker:
    """Answers many conversations at a time, each of them in order."""

    desk: Desk
    name: str
    _held: dict[ConversationId, Held] = field(default_factory=dict)
    _chores: set[asyncio.Task[None]] = field(default_factory=set)
    _reachable: bool = True

    def later(self, chore: Awaitable[None]) -> None:
        """Do something that nobody waits for; a failure is only logged."""
        task = asyncio.ensure_future(_quietly(chore))
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set, then drain and give unfinished work back."""
        loops = [
            asyncio.create_task(self._extend(), name="extend"),
            asyncio.create_task(self._watch(), name="watch"),
        ]
        try:
            await self._claim_until(stopping)
            await self._drain()
        finally:
            for loop in [*loops, *self._chores]:
                loop.cancel()
            await asyncio.gather(*loops, *self._chores, return_exceptions=True)

    async def _claim_until(self, stopping: asyncio.Event) -> None:
        slots = asyncio.Semaphore(self.desk.settings.concurrency)
        stop = asyncio.create_task(stopping.wait())
        together = 1
        try:
            while await self._room(slots, stop):
                claims = [self._claim_into(slots, CLAIM_WAIT_SECONDS)]
                while len(claims) < together and not slots.locked():
                    await slots.acquire()
                    claims.append(self._claim_into(slots, 0))
                # Not cancelled by `stop`: a claim made must not get lost on the way.
                found = await asyncio.gather(*claims)
                # A claim takes a write to a disk: a queue is not worked off one by one.
                together = min(2 * together, MOST_TOGETHER) if all(found) else 1
        finally:
            stop.cancel()

    async def _room(self, slots: asyncio.Semaphore, stop: asyncio.Task[Any]) -> bool:
        """Take a slot, which may have to get free first; False when told to stop."""
        if not slots.locked():
            return not stop.done() and await slots.acquire()
        slot = asyncio.create_task(slots.acquire())
        await asyncio.wait({slot, stop}, return_when=asyncio.FIRST_COMPLETED)
        if stop.done():
            slot.cancel()
        return not stop.done()

    async def _claim_into(self, slots: asyncio.Semaphore, wait: float) -> bool:
        """Fill a slot with a conversation, or give it back; whether there was one."""
        asked_at = time.monotonic()
        work = await self._claim(wait)
        if work is None:
            slots.release()
            return False
        self._take(work, asked_at, slots)
        return True

    async def _claim(self, wait: float) -> Work | None:
        try:
            work = await self.desk.state.inbox.claim(
                self.name, lease=self.desk.settings.lease_seconds, wait=wait
            )
        except StateUnavailable as error:
            if self._reachable:
                log.error("the state does not answer, waiting for it: %s", error)
            self._reachable = False
            await asyncio.sleep(STATE_DOWN_SECONDS)
            return None
        except Exception:
            # One mailbox that cannot be read must not silence all others.
            log.exception("a conversation cannot be taken up")
            await asyncio.sleep(STATE_DOWN_SECONDS)
            return None
        if not self._reachable:
            log.info("the state answers again")
        self._reachable = True
        return work

    def _take(self, work: Work, asked_at: float, slots: asyncio.Semaphore) -> None:
        claim = work.claim
        # By the claim, not by what holds the handling: that would be a circle, and all
        # of an answer would stay in memory until the garbage is collected.
        guard = partial(self._guard, claim)
        handling = Handling(self.desk, work, guard=guard, later=self.later)
        held = Held(claim, handling, work.controls, asked_at)
        older = self._held.get(claim.conversation)
        self._held[claim.conversation] = held
        held.task = asyncio.create_task(
            self._handle(held, older), name=str(claim.conversation)
        )

        def done(task: asyncio.Task[None]) -> None:
            slots.release()
            if self._held.get(claim.conversation) is held:
                del self._held[claim.conversation]

        held.task.add_done_callback(done)

    async def _handle(self, held: Held, older: Held | None) -> None:
        try:
            if older is not None and older.task is not None:
                # After a long pause we may be given what we still think we hold. If it
                # does not end in time: its claim does not let it write any more.
                await tasks.end(older.task, seconds=LATE_SECONDS)
            await held.handling.run()
        except ClaimLost:
            log.warning("another worker has taken over %s", held.claim.conversation)
        except StateUnavailable as error:
            # Nothing can be written; the lease ends and the work is taken up again.
            log.error("left %s for now: %s", held.claim.conversation, error)
        except asyncio.CancelledError:
            with suppress(ClaimLost, StateUnavailable):
                await self.desk.state.inbox.release(held.claim)
            raise
        except Exception:
            log.exception("left %s for now", held.claim.conversation)

    async def _guard(self, claim: Claim) -> None:
        """Make sure, before a write, that much of the claim's lease is left."""
        held = self._held.get(claim.conversation)
        if held is None or held.claim != claim:
            raise ClaimLost(f"{claim.conversation} was given to us anew")
        lease = self.desk.settings.lease_seconds
        # Again after extending: the process may have stood still meanwhile.
        while (now := time.monotonic()) - held.extended_at >= lease / 2:
            if await self.desk.state.inbox.extend([claim], lease=lease):
                raise ClaimLost(f"{claim.conversation} has another worker now")
            held.extended_at = now

    async def _extend(self) -> None:
        lease = self.desk.settings.lease_seconds
        while True:
            await asyncio.sleep(lease / 4)
            by_claim = {held.claim: held for held in self._held.values()}
            if not by_claim:
                continue
            now = time.monotonic()
            try:
                lost = await self.desk.state.inbox.extend(list(by_claim), lease=lease)
            except StateUnavailable:
                continue
            for claim, held in by_claim.items():
                if claim not in lost:
                    held.extended_at = now
            if lost:
                # Most have only just been finished; their tasks are about to end.
                await asyncio.sleep(ENDING_SECONDS)
            for claim in lost:
                task = by_claim[claim].task
                if task is not None and not task.done():
                    log.warning("lost %s", claim.conversation)
                    task.cancel()

    async def _watch(self) -> None:
        """Tell handlings of stops, edits and deletes that came in meanwhile."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            by_claim = {held.claim: held for held in self._held.values()}
            if not by_claim:
                continue
            try:
                counts = await self.desk.state.inbox.controls(list(by_claim))
            except StateUnavailable:
                continue
            for claim, count in counts.items():
                held = by_claim[claim]
                if count != held.controls:
                    held.controls = count
                    held.handling.changed.set()

    async def _drain(self) -> None:
        held = [held.task for held in self._held.values() if held.task is not None]
        if not held:
            return
        log.info("finishing %d answers", len(held))
        _, late = await asyncio.wait(held, timeout=self.desk.settings.drain_seconds)
        if not await tasks.end(*late, seconds=LATE_SECONDS):
            log.error("some answers do not stop; they are left to their leases")


async def _quietly(chore: Awaitable[None]) -> None:
    try:
        await chore
    except Exception as error:  # a chore must not take the worker down
        log.warning("a chore failed: %s", error)
