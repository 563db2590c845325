"""Answers that somebody proposes for the documents; a reviewer decides about each."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from bot.model import ConversationId
from bot.state.base import Record, Records
from bot.state.listing import all_records
from bot.wire import from_data, to_data

KIND = "proposal"
"""A record of this kind holds a `Proposal`."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A question with its answer, for a collection. `by` is "platform:author id".

    `state` is "open", "approved" or "rejected".
    """

    id: str
    question: str
    answer: str
    collection: str
    labels: tuple[str, ...]
    by: str
    by_name: str
    conversation: ConversationId
    source: str
    at: datetime
    state: str = "open"
    decided_by: str = ""


class Teach(Protocol):
    """Makes a reviewed answer a document of a collection; see `Library.teach`."""

    async def __call__(
        self,
        collection: str,
        question: str,
        answer: str,
        *,
        labels: frozenset[str],
        source: str,
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class Proposals:
    """The proposals of all workspaces."""

    records: Records
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def get(self, id: str) -> Proposal | None:
        record = await self.records.get(KIND, id)
        return None if record is None else from_data(Proposal, record.data)

    async def add(self, proposal: Proposal) -> bool:
        """Store a proposal; whether it is new."""
        return await self.records.put(_record(proposal), only_new=True)

    async def save(self, proposal: Proposal) -> None:
        """Store a proposal in the place of the former one."""
        await self.records.put(_record(proposal))

    async def decide(self, proposal: Proposal, state: str, by: str) -> Proposal:
        """Write down what became of it."""
        decided = replace(proposal, state=state, decided_by=by)
        await self.save(decided)
        return decided

    async def waiting(self, workspace: str) -> list[Proposal]:
        """What nobody has decided on in a workspace, the oldest first."""
        found = [
            from_data(Proposal, record.data)
            async for record in all_records(self.records, KIND, workspace)
        ]
        return [each for each in reversed(found) if each.state == "open"]


def _record(proposal: Proposal) -> Record:
    place = proposal.conversation
    return Record(
        KIND,
        proposal.id,
        to_data(proposal),
        proposal.at,
        proposal.by,
        f"{place.platform}:{place.workspace}",
    )
