"""The inbox over a state file: mailboxes, claims and dead letters."""

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from bot.adapter import Acceptance
from bot.model import ConversationId, Delivery, Event
from bot.state.base import Claim, DeadLetter, InboxStats, Waiting, Work
from bot.state.entry import person_tag, to_entry
from bot.state.sqlite import dead_letters, mailbox
from bot.state.sqlite.deliveries import store
from bot.state.sqlite.engine import Engine, Level, Operation
from bot.state.sqlite.purge import Purge
from bot.wire import load, load_event

POLL_SECONDS = 0.1
"""How often a waiting worker looks for what other processes put in."""


class SqliteInbox:
    """`Inbox` over a state file that several processes may share."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._bell = asyncio.Event()
        self._purge = Purge(engine)

    async def accept(self, event: Event, *, limit: int) -> Acceptance:
        entry = to_entry(event)
        acceptance = await self._engine.write(
            lambda db: mailbox.accept(db, entry, limit, self._engine.clock())
        )
        if acceptance is Acceptance.STORED:
            self._bell.set()
        return acceptance

    async def claim(self, worker: str, *, lease: float, wait: float) -> Work | None:
        token = secrets.token_hex(8)

        def take(db: sqlite3.Connection) -> mailbox.Box | None:
            return mailbox.claim(db, worker, token, lease, self._engine.clock())

        deadline = time.monotonic() + wait
        await self._purge.now_and_then()
        while True:
            self._bell.clear()
            box = await self._engine.write(take, Level.VISIBLE)
            if box is not None:
                return _work(box)
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, POLL_SECONDS)):
                    await self._bell.wait()

    async def reread(self, claim: Claim) -> Work:
        def read(db: sqlite3.Connection) -> mailbox.Box:
            return mailbox.read(db, mailbox.check(db, claim), claim.token)

        return _work(await self._engine.read(read))

    async def extend(self, claims: Collection[Claim], *, lease: float) -> set[Claim]:
        def extend(db: sqlite3.Connection) -> set[Claim]:
            until = self._engine.clock() + lease
            return {c for c in claims if not mailbox.extend(db, c, until)}

        if not claims:
            return set()
        return await self._engine.write(extend, Level.VISIBLE)

    async def controls(self, claims: Collection[Claim]) -> Mapping[Claim, int]:
        def count(db: sqlite3.Connection) -> dict[Claim, int]:
            query = "SELECT controls FROM conversations WHERE id = ?"
            rows = {c: db.execute(query, (str(c.conversation),)) for c in claims}
            return {claim: (row.fetchone() or (0,))[0] for claim, row in rows.items()}

        return await self._engine.read(count) if claims else {}

    async def begin(self, claim: Claim, delivery: Delivery) -> None:
        def begin(db: sqlite3.Connection) -> None:
            conversation = mailbox.check(db, claim)
            store(db, delivery, self._engine.clock())
            mailbox.count_start(db, conversation, delivery.covers, delivery.answer_id)

        await self._engine.write(begin)

    async def record(self, claim: Claim, delivery: Delivery) -> None:
        def record(db: sqlite3.Connection) -> None:
            mailbox.check(db, claim)
            store(db, delivery, self._engine.clock())

        await self._engine.write(record)

    async def finish(
        self, claim: Claim, keys: Sequence[str], delivery: Delivery | None = None
    ) -> None:
        def finish(db: sqlite3.Connection) -> bool:
            conversation = mailbox.check(db, claim)
            if delivery is not None:
                store(db, delivery, self._engine.clock())
            mailbox.remove(db, conversation, keys)
            mailbox.close_delivery(db, conversation)
            return mailbox.end_claim(db, conversation)

        await self._end(finish)

    async def postpone(
        self, claim: Claim, keys: Sequence[str], *, delay: float, reason: str
    ) -> None:
        def postpone(db: sqlite3.Connection) -> None:
            conversation = mailbox.check(db, claim)
            until = self._engine.clock() + delay
            mailbox.postpone(db, conversation, keys, until, reason)

        await self._engine.write(postpone)

    async def bury(
        self,
        claim: Claim,
        keys: Sequence[str],
        reason: str,
        delivery: Delivery | None = None,
    ) -> None:
        letter = secrets.token_hex(6)

        def bury(db: sqlite3.Connection) -> bool:
            conversation = mailbox.check(db, claim)
            now = self._engine.clock()
            if delivery is not None:
                store(db, delivery, now)
            dead_letters.bury(db, conversation, keys, letter, reason, now)
            mailbox.remove(db, conversation, keys)
            mailbox.close_delivery(db, conversation)
            return mailbox.end_claim(db, conversation)

        await self._end(bury)

    async def release(self, claim: Claim) -> None:
        await self._end(lambda db: mailbox.end_claim(db, mailbox.check(db, claim)))

    async def _end(self, operation: Operation[bool]) -> None:
        """End a claim; `operation` tells whether the conversation is ready again."""
        if await self._engine.write(operation):
            self._bell.set()

    async def dead_letters(self, limit: int = 50) -> list[DeadLetter]:
        letters = await self._engine.read(lambda db: dead_letters.newest(db, limit))
        return [
            DeadLetter(
                letter,
                tuple(map(load_event, events)),
                reason,
                datetime.fromtimestamp(at, UTC),
            )
            for letter, events, reason, at in letters
        ]

    async def revive(self, dead_letter_id: str) -> bool:
        revived = await self._engine.write(
            lambda db: dead_letters.revive(db, dead_letter_id, self._engine.clock())
        )
        self._bell.set()
        return revived

    async def stats(self) -> InboxStats:
        def count(db: sqlite3.Connection) -> InboxStats:
            waiting, conversations, since = db.execute(
                "SELECT count(*), count(DISTINCT conversation), min(since) FROM waiting"
            ).fetchone()
            claimed, dead = db.execute(
                """SELECT (SELECT count(*) FROM conversations
                           WHERE until IS NOT NULL AND token IS NOT NULL),
                          (SELECT count(*) FROM dead_letters)"""
            ).fetchone()
            age = self._engine.clock() - since if waiting else 0.0
            return InboxStats(waiting, conversations, claimed, dead, max(0.0, age))

        return await self._engine.read(count)

    async def forget(self, platform: str, author_id: str) -> int:
        person = person_tag(platform, author_id)
        return await self._engine.write(lambda db: dead_letters.forget(db, person))


def _work(box: mailbox.Box) -> Work:
    return Work(
        claim=Claim(ConversationId.parse(box.conversation), box.token),
        waiting=tuple(
            Waiting(load_event(event), starts, failures)
            for event, starts, failures in box.waiting
        ),
        delivery=None if box.delivery is None else load(Delivery, box.delivery),
        controls=box.controls,
    )
