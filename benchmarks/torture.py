"""Kills the bot for as long as you like and counts what got lost.

`python -m benchmarks.torture --state redis --seconds 120`: several worker processes of
the real bot answer questions on a platform that loses replies and repeats events. They
are killed with SIGKILL and paused for longer than their lease; Redis is killed too. In
the end every question must be answered once, in order. `--without-ledger` is the
control: the same, but a post whose reply was lost is not looked up. It must fail.
"""

import argparse
import asyncio
import logging
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from benchmarks.torture_platform import Platform
from benchmarks.torture_verdict import Verdict, judge
from benchmarks.torture_worker import Setup
from benchmarks.torture_worker import main as work
from tests.servers.redis import RedisServer

log = logging.getLogger(__name__)

LEASE_SECONDS = 2.0
PAUSE_SECONDS = 5.0
REDIS_DOWN_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
"""How long to wait after the last answer before what is missing counts as lost."""


@dataclass
class Run:
    """A torture run: the platform, the workers, the faults."""

    options: argparse.Namespace
    folder: Path
    faults: Counter[str] = field(default_factory=Counter)
    workers: list[ForkServerProcess] = field(default_factory=list)
    paused: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = random.Random(self.options.seed)
        self.platform = Platform(self.folder / "platform", self.random)
        self.redis: RedisServer | None = None
        self.context: ForkServerContext = multiprocessing.get_context("forkserver")
        # New workers are forked off one that has imported all there is to import.
        self.context.set_forkserver_preload(["benchmarks.torture_worker"])

    async def whole(self) -> Verdict:
        """Start everything, ask and torment for a while, let it settle, judge."""
        if self.options.state == "redis":
            self.redis = RedisServer(self.folder / "redis")
            self.redis.start()
        await self.platform.start()
        try:
            self.workers = [self._start() for _ in range(self.options.workers)]
            await self._torment()
            await self._settle()
        finally:
            self._end()
            await self.platform.stop()
        return judge(self.platform)

    def _start(self) -> ForkServerProcess:
        setup = Setup(
            folder=self.folder,
            socket=self.platform.path,
            redis_url=self.redis.url if self.redis else "",
            lease=LEASE_SECONDS,
            ledger=not self.options.without_ledger,
        )
        process = self.context.Process(target=work, args=(setup,), daemon=True)
        process.start()
        return process

    async def _torment(self) -> None:
        """Ask and do harm until the time is up."""
        options = self.options
        self.until = time.monotonic() + options.seconds
        async with asyncio.TaskGroup() as group:
            for number in range(options.conversations):
                group.create_task(self._talk(number))
            group.create_task(self._harm(options.kills, self._kill))
            group.create_task(self._harm(options.pauses, self._pause))
            if self.redis is not None:
                group.create_task(self._harm(options.redis_kills, self._kill_redis))

    async def _talk(self, conversation: int) -> None:
        """Somebody asks at random times, now and then several things in a row."""
        mean = self.options.conversations / self.options.rate
        while True:
            quick = self.random.random() < 0.3
            pause = 0.02 if quick else self.random.expovariate(0.7 / mean)
            if time.monotonic() + pause > self.until:
                return
            await asyncio.sleep(pause)
            await self.platform.ask(conversation)

    async def _harm(self, count: int, harm: Callable[[], Awaitable[None]]) -> None:
        """Do harm so many times, spread over the run."""
        if not count:
            return
        pause = self.options.seconds / count
        while (left := self.until - time.monotonic()) > pause / 2:
            await asyncio.sleep(min(left, pause * self.random.uniform(0.5, 1.5)))
            await harm()

    async def _kill(self) -> None:
        place = self.random.randrange(len(self.workers))
        victim = self.workers[place]
        victim.kill()
        self.paused.discard(place)
        self.faults["kill -9 of a worker"] += 1
        self.workers[place] = self._start()
        await asyncio.to_thread(victim.join)

    async def _pause(self) -> None:
        """Stop a worker for longer than its lease; others are left to take over."""
        awake = [at for at in range(len(self.workers)) if at not in self.paused]
        if len(awake) < 2:
            return
        place = self.random.choice(awake)
        worker = self.workers[place]
        self.paused.add(place)
        self.faults[f"pause of a worker, {PAUSE_SECONDS:g} s"] += 1
        self._signal(worker, signal.SIGSTOP)
        log.info("paused %s", worker.pid)
        waking = asyncio.get_running_loop()
        waking.call_later(PAUSE_SECONDS, self._wake, place, worker)

    def _wake(self, place: int, worker: ForkServerProcess) -> None:
        self._signal(worker, signal.SIGCONT)
        if self.workers[place] is worker:
            self.paused.discard(place)

    def _signal(self, worker: ForkServerProcess, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if worker.pid is not None and worker.is_alive():
                os.kill(worker.pid, number)

    async def _kill_redis(self) -> None:
        assert self.redis is not None
        self.faults["kill -9 of Redis"] += 1
        self.redis.kill()
        await asyncio.sleep(self.random.uniform(0, 2 * REDIS_DOWN_SECONDS))
        await asyncio.to_thread(self.redis.start)

    async def _settle(self) -> None:
        """Wait for the answers that are still due, as long as any come."""
        asked = self.platform.asked
        best, since = len(asked) + 1, time.monotonic()
        while time.monotonic() - since < PATIENCE_SECONDS:
            verdict = judge(self.platform)
            if len(verdict.lost) < best:
                best, since = len(verdict.lost), time.monotonic()
            if not best:
                break
            await asyncio.sleep(0.5)
        # Whoever woke up late has had time by then to do harm.
        await asyncio.sleep(2 * PAUSE_SECONDS if self.options.pauses else 1)

    def _end(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.join()
        if self.redis is not None:
            self.redis.kill()


def report(run: Run, verdict: Verdict, seconds: float) -> None:
    """Print what was done to the bot and how it fared."""
    counts = Counter(run.platform.counts)
    print(f"state {run.options.state}, {run.options.workers} workers, {seconds:.0f} s")
    print(f"{len(run.platform.asked):>7} questions")
    for name, count in sorted((counts + run.faults).items()):
        print(f"{count:>7} {name}")
    for name, found in (
        ("lost", verdict.lost),
        ("duplicated", verdict.duplicated),
        ("out of order", verdict.out_of_order),
        ("left unfinished", verdict.unfinished),
    ):
        print(f"{len(found):>7} {name}  {' '.join(found[:10])}".rstrip())
    p50, p99, most = (verdict.after(share) for share in (0.5, 0.99, 1.0))
    print(
        f"question to whole answer: p50 {p50:.2f} s, p99 {p99:.2f} s, max {most:.2f} s"
    )


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", choices=("redis", "sqlite"), default="sqlite")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--kills", type=int, help="default: one in two seconds")
    parser.add_argument("--pauses", type=int, help="default: one in four seconds")
    parser.add_argument("--redis-kills", type=int, help="default: one in ten seconds")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--conversations", type=int, default=40)
    parser.add_argument("--rate", type=float, default=15, help="questions a second")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--without-ledger", action="store_true")
    parser.add_argument("--keep", type=Path, help="a folder for state and logs")
    options = parser.parse_args(arguments)
    for name, every in (("kills", 2), ("pauses", 4), ("redis_kills", 10)):
        if getattr(options, name) is None:
            setattr(options, name, int(options.seconds / every))
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 1 when anything was lost, duplicated or out of order."""
    options = read_options(arguments)
    with ExitStack() as stack:
        folder = options.keep or stack.enter_context(tempfile.TemporaryDirectory())
        run = Run(options, Path(folder).resolve())
        run.folder.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(
            filename=run.folder / "torture.log",
            format="%(asctime)s %(message)s",
            level=logging.INFO,
        )
        start = time.monotonic()
        verdict = asyncio.run(run.whole())
        report(run, verdict, time.monotonic() - start)
        if options.keep and not verdict.good:
            lines = [
                f"{posted.key}: {line}"
                for posted in run.platform.messages.values()
                for line in posted.history
            ]
            (run.folder / "messages.log").write_text("\n".join(lines))
    return 0 if verdict.good else 1


if __name__ == "__main__":
    sys.exit(main())
