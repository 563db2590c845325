"""The delivery: one answer, shown while it grows, on the platform exactly once.

What may be on the platform is written to the ledger before it is sent. From then on a
part of an answer is one platform message, which later attempts only edit.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from bot.adapter import Adapter, Part
from bot.errors import DeliveryLater, DeliveryUnclear, MessageGone
from bot.model import Answer, Delivery, SentPart

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.004
"""What a backend says within this time of its first word is sent in one post."""

WORKING_AFTER_SECONDS = 0.3
WORKING_AGAIN_SECONDS = 8.0
"""A typing sign appears when there is no text by then, and is renewed so often."""

MAX_TRIES = 6

SETTLE_SECONDS = 2.0
"""How long a write in flight may take to end when the answer is given up."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """How a delivery is written down. Both calls raise ClaimLost when it is not ours.

    `guard` makes sure, right before a write, that nobody has taken the work over. A
    write gets `post_seconds`, well under the lease: a post that ended later could
    follow a successor's look-up and double the answer, an edit could undo a newer one.
    """

    record: Callable[[Delivery], Awaitable[None]]
    guard: Callable[[], Awaitable[None]]
    post_seconds: float = 5.0


class Outgoing:
    """Sends one answer through one adapter. Use it in one task.

    `fresh` says that no earlier attempt can have sent anything of this delivery.
    """

    def __init__(
        self, adapter: Adapter, ledger: Ledger, delivery: Delivery, *, fresh: bool
    ) -> None:
        self.delivery = delivery
        self.latest = Answer("")
        self._adapter = adapter
        self._ledger = ledger
        self._shown: dict[int, Part] = {}
        self._gone = False
        # A slot without an id that an earlier attempt left: it may be on the platform.
        self._doubtful = {
            part.index for part in delivery.parts if not part.id and not fresh
        }
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    @property
    def gone(self) -> bool:
        """Whether somebody deleted our message while it grew."""
        return self._gone

    def show(self, answer: Answer) -> None:
        """Show the answer as it is now, at the platform's pace; returns at once.

        Raises what an earlier write failed with: no use to go on answering then. After
        `aclose` it cancels whoever still answers, though told to end.
        """
        if self._closed:
            raise asyncio.CancelledError
        self.latest = answer
        self._changed.set()
        if self._task is not None and self._task.done():
            self._task.result()
        elif self._task is None:
            self._closing.clear()
            self._task = asyncio.create_task(self._stream(), name="delivery")

    def hold(self) -> None:
        """Begin no further write of a growing answer: the whole one follows at once."""
        self._closing.set()
        self._changed.set()

    async def finish(self, answer: Answer) -> Delivery:
        """Show the whole answer and see it through; the delivery as it is then."""
        if self._closed:
            raise asyncio.CancelledError
        self.latest = answer
        await self._stop_streaming()
        await self._write(answer, last=True)
        return self.delivery

    async def withdraw(self) -> Delivery:
        """Take back every message of this answer."""
        await self._stop_streaming()
        for sent in list(self.delivery.parts):
            await self._trying(partial(self._remove, sent))
        return self.delivery

    async def aclose(self) -> None:
        """End without beginning another write.

        One in flight may end: a post that is cut off is there or not, nobody knows.
        """
        self._closed = True
        self._closing.set()
        self._changed.set()
        task, self._task = self._task, None
        if task is None:
            return
        try:
            await asyncio.wait({task}, timeout=SETTLE_SECONDS)
        finally:
            task.cancel()
        await asyncio.wait({task}, timeout=SETTLE_SECONDS)
        if task.done() and not task.cancelled() and (error := task.exception()):
            log.debug("the delivery had ended with %r", error)

    async def _stop_streaming(self) -> None:
        """Let a write in flight end; raises what went wrong in the stream."""
        if self._task is None:
            return
        self._closing.set()
        self._changed.set()
        # Whoever is cancelled here leaves the write in flight to `aclose`.
        await asyncio.wait({self._task})
        task, self._task = self._task, None
        task.result()

    async def _stream(self) -> None:
        while not self._closing.is_set():
            if not self.latest.text:
                await self._wait_for_text()
            else:
                await self._changed.wait()
            if self._closing.is_set():
                return
            self._changed.clear()
            if not self.latest.text:
                continue
            if not self._shown:
                await asyncio.sleep(GATHER_SECONDS)
                if self._closing.is_set():
                    return
            await self._write(self.latest, last=False)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._adapter.edit_interval):
                    await self._closing.wait()

    async def _wait_for_text(self) -> None:
        """Wait for the first words, with a sign of life if they take their time."""
        pause = WORKING_AFTER_SECONDS
        while not self._closing.is_set() and not self.latest.text:
            self._changed.clear()
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                await self._adapter.working(self.delivery, self.latest.step)
                pause = WORKING_AGAIN_SECONDS

    async def _write(self, answer: Answer, *, last: bool) -> None:
        """Bring the platform to what the answer looks like now."""
        parts = self._adapter.render(answer)
        sent = {part.index: part for part in self.delivery.parts}
        for index, part in enumerate(parts):
            if self._gone or self._closed:
                return
            known = sent.get(index)
            if known is None or not known.id:
                final = last and index == len(parts) - 1
                await self._trying(partial(self._post, index, part, final))
            elif self._shown.get(index) != part:
                await self._trying(partial(self._edit, index, part, last))
        if last:
            for index in [i for i in sent if i >= len(parts)]:
                await self._trying(partial(self._remove, sent[index]))

    async def _trying(self, write: Callable[[], Awaitable[None]]) -> None:
        """Do a write, patiently: the platform may ask for a pause."""
        for attempt in range(MAX_TRIES):
            if self._closed:
                return
            await self._ledger.guard()
            try:
                await write()
                return
            except DeliveryLater as error:
                if attempt == MAX_TRIES - 1 or error.retry_after > 60:
                    raise
                log.info("the platform asks for a pause: %s", error)
                await asyncio.sleep(error.retry_after)

    async def _post(self, index: int, part: Part, last: bool) -> None:
        if any(known.index == index and known.id for known in self.delivery.parts):
            # An earlier try found it, but could not bring it up to date.
            await self._edit(index, part, last)
            return
        doubtful = index in self._doubtful
        if doubtful:
            message_id = await self._adapter.find(self.delivery, index)
            if message_id is not None:
                await self._posted(index, message_id)
                await self._ledger.guard()
                await self._edit(index, part, last)
                return
        elif all(known.index != index for known in self.delivery.parts):
            self.delivery = self.delivery.with_part(SentPart(index))
            await self._ledger.record(self.delivery)
        # Looking and writing down take their time: the work may be somebody else's now.
        await self._ledger.guard()
        self._doubtful.add(index)
        try:
            async with asyncio.timeout(self._ledger.post_seconds):
                message_id = await self._adapter.post(self.delivery, index, part)
        except (DeliveryUnclear, TimeoutError) as error:
            log.info("a post's result is unknown, looking it up: %s", error)
            raise DeliveryLater(str(error), retry_after=0.5) from error
        except DeliveryLater:
            if not doubtful:
                self._doubtful.discard(index)
            raise
        self._shown[index] = part
        await self._posted(index, message_id, record=not last)

    async def _posted(
        self, index: int, message_id: str, *, record: bool = True
    ) -> None:
        self._doubtful.discard(index)
        self.delivery = self.delivery.with_part(SentPart(index, message_id))
        if record:
            await self._ledger.record(self.delivery)

    async def _edit(self, index: int, part: Part, last: bool) -> None:
        sent = next(known for known in self.delivery.parts if known.index == index)
        try:
            async with asyncio.timeout(self._ledger.post_seconds):
                await self._adapter.edit(self.delivery, sent.id, part)
        except MessageGone:
            # Somebody deleted it: they do not want it, so it is not posted again.
            self._gone = True
            return
        except (DeliveryUnclear, TimeoutError) as error:
            # An edit may be done twice; only the last one must be sure.
            if last:
                raise DeliveryLater(str(error), retry_after=0.5) from error
            return
        self._shown[index] = part

    async def _remove(self, sent: SentPart) -> None:
        message_id: str | None = sent.id
        if not sent.id:
            message_id = await self._adapter.find(self.delivery, sent.index)
        if message_id:
            await self._ledger.guard()
            try:
                await self._adapter.remove(self.delivery, message_id)
            except DeliveryUnclear as error:
                # To remove it twice is no error.
                raise DeliveryLater(str(error), retry_after=0.5) from error
        self.delivery = self.delivery.without_part(sent.index)
        self._shown.pop(sent.index, None)
