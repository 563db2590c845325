"""Bulk work gives one result for each thing, in order, whatever dies meanwhile."""

import asyncio
import importlib.util
import logging
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
from servers.bulk_work import dies_of_thirteen, fails, slow, tenfold

from backends.base import BackendMisconfigured, BackendUnavailable
from backends.knowledge.bulk import Bulk, ProcessBulk, Work
from backends.knowledge.library import Library
from backends.knowledge.process_pool import LimitExceeded, ProcessLimits, ProcessPool
from backends.knowledge.ray_bulk import RayBulk

RAY = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs the extra [ray]"
)


@pytest.fixture
async def local() -> AsyncIterator[Bulk]:
    async with ProcessPool(2, ProcessLimits(seconds=20)) as pool:
        yield ProcessBulk(pool)


async def batches(count: int, size: int = 2) -> AsyncIterator[Sequence[int]]:
    for number in range(count):
        yield range(number * size, (number + 1) * size)


async def results(
    bulk: Bulk, work: Work[int, int], count: int
) -> list[int | LimitExceeded]:
    return [
        each async for batch in bulk.map_batches(work, batches(count)) for each in batch
    ]


async def test_keeps_the_order(local: Bulk) -> None:
    assert await results(local, tenfold, 20) == [10 * n for n in range(40)]


async def test_has_nothing_to_do(local: Bulk) -> None:
    assert await results(local, tenfold, 0) == []


async def test_only_what_ends_its_process_is_given_up(local: Bulk) -> None:
    found = await results(local, dies_of_thirteen, 10)

    assert isinstance(found[13], LimitExceeded)
    assert [each for each in found if not isinstance(each, LimitExceeded)] == [
        10 * n for n in range(20) if n != 13
    ]


async def test_what_the_work_raises_ends_it(local: Bulk) -> None:
    with pytest.raises(ValueError, match="cannot do"):
        await results(local, fails, 10)


async def test_works_ahead_no_further_than_it_has_processes(local: Bulk) -> None:
    taken = 0

    async def counted() -> AsyncIterator[Sequence[int]]:
        nonlocal taken
        for number in range(20):
            taken += 1
            yield [number]

    async for _ in local.map_batches(tenfold, counted()):
        break

    assert taken <= 3


# --- Ray ------------------------------------------------------------------------------


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A cluster of two nodes on this machine."""
    # Keeps Ray on the loopback address; read when it is imported.
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    import ray
    from ray.cluster_utils import Cluster

    logging.getLogger("ray").setLevel(logging.CRITICAL)
    head = {
        "num_cpus": 1,
        "node_ip_address": "127.0.0.1",
        "include_dashboard": False,
        "object_store_memory": 10**8,
    }
    made = Cluster(initialize_head=True, head_node_args=head)
    yield made
    ray.shutdown()
    made.shutdown()


@RAY
@pytest.mark.filterwarnings("ignore")
async def test_a_node_that_is_killed_loses_and_doubles_nothing(cluster: object) -> None:
    node = cluster.add_node(  # type: ignore[attr-defined]
        num_cpus=1, node_ip_address="127.0.0.1", object_store_memory=10**8
    )
    bulk = RayBulk(cluster.address, ProcessLimits())  # type: ignore[attr-defined]
    work = asyncio.create_task(results(bulk, slow, 16))
    await asyncio.sleep(3)
    assert not work.done()

    remove = cluster.remove_node  # type: ignore[attr-defined]
    await asyncio.to_thread(remove, node, False)

    assert await work == [10 * n for n in range(32)]


@RAY
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:none"])
def test_names_a_cluster_that_does_not_answer(address: str) -> None:
    with pytest.raises(
        BackendUnavailable, match=f"no Ray cluster answers at {address}"
    ):
        RayBulk(address, ProcessLimits())


async def test_names_the_package_that_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(BackendMisconfigured, match=r"pip install 'curbside\[ray\]'"):
        RayBulk("127.0.0.1:1", ProcessLimits())


@RAY
@pytest.mark.filterwarnings("ignore")
async def test_a_cluster_reads_and_embeds_documents(
    cluster: object, tmp_path: Path
) -> None:
    wiki = tmp_path / "wiki"
    wiki.mkdir()
    for number in range(12):
        (wiki / f"{number}.md").write_text(f"# Page {number}\n\nKey {number} hangs.")
    (wiki / "bad.pdf").write_bytes(b"%PDF")
    address = cluster.address  # type: ignore[attr-defined]
    library = Library(tmp_path / "data", ray_address=address)

    report = await library.ingest("team", [wiki])

    assert len(report.added) == 12
    assert [name for name, _ in report.skipped] == ["wiki/bad.pdf"]
    search = await library.search("team")
    (passage, *_) = await search.search("key 7", (), frozenset({"staff"}), 3)
    assert passage.document == "wiki/7.md"
    await library.aclose()
