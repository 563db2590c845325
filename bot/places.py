"""How the bot behaves in a place: the settings, and what admins changed in the chat."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from datetime import time as clock_time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bot.adapter import Listening
from bot.model import ConversationId
from bot.place_settings import PlaceSettings
from bot.state.base import Record, Records

if TYPE_CHECKING:
    from bot.settings import Settings

KIND = "place"
"""The kind of the records that hold what admins changed; the id is the place."""

CHANGEABLE = ("listen",)

FRESH_SECONDS = 5.0
"""What another process changed is seen here by then."""

CHANGES_MOST = 1_000


def place_names(conversation: ConversationId) -> tuple[str, ...]:
    """What settings may call a place, the narrowest first."""
    platform, workspace = conversation.platform, conversation.workspace
    return (
        f"{platform}:{workspace}:{conversation.channel}",
        f"{platform}:{workspace}",
        platform,
        "default",
    )


@dataclass
class Places:
    """The settings of every place, put together from the widest to the narrowest."""

    settings: "Settings"
    records: Records
    _changes: dict[str, Record] = field(default_factory=dict)
    _read_at: float = float("-inf")

    async def of(self, conversation: ConversationId) -> PlaceSettings:
        """What counts in this place. Raises StateUnavailable."""
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            await self._read()
        merged: dict[str, object] = {}
        for name in reversed(place_names(conversation)):
            if (place := self.settings.places.get(name)) is not None:
                merged |= place.model_dump(exclude_unset=True)
            if (change := self._changes.get(name)) is not None:
                merged |= {key: change.data[key] for key in CHANGEABLE}
        return PlaceSettings.model_validate(merged)

    async def listen(
        self, conversation: ConversationId, listening: Listening, *, by: str
    ) -> None:
        """Change which messages of a channel are questions."""
        name = place_names(conversation)[0]
        await self.records.put(
            Record(
                KIND,
                name,
                # Who did it is no part of what `forget me` erases: the setting stays.
                {"listen": listening.value, "by": by},
                at=datetime.now(UTC),
                workspace=f"{conversation.platform}:{conversation.workspace}",
            )
        )
        self._read_at = float("-inf")

    async def _read(self) -> None:
        changes = await self.records.newest(KIND, limit=CHANGES_MOST)
        self._changes = {change.id: change for change in changes}
        self._read_at = time.monotonic()


def is_quiet(place: PlaceSettings, now: datetime) -> bool:
    """Whether `now` lies in the quiet hours of a place."""
    if not place.quiet_hours:
        return False
    begin, end = map(clock_time.fromisoformat, place.quiet_hours.split("-"))
    at = now.astimezone(ZoneInfo(place.timezone)).time()
    if begin <= end:
        return begin <= at < end
    return at >= begin or at < end
