"""The inbox in Redis: mailboxes, claims and dead letters."""

import json
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.adapter import Acceptance
from bot.errors import ClaimLost
from bot.model import ConversationId, Delivery, Event
from bot.state.base import Claim, DeadLetter, InboxStats, Waiting, Work
from bot.state.entry import message_tag, person_tag, to_entry
from bot.state.redis.engine import Engine
from bot.wire import dump, load, load_event

BLOCK_SECONDS = 0.4
"""How long a worker waits on the stream before it looks after the rest."""


class RedisInbox:
    """`Inbox` over Redis; the work is done by `inbox.lua`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sweep_at = 0.0

    async def accept(self, event: Event, *, limit: int) -> Acceptance:
        entry = to_entry(event)
        acceptance = await self._call(
            "accept",
            entry.conversation,
            entry.key,
            entry.text,
            entry.person,
            entry.digest,
            str(limit) if entry.said else "",
            int(entry.control),
        )
        return Acceptance(acceptance)

    async def claim(self, worker: str, *, lease: float, wait: float) -> Work | None:
        deadline = time.monotonic() + wait
        token = secrets.token_hex(8)
        while True:
            work = await self._look(worker, token, lease)
            left = deadline - time.monotonic()
            if work is not None or left <= 0:
                return work
            block = max(1, int(1000 * min(left, BLOCK_SECONDS, lease / 4)))
            found = await self._engine.next_ready(block)
            if found is not None:
                work = _work(await self._call("take", worker, token, *found))
            if work is not None:
                return work

    async def _look(self, worker: str, token: str, lease: float) -> Work | None:
        """Take what is to be had without waiting.

        A lapsed claim is found at once on a quiet queue, and on a busy one too as often
        as it takes: before the new, every quarter of a lease.
        """
        sweep = time.monotonic() >= self._sweep_at
        found = await self._call("claim", worker, token, _ms(lease), int(sweep))
        if sweep:
            self._sweep_at = time.monotonic() + lease / 4
        return _work(found)

    async def reread(self, claim: Claim) -> Work:
        work = _work(await self._owned("reread", claim))
        assert work is not None
        return work

    async def extend(self, claims: Collection[Claim], *, lease: float) -> set[Claim]:
        given = list(claims)
        names = [name for c in given for name in (str(c.conversation), c.token)]
        lost = await self._call("extend", *names) if names else ()
        return {given[place] for place in lost}

    async def controls(self, claims: Collection[Claim]) -> Mapping[Claim, int]:
        names = [str(claim.conversation) for claim in claims]
        counts = await self._call("controls", *names) if names else ()
        return dict(zip(claims, counts, strict=True))

    async def begin(self, claim: Claim, delivery: Delivery) -> None:
        await self._owned("begin", claim, *_ledger(delivery), *delivery.covers)

    async def record(self, claim: Claim, delivery: Delivery) -> None:
        await self._owned("record", claim, *_ledger(delivery))

    async def finish(
        self, claim: Claim, keys: Sequence[str], delivery: Delivery | None = None
    ) -> None:
        await self._owned("finish", claim, *_ledger(delivery), *keys)

    async def postpone(
        self, claim: Claim, keys: Sequence[str], *, delay: float, reason: str
    ) -> None:
        await self._owned("postpone", claim, _ms(delay), reason, *keys)

    async def bury(
        self,
        claim: Claim,
        keys: Sequence[str],
        reason: str,
        delivery: Delivery | None = None,
    ) -> None:
        letter = secrets.token_hex(6)
        await self._owned("bury", claim, *_ledger(delivery), letter, reason, *keys)

    async def release(self, claim: Claim) -> None:
        await self._owned("release", claim)

    async def dead_letters(self, limit: int = 50) -> list[DeadLetter]:
        found = await self._call("dead_letters", limit)
        pairs = zip(found[::2], found[1::2], strict=True)
        return [_letter(letter, json.loads(text)) for letter, text in pairs]

    async def revive(self, dead_letter_id: str) -> bool:
        return bool(await self._call("revive", dead_letter_id))

    async def stats(self) -> InboxStats:
        waiting, conversations, claimed, dead, age = await self._call("stats")
        return InboxStats(waiting, conversations, claimed, dead, age / 1000)

    async def forget(self, platform: str, author_id: str) -> int:
        return int(await self._call("forget", person_tag(platform, author_id)))

    async def _call(self, command: str, *arguments: str | int) -> Any:
        return await self._engine.script("inbox", command, *arguments)

    async def _owned(self, command: str, claim: Claim, *arguments: str | int) -> Any:
        """Run a command that only the owner of the claim may run."""
        conversation = str(claim.conversation)
        result = await self._call(command, conversation, claim.token, *arguments)
        if result == "lost":
            raise ClaimLost(f"another worker has taken {conversation} over")
        return result


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _ledger(delivery: Delivery | None) -> tuple[str, str, str]:
    """A delivery as the scripts take it: answer id, text, the tags of its messages."""
    if delivery is None:
        return "", "", ""
    tags = [
        message_tag(delivery.conversation, part.id)
        for part in delivery.parts
        if part.id
    ]
    return delivery.answer_id, dump(delivery), "\n".join(tags)


def _work(found: Sequence[str]) -> Work | None:
    if not found:
        return None
    conversation, token, controls, delivery, *events = found
    rows = zip(events[::3], events[1::3], events[2::3], strict=True)
    return Work(
        claim=Claim(ConversationId.parse(conversation), token),
        waiting=tuple(
            Waiting(load_event(event), int(starts), int(failures))
            for event, starts, failures in rows
        ),
        delivery=load(Delivery, delivery) if delivery else None,
        controls=int(controls),
    )


def _letter(letter: str, text: Mapping[str, Any]) -> DeadLetter:
    return DeadLetter(
        id=letter,
        events=tuple(load_event(event["event"]) for event in text["events"]),
        reason=text["reason"],
        at=datetime.fromtimestamp(float(text["at"]), UTC),
    )
