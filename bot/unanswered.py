"""Questions that still need an answer: abstained from, judged bad, or missed.

Each is a record of kind "gap" whose id is that of the answer (or would be), with
`question`, `reason` ("abstained", "downvoted" or "missed"), `place` (the conversation
as text), `labels` (those that the place may see), `state` ("open" or "answered"),
`answer` (what was said instead) and `note` (what a person found wrong).
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from backends.base import EndReason
from bot.answers import KeptAnswer
from bot.model import Message, answer_id
from bot.state.base import Record, Records
from bot.state.entry import person_tag, workspace_tag

KIND = "gap"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Opens and closes gaps."""

    records: Records

    async def answered(self, kept: KeptAnswer) -> None:
        """An answer was given, anew perhaps: it abstains, or the gap is no more."""
        if kept.reason is EndReason.ABSTAINED:
            await self._open(kept, "abstained")
        elif await self._reason(kept.id) == "abstained":
            await self.records.remove(KIND, kept.id)

    async def downvoted(self, kept: KeptAnswer, note: str = "") -> None:
        """A person judged the answer bad."""
        abstained = await self._reason(kept.id) == "abstained"
        await self._open(kept, "abstained" if abstained else "downvoted", note)

    async def vote_taken_back(self, id: str) -> None:
        """Nobody judges the answer bad any more."""
        if await self._reason(id) == "downvoted":
            await self.records.remove(KIND, id)

    async def missed(self, message: Message, labels: frozenset[str]) -> None:
        """A question came in while we were away, and is too old to be answered."""
        place = message.conversation
        data = {
            "question": message.text,
            "reason": "missed",
            "place": str(place),
            "labels": sorted(labels),
            "state": "open",
            "answer": "",
            "note": "",
        }
        record = Record(
            KIND,
            answer_id(place, message.id),
            data,
            message.sent_at,
            person_tag(place.platform, message.author.id),
            workspace_tag(place.platform, place.workspace),
        )
        await self.records.put(record, only_new=True)

    async def close(self, id: str) -> None:
        """A person has answered it."""
        record = await self.records.get(KIND, id)
        if record is not None:
            data = {**record.data, "state": "answered"}
            await self.records.put(replace(record, data=data))

    async def drop(self, id: str) -> None:
        """The question is not asked any more."""
        await self.records.remove(KIND, id)

    async def _open(self, kept: KeptAnswer, reason: str, note: str = "") -> None:
        data: dict[str, Any] = {
            "question": kept.question,
            "reason": reason,
            "place": str(kept.conversation),
            "labels": list(kept.labels),
            "state": "open",
            "answer": kept.text,
            "note": note,
        }
        now = datetime.now(UTC)
        await self.records.put(
            Record(KIND, kept.id, data, now, kept.person, kept.workspace)
        )

    async def _reason(self, id: str) -> str:
        record = await self.records.get(KIND, id)
        return "" if record is None else str(record.data["reason"])
