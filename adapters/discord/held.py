"""What a button or a form is about, when that does not fit into its id."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from adapters.discord.components import Target, custom_id
from bot.model import Action, ConversationId, Pressed
from bot.state.base import Record, Records

KIND = "discord form"
DAYS = 2
"""So long a form may stay open, or a question wait for its answer."""

MARK = "~"
"""Begins the value of an id whose own value is kept."""


class About(NamedTuple):
    """What a press is about. Without a conversation, its message tells."""

    value: str
    message_id: str = ""
    conversation: ConversationId | None = None


class Held:
    """Keeps long values for a while, and what a form from a menu is about."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def id_of(self, pressed: Pressed, target: Target) -> str:
        """The id for something that a press leads to."""
        if target.action is not Action.ASK and not target.value.startswith(MARK):
            try:
                return custom_id(target)
            except ValueError:
                pass  # too long for an id: it is kept
        text = f"{pressed.key}\n{target.value}"
        name = hashlib.blake2b(text.encode(), digest_size=9).hexdigest()
        place, now = pressed.conversation, datetime.now(UTC)
        await self._records.purge(KIND, now - timedelta(days=DAYS))
        data = {
            "value": target.value,
            "message_id": pressed.message_id,
            "conversation": str(place),
        }
        person = f"{place.platform}:{pressed.author.id}"
        workspace = f"{place.platform}:{place.workspace}"
        await self._records.put(Record(KIND, name, data, now, person, workspace))
        return custom_id(target._replace(value=MARK + name))

    async def about(self, value: str) -> About | None:
        """What an id's value stands for; None when it is forgotten."""
        if not value.startswith(MARK):
            return About(value)
        record = await self._records.get(KIND, value.removeprefix(MARK))
        if record is None:
            return None
        data = record.data
        place = ConversationId.parse(str(data["conversation"]))
        return About(str(data["value"]), str(data["message_id"]), place)
