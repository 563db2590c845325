"""How far each channel was read, kept so that a restart goes on from there."""

import logging
from datetime import UTC, datetime, timedelta

import discord

from adapters.discord.events import PRIVATE
from bot.errors import StateUnavailable
from bot.state.base import Record, Records
from bot.state.listing import all_records

log = logging.getLogger(__name__)

CURSOR, DIRECT = "cursor", "dm"
PLATFORM = "discord"
MOST_DIRECT = 200
"""Rooms of direct messages that are looked through; a bot cannot list them."""

FRESH = timedelta(days=1)
"""A room is noted again after so long, so that the busy ones stay among the newest."""


class Cursors:
    """The last message of each channel that was handed in, and the known rooms.

    Where a gap is to be caught up with, what is heard meanwhile moves no cursor: it
    would hide the gap from the next start.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._known: dict[int, int] = {}
        self._heard: dict[int, tuple[int, str]] = {}
        self._gaps: set[int] = set()
        self._stuck: set[int] = set()
        self._rooms: dict[int, datetime] = {}

    async def load(self) -> None:
        """Read what an earlier run has kept."""
        for record in await self._all(CURSOR):
            channel = int(record.id.partition(":")[2])
            self._known[channel] = int(record.data["message"])
        for record in await self._records.newest(DIRECT, limit=MOST_DIRECT):
            self._rooms[int(record.id.partition(":")[2])] = record.at

    def of(self, channel: int) -> int | None:
        """The last message before the gap; None where nothing was ever heard."""
        return self._known.get(channel)

    @property
    def rooms(self) -> list[int]:
        """Channels of direct messages."""
        return list(self._rooms)

    def begin(self, shard: int) -> None:
        """A shard has a new session: what came before is still to be read."""
        self._gaps.add(shard)

    def end(self, shard: int, unread: set[int], read: set[int]) -> None:
        """The gap of a shard was read, but for some channels."""
        self._gaps.discard(shard)
        self._stuck = (self._stuck - read) | unread

    def heard(self, message: discord.Message) -> None:
        """A message was handed in, or was not for us."""
        channel, guild = message.channel.id, message.guild
        workspace = PRIVATE if guild is None else str(guild.id)
        last, _ = self._heard.get(channel, (0, ""))
        self._heard[channel] = (max(last, message.id), f"{PLATFORM}:{workspace}")

    def forget(self, workspace: str) -> None:
        """Of this workspace nothing is to be kept any more."""
        self._heard = {
            channel: heard
            for channel, heard in self._heard.items()
            if heard[1] != workspace
        }

    async def room(self, channel: int, person: int) -> None:
        """Somebody writes to us in private. Raises StateUnavailable."""
        now = datetime.now(UTC)
        if now - self._rooms.get(channel, now - 2 * FRESH) < FRESH:
            return
        name, who = f"{PLATFORM}:{channel}", f"{PLATFORM}:{person}"
        where = f"{PLATFORM}:{PRIVATE}"
        await self._records.put(Record(DIRECT, name, {}, now, who, where))
        self._rooms[channel] = now

    async def flush(self) -> None:
        """Keep what was heard, unless a gap is open."""
        if self._gaps:
            return
        heard, self._heard = self._heard, {}
        for channel, (message, workspace) in heard.items():
            if channel in self._stuck or message <= self._known.get(channel, 0):
                continue
            data, now = {"message": str(message)}, datetime.now(UTC)
            record = Record(
                CURSOR, f"{PLATFORM}:{channel}", data, now, workspace=workspace
            )
            try:
                await self._records.put(record)
            except StateUnavailable as error:
                # Then a restart reads a little more than it must.
                log.debug("a cursor was not kept: %s", error)
                continue
            self._known[channel] = message

    async def _all(self, kind: str) -> list[Record]:
        """Ours among the records of a kind."""
        return [
            record
            async for record in all_records(self._records, kind)
            if record.id.startswith(f"{PLATFORM}:")
        ]
