"""The seam for bulk work: functions over batches, on one machine or on many."""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from typing import Protocol, TypeVar

from backends.knowledge.process_pool import LimitExceeded, ProcessPool

T = TypeVar("T")
R = TypeVar("R")
Work = Callable[[Sequence[T]], Sequence[R]]

MOST_PROCESSES = 4


class Bulk(Protocol):
    """Runs work elsewhere. The work is a function that can be imported by its name.

    `together` is how many batches are worth to be waited for.
    """

    @property
    def together(self) -> int: ...

    def map_batches(
        self, work: Work[T, R], batches: AsyncIterable[Sequence[T]]
    ) -> AsyncIterator[list[R | LimitExceeded]]:
        """One result for each thing of each batch, in the order of the batches.

        What takes too much is given up alone, with `LimitExceeded` in its place; what
        the work raises ends it all.
        """
        ...


class ProcessBulk:
    """In the child processes of this machine."""

    together = 1

    def __init__(self, pool: ProcessPool) -> None:
        self._pool = pool

    async def map_batches(
        self, work: Work[T, R], batches: AsyncIterable[Sequence[T]]
    ) -> AsyncIterator[list[R | LimitExceeded]]:
        """See `Bulk`. No more batches are under way than there are processes."""
        running: deque[asyncio.Task[list[R | LimitExceeded]]] = deque()
        try:
            async for batch in batches:
                running.append(asyncio.create_task(run_batch(self._pool, work, batch)))
                if len(running) > self._pool.size:
                    yield await running.popleft()
            while running:
                yield await running.popleft()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def run_batch(
    pool: ProcessPool, work: Work[T, R], batch: Sequence[T]
) -> list[R | LimitExceeded]:
    """A batch at once; if that takes too much, its things one by one."""
    try:
        return list(await pool.run(work, batch))
    except LimitExceeded as error:
        if len(batch) == 1:
            return [error]
    alone = [await run_batch(pool, work, [each]) for each in batch]
    return [result for results in alone for result in results]


def processes() -> int:
    """How many work at the same time on this machine."""
    return min(MOST_PROCESSES, os.cpu_count() or 1)
