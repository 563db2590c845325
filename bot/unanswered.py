"""Questions that still need an answer: abstained from, judged bad, or missed.

The first two are records of kind "gap", whose id is that of the answer, with
`question`, `reason` ("abstained" or "downvoted"), `place` (the conversation as text),
`labels` (those that the place may see), `state` ("open" or "answered"), `answer` (what
was said instead) and `note` (what a person found wrong). What came in while the bot was
away, and is too old to be answered, is of kind "missed", with `question`, `author` (a
name), `place` and `url`.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from backends.base import EndReason
from bot import answers
from bot.answers import KeptAnswer
from bot.model import Message, answer_id
from bot.state.base import Record, Records
from bot.state.entry import person_tag, workspace_tag

KIND = "gap"
MISSED = "missed"


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
        # Another vote without a word leaves what the one before had to say.
        former = await self.records.get(KIND, kept.id)
        if former is not None and former.data["state"] == "open":
            note = note or str(former.data["note"])
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


async def note_missed(records: Records, asked: Message, url: str) -> None:
    """List a question for the admins; one that was answered is none.

    Raises StateUnavailable.
    """
    place = asked.conversation
    id = answer_id(place, asked.id)
    if await records.get(answers.KIND, id) is not None:
        return
    data = {
        "question": asked.text,
        "author": asked.author.name,
        "place": str(place),
        "url": url,
    }
    person = person_tag(place.platform, asked.author.id)
    workspace = workspace_tag(place.platform, place.workspace)
    record = Record(MISSED, id, data, asked.sent_at, person, workspace)
    await records.put(record, only_new=True)
