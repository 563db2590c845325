"""What a child process of the pool runs: work that comes in, within limits."""

import os
import pickle
import signal
import sys
from contextlib import suppress
from typing import BinaryIO

HEADER = 8  # bytes that tell the length of what follows
GRACE = 2  # seconds that the parent has to end us before we do it ourselves

OUT_OF_MEMORY = pickle.dumps((False, MemoryError()))


def main() -> None:
    """Answer calls from stdin until it is closed."""
    memory, seconds = int(sys.argv[1]), float(sys.argv[2])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not pass for an answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    limit_memory(memory)
    while (request := read_frame(sys.stdin.buffer)) is not None:
        set_alarm(seconds + GRACE)
        answer = perform(request)
        set_alarm(0)
        answers.write(frame(answer))
        answers.flush()


def perform(request: bytes) -> bytes:
    """The pickled pair of whether it went well, and the result or the error."""
    try:
        function, arguments = pickle.loads(request)
        return pickle.dumps((True, function(*arguments)))
    except MemoryError:
        return OUT_OF_MEMORY  # made before: there is no room to make it now
    except Exception as error:
        with suppress(Exception):
            return pickle.dumps((False, error))
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))


def frame(data: bytes) -> bytes:
    return len(data).to_bytes(HEADER, "big") + data


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next frame; None when the parent has closed the pipe, or is gone."""
    header = stream.read(HEADER)
    if len(header) < HEADER:
        return None
    size = int.from_bytes(header, "big")
    data = stream.read(size)
    return data if len(data) == size else None


def limit_memory(memory: int) -> None:
    """Linux holds it. macOS takes the limit and ignores it; Windows knows none."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def set_alarm(seconds: float) -> None:
    """End this process after a time, for a parent that was killed; not on Windows."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, seconds)
