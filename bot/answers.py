"""Finished answers as they are kept: for sources, corrections, gaps, data sets."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from backends.base import Citation, EndReason
from bot.model import Author, ConversationId, Message, Source, answer_id
from bot.state.base import Record, Records
from bot.state.entry import person_tag, workspace_tag
from bot.wire import from_data, to_data

KIND = "answer"
"""A record of this kind holds a `KeptAnswer`; its id is the answer's."""

LATER = "asked"
"""Tells of a further message of a burst which answer it has a part in."""

FEEDBACK = "feedback"
"""What a person thought of an answer: `answer`, `question`, `verdict`, `wrong` and
`better` (what they wrote); its id is the answer's with the person's."""

CORRECTION = "correction"
"""An answer that a reviewer rewrote: `question`, `bad`, `good`, `sources`, `profile`,
`labels`, `reviewer` (an id), `reviewer_name`, `place`; its id is the answer's."""

KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Asked:
    """A message with a question; those of a burst are one question together."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A source, the passage that it quotes, and who may see that."""

    source: Source
    passage: str
    document: str
    labels: tuple[str, ...]

    @classmethod
    def of(cls, citation: Citation) -> "Cited":
        """What is kept of a backend's citation."""
        passage = citation.passage
        source = Source(
            number=citation.number,
            title=passage.title,
            section=passage.section,
            quote=citation.quote,
            url=passage.uri,
            page=passage.page,
        )
        labels = tuple(sorted(passage.labels))
        return cls(source, passage.id, passage.document, labels)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was asked and what was said; `labels` are those of the place it was for.

    `corrected_by` names the reviewer whose text it is. What is left of the fields is
    what it takes to answer the question once more.
    """

    id: str
    conversation: ConversationId
    question: str
    text: str
    profile: str
    reason: EndReason
    at: datetime
    author_id: str
    author_name: str
    asked: tuple[Asked, ...]
    cited: tuple[Cited, ...] = ()
    labels: tuple[str, ...] = ()
    corrected_by: str = ""
    guests: bool = False
    locale: str = ""
    anchor: str = ""

    @property
    def question_id(self) -> str:
        """The message that the question is known by, in memory too."""
        return self.asked[0].message_id

    @property
    def person(self) -> str:
        """Whose question it is, as records name people."""
        return person_tag(self.conversation.platform, self.author_id)

    @property
    def workspace(self) -> str:
        """Where it was asked, as records name workspaces."""
        return workspace_tag(self.conversation.platform, self.conversation.workspace)

    def message(self) -> Message:
        """The question as it was asked."""
        return Message(
            id=self.question_id,
            conversation=self.conversation,
            author=Author(self.author_id, self.author_name),
            text=self.question,
            sent_at=self.at,
            guests=self.guests,
            locale=self.locale,
            anchor=self.anchor,
        )


@dataclass(frozen=True, slots=True)
class Answers:
    """Keeps answers for thirty days."""

    records: Records

    async def keep(self, kept: KeptAnswer) -> None:
        """Keep an answer in the place of the one before."""
        await self.records.put(self._record(KIND, kept.id, kept, to_data(kept)))
        for later in kept.asked[1:]:
            id = answer_id(kept.conversation, later.message_id)
            await self.records.put(self._record(LATER, id, kept, {"answer": kept.id}))

    async def get(self, id: str) -> KeptAnswer | None:
        """An answer by its id."""
        record = await self.records.get(KIND, id)
        return None if record is None else from_data(KeptAnswer, record.data)

    async def of_question(
        self, conversation: ConversationId, message_id: str
    ) -> KeptAnswer | None:
        """The answer to a message, or to the burst that it was part of."""
        id = answer_id(conversation, message_id)
        if (later := await self.records.get(LATER, id)) is not None:
            id = later.data["answer"]
        kept = await self.get(id)
        if kept is None or all(part.message_id != message_id for part in kept.asked):
            return None
        return kept

    async def drop(self, kept: KeptAnswer) -> None:
        """Do not keep an answer any longer."""
        await self.records.remove(KIND, kept.id)
        for later in kept.asked[1:]:
            id = answer_id(kept.conversation, later.message_id)
            await self.records.remove(LATER, id)

    async def purge(self, now: datetime) -> None:
        """Drop what was kept long enough."""
        await self.records.purge(KIND, now - KEPT)
        await self.records.purge(LATER, now - KEPT)

    def _record(
        self, kind: str, id: str, kept: KeptAnswer, data: dict[str, object]
    ) -> Record:
        return Record(kind, id, data, kept.at, kept.person, kept.workspace)
