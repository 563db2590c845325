"""Bulk work on a Ray cluster, through Ray Data: what a lost node did is done again."""

import asyncio
import logging
import pickle
import socket
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from backends.base import BackendMisconfigured, BackendUnavailable
from backends.knowledge.bulk import Work, run_batch
from backends.knowledge.process_pool import LimitExceeded, ProcessLimits, ProcessPool

T = TypeVar("T")
R = TypeVar("R")

ADDRESS = "CURBSIDE_RAY_ADDRESS"
CONNECT_SECONDS = 5
ROUND = 256  # batches that are given to the cluster together
ROUND_BYTES = 2**28


class RayBulk:
    """See `Bulk`. On each node a batch runs in a child process with the same limits."""

    together = ROUND

    def __init__(self, address: str, limits: ProcessLimits) -> None:
        try:
            import ray
        except ImportError as error:
            raise BackendMisconfigured(
                f"{ADDRESS} is set, but Ray is not installed; "
                "pip install 'curbside[ray]'"
            ) from error
        try:
            if not ray.is_initialized():
                _require_listening(address)
                ray.init(
                    address=address, log_to_driver=False, logging_level=logging.WARNING
                )
        except (OSError, ValueError, RuntimeError) as error:
            raise BackendUnavailable(
                f"no Ray cluster answers at {address} ({error}); start it, or unset "
                f"{ADDRESS}"
            ) from error
        self._limits = limits

    async def map_batches(
        self, work: Work[T, R], batches: AsyncIterable[Sequence[T]]
    ) -> AsyncIterator[list[R | LimitExceeded]]:
        """See `Bulk`; rounds of batches follow one another."""
        waiting: list[bytes] = []
        async for batch in batches:
            waiting.append(pickle.dumps((work, batch)))
            if len(waiting) == ROUND or sum(map(len, waiting)) > ROUND_BYTES:
                for results in await asyncio.to_thread(self._round, waiting):
                    yield results
                waiting = []
        if waiting:
            for results in await asyncio.to_thread(self._round, waiting):
                yield results

    def _round(self, calls: Sequence[bytes]) -> list[list[Any]]:
        from ray import data

        rows = [{"number": number, "call": call} for number, call in enumerate(calls)]
        data.DataContext.get_current().enable_progress_bars = False
        run: Any = partial(_run, limits=self._limits)
        dataset = data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            run, batch_size=1
        )
        return _in_order(dataset.iter_rows(), len(calls))


def _require_listening(address: str) -> None:
    """Ray itself looks for a cluster that is not there for minutes."""
    host, found, port = address.rpartition(":")
    if found:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()


def _run(batch: dict[str, Any], limits: ProcessLimits) -> dict[str, Any]:
    """What a node does: the batch in a child process of its own."""
    work, things = pickle.loads(batch["call"][0])

    async def run() -> list[Any]:
        async with ProcessPool(1, limits) as pool:
            return await run_batch(pool, work, things)

    return {"number": batch["number"], "results": [pickle.dumps(asyncio.run(run()))]}


def _in_order(rows: Iterable[dict[str, Any]], expected: int) -> list[list[Any]]:
    """Each batch once. Raises `BackendUnavailable` when one is missing or double."""
    results = {}
    for row in rows:
        number = int(row["number"])
        if number in results:
            raise BackendUnavailable(f"the Ray cluster did batch {number} twice")
        results[number] = pickle.loads(row["results"])
    if len(results) != expected:
        raise BackendUnavailable(
            f"the Ray cluster gave back {len(results)} of {expected} batches; "
            "run it again"
        )
    return [results[number] for number in range(expected)]
