"""The mailbox against a small model, in random order of everything that may happen."""

import asyncio
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.adapter import Acceptance
from bot.errors import ClaimLost
from bot.model import (
    Author,
    ConversationId,
    Delivery,
    Message,
    Said,
    Stopped,
    answer_id,
)

LIMIT = 3
threads = st.sampled_from("abc")
people = st.sampled_from(["U1", "U2"])


@dataclass
class Box:
    """What the model knows of a conversation."""

    events: list = field(default_factory=list)
    starts: dict = field(default_factory=dict)
    failures: dict = field(default_factory=dict)
    claim: object = None
    lapsed: bool = False
    postponed: bool = False
    delivery: object = None
    controls: int = 0

    def keys(self):
        return [event.key for event in self.events]


class Mailboxes(RuleBasedStateMachine):
    store = None
    runner = None

    @initialize()
    def start(self):
        self.state = self.run(self.store().connect())
        self.boxes = {thread: Box() for thread in "abc"}
        self.queue = []
        self.old_claims = []
        self.seen = []
        self.dead = 0
        self.number = 0

    def teardown(self):
        if hasattr(self, "state"):
            self.run(self.state.aclose())

    def run(self, awaitable):
        return self.runner.run(awaitable)

    @property
    def inbox(self):
        return self.state.inbox

    @rule(thread=threads, by=people)
    def say(self, thread, by):
        self.number += 1
        place = ConversationId("slack", "T", "C", thread)
        message = Message(str(self.number), place, Author(by), "?", datetime.now(UTC))
        event = Said(message)
        result = self.run(self.inbox.accept(event, limit=LIMIT))

        box = self.boxes[thread]
        if sum(isinstance(known, Said) for known in box.events) >= LIMIT:
            assert result is Acceptance.FULL
        else:
            assert result is Acceptance.STORED
            self.put(thread, event)
            self.seen.append(event)

    @rule(thread=threads, by=people)
    def stop(self, thread, by):
        self.number += 1
        place = ConversationId("slack", "T", "C", thread)
        event = Stopped(place, Author(by), str(self.number))
        assert self.run(self.inbox.accept(event, limit=LIMIT)) is Acceptance.STORED
        self.put(thread, event)
        self.boxes[thread].controls += 1

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def say_again(self, data):
        event = data.draw(st.sampled_from(self.seen))
        result = self.run(self.inbox.accept(event, limit=LIMIT))
        assert result is Acceptance.DUPLICATE

    def put(self, thread, event):
        box = self.boxes[thread]
        box.events.append(event)
        if thread not in self.queue and box.claim is None and not box.postponed:
            self.queue.append(thread)

    @rule()
    def claim(self):
        work = self.run(self.inbox.claim("w", lease=1000, wait=0))
        due = [t for t, box in self.boxes.items() if box.lapsed and box.events]
        if work is None:
            assert not due
            assert not self.queue
        else:
            self.claimed(work, due)
        self.end_empty_claims()

    def claimed(self, work, due):
        thread = work.claim.conversation.thread
        box = self.boxes[thread]
        assert thread in due or thread == self.queue[0]
        if box.claim is not None:
            self.old_claims.append(box.claim)
        if thread in self.queue:
            self.queue.remove(thread)
        box.claim, box.lapsed, box.postponed = work.claim, False, False
        self.compare(thread, work)

    def end_empty_claims(self):
        """A lapsed claim on nothing may have ended on the way to something else."""
        for box in self.boxes.values():
            if box.claim is not None and box.lapsed and not box.events:
                if self.run(self.inbox.extend([box.claim], lease=1000)):
                    self.old_claims.append(box.claim)
                    box.claim = None
                box.lapsed = False

    def compare(self, thread, work):
        box = self.boxes[thread]
        assert [entry.event for entry in work.waiting] == box.events
        for entry in work.waiting:
            assert entry.starts == box.starts.get(entry.event.key, 0)
            assert entry.failures == box.failures.get(entry.event.key, 0)
        assert work.delivery == box.delivery
        assert work.controls == box.controls

    def owned(self, data):
        threads = [t for t, box in self.boxes.items() if box.claim is not None]
        thread = data.draw(st.sampled_from(threads))
        return thread, self.boxes[thread]

    def some_keys(self, data, box):
        count = data.draw(st.integers(0, len(box.events)))
        return box.keys()[:count]

    def any_owned(self):
        return any(box.claim is not None for box in self.boxes.values())

    @precondition(any_owned)
    @rule(data=st.data())
    def reread(self, data):
        thread, box = self.owned(data)
        self.compare(thread, self.run(self.inbox.reread(box.claim)))

    @precondition(any_owned)
    @rule(data=st.data())
    def begin(self, data):
        _, box = self.owned(data)
        keys = self.some_keys(data, box)
        place = box.claim.conversation
        delivery = Delivery(answer_id(place, "q"), place, tuple(keys), "q")
        self.run(self.inbox.begin(box.claim, delivery))
        box.delivery = delivery
        for key in keys:
            box.starts[key] = box.starts.get(key, 0) + 1

    @precondition(any_owned)
    @rule(data=st.data())
    def finish(self, data):
        thread, box = self.owned(data)
        keys = self.some_keys(data, box)
        self.run(self.inbox.finish(box.claim, keys))
        box.delivery = None
        self.leave(thread, keys)

    @precondition(any_owned)
    @rule(data=st.data())
    def bury(self, data):
        thread, box = self.owned(data)
        keys = self.some_keys(data, box)
        self.run(self.inbox.bury(box.claim, keys, "why"))
        self.dead += bool(keys)
        box.delivery = None
        self.leave(thread, keys)

    @precondition(any_owned)
    @rule(data=st.data())
    def release(self, data):
        thread, _ = self.owned(data)
        self.run(self.inbox.release(self.boxes[thread].claim))
        self.leave(thread, [])

    def leave(self, thread, keys):
        box = self.boxes[thread]
        box.events = [event for event in box.events if event.key not in keys]
        self.old_claims.append(box.claim)
        box.claim, box.lapsed = None, False
        if box.events:
            self.queue.append(thread)

    @precondition(any_owned)
    @rule(data=st.data())
    def postpone(self, data):
        _, box = self.owned(data)
        keys = self.some_keys(data, box)
        self.run(self.inbox.postpone(box.claim, keys, delay=1000, reason="down"))
        for key in keys:
            box.failures[key] = box.failures.get(key, 0) + 1
        self.old_claims.append(box.claim)
        box.claim, box.lapsed, box.postponed = None, False, bool(box.events)

    @rule()
    def leases_end(self):
        self.opened.lapse()
        for box in self.boxes.values():
            if box.claim is not None:
                box.lapsed = True

    @rule()
    def postponements_end(self):
        self.opened.hasten()
        for box in self.boxes.values():
            if box.postponed:
                box.lapsed = True

    @precondition(any_owned)
    @rule()
    def extend(self):
        claims = [b.claim for b in self.boxes.values() if b.claim is not None]
        given = claims + self.old_claims
        lost = self.run(self.inbox.extend(given, lease=1000))
        assert lost == set(self.old_claims)
        for box in self.boxes.values():
            if box.claim is not None:
                box.lapsed = False

    @precondition(lambda self: self.old_claims)
    @rule(data=st.data())
    def write_with_an_old_claim(self, data):
        old = data.draw(st.sampled_from(self.old_claims))
        thread = old.conversation.thread
        keys = self.boxes[thread].keys()
        for write in (
            lambda: self.inbox.finish(old, keys),
            lambda: self.inbox.postpone(old, keys, delay=0, reason="zombie"),
            lambda: self.inbox.release(old),
        ):
            try:
                self.run(write())
            except ClaimLost:
                continue
            raise AssertionError("a lost claim could write")

    @rule(by=people)
    def forget(self, by):
        erased = 0
        for box in self.boxes.values():
            kept = [e for e in box.events if author(e) != by]
            erased += len(box.events) - len(kept)
            box.events = kept
            if not kept and box.claim is None:
                box.postponed = box.lapsed = False
        self.queue = [thread for thread in self.queue if self.boxes[thread].events]
        letters = self.run(self.inbox.dead_letters())
        dead = [e for letter in letters for e in letter.events if author(e) == by]
        assert self.run(self.inbox.forget("slack", by)) == erased + len(dead)
        self.dead = len(self.run(self.inbox.dead_letters()))

    @precondition(lambda self: self.dead)
    @rule()
    def revive(self):
        [letter, *_] = self.run(self.inbox.dead_letters())
        assert self.run(self.inbox.revive(letter.id))
        self.dead -= 1
        for event in letter.events:
            thread = event.conversation.thread
            box = self.boxes[thread]
            box.starts.pop(event.key, None)
            box.failures.pop(event.key, None)
            self.put(thread, event)

    @invariant()
    def counts_agree(self):
        if not hasattr(self, "state"):
            return
        stats = self.run(self.inbox.stats())
        assert stats.waiting == sum(len(box.events) for box in self.boxes.values())
        assert stats.conversations == sum(bool(b.events) for b in self.boxes.values())
        assert stats.claimed == sum(b.claim is not None for b in self.boxes.values())
        assert stats.dead == self.dead


def author(event):
    return (event.message.author if isinstance(event, Said) else event.author).id


def test_behaves_like_the_model(new_store):
    with asyncio.Runner() as runner:

        class Machine(Mailboxes):
            def store(self):
                self.opened = new_store()
                return self.opened

        Machine.runner = runner
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=int(os.environ.get("MAILBOX_EXAMPLES", "60")),
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
