"""Work for other processes, which import it by its name."""

import os
import signal
import time
from collections.abc import Sequence


def tenfold(batch: Sequence[int]) -> list[int]:
    return [10 * number for number in batch]


def slow(batch: Sequence[int]) -> list[int]:
    time.sleep(0.3)
    return tenfold(batch)


def dies_of_thirteen(batch: Sequence[int]) -> list[int]:
    if 13 in batch:
        os.kill(os.getpid(), signal.SIGTERM)
    return tenfold(batch)


def fails(batch: Sequence[int]) -> list[int]:
    raise ValueError(f"cannot do {list(batch)}")
