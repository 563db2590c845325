"""Small facts about tasks: waiting for one, and ending it for good."""

import asyncio
from typing import Any


async def done_or_set(task: asyncio.Task[Any], event: asyncio.Event) -> None:
    """Wait until a task is done or an event is set; neither is touched."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


async def end(*tasks: asyncio.Task[Any], seconds: float) -> bool:
    """Cancel tasks and wait until they have ended, so long at most; whether they have.

    Unlike `await task`, this neither raises what they raise nor mistakes our own
    cancellation for theirs.
    """
    for task in tasks:
        task.cancel()
    if not tasks:
        return True
    _, late = await asyncio.wait(tasks, timeout=seconds)
    return not late


def retrieve(task: asyncio.Task[Any]) -> None:
    """Look at how a task ended, as its callback: nobody else may."""
    if not task.cancelled():
        task.exception()
