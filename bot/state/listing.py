"""Every record of a kind, page by page, whatever the engine."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from bot.state.base import Record, Records

PAGE = 500
MOMENT = timedelta(microseconds=1)
"""The least that times differ by: the next page begins with what is as old."""


async def all_records(
    records: Records, kind: str, workspace: str = ""
) -> AsyncIterator[Record]:
    """Every record of a kind, the newest first, a page at a time."""
    before: datetime | None = None
    seen: set[str] = set()
    limit = PAGE
    while True:
        page = await records.newest(
            kind, limit=limit, workspace=workspace, before=before
        )
        for record in page:
            if record.id not in seen:
                seen.add(record.id)
                yield record
        if len(page) < limit:
            return
        if page[0].at == page[-1].at:
            # What is taken in from one file is all of one time: a page may not hold it.
            limit *= 2
        before = page[-1].at + MOMENT
