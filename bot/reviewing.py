"""Reviewers decide in the chat: on answers to train on, and on proposals.

One card at a time: what is decided says so, and the next one follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from backends.base import BackendError
from backends.tuning.example import Status, TrainingExample
from bot.errors import NotAllowed
from bot.examples import Examples
from bot.forms import FIELD_CHARACTERS, quoted
from bot.model import (
    Action,
    Announced,
    Author,
    Button,
    Choice,
    ConversationId,
    Form,
    FormField,
    Message,
    Pressed,
    answer_id,
)
from bot.policies import audience, is_reviewer, may_teach, narrowest
from bot.proposals import Proposal, Proposals, Teach
from bot.reading import Reading
from bot.settings import Settings
from bot.state.base import State
from bot.state.entry import person_tag, workspace_tag
from bot.words import say

ACTIONS = frozenset({Action.APPROVE, Action.REVISE, Action.REJECT, Action.LEARN})

EXAMPLE, PROPOSAL = "example", "proposal"

Item = TrainingExample | Proposal


@dataclass(frozen=True, slots=True)
class Reviewing:
    """What `review` shows, what its buttons do, and what `learn` proposes."""

    state: State
    settings: Settings
    examples: Examples
    reading: Reading
    teach: Teach

    @property
    def proposals(self) -> Proposals:
        return Proposals(self.state.records)

    async def propose(self, message: Message, title: str) -> str:
        """The command `learn`: the files of this conversation, or its last answer."""
        place = message.conversation
        self._require_reviewer(message.author, place)
        await self.reading.read(message, images=False)
        files = [file for file in await self.reading.of(place) if file.text]
        new = 0
        for file in files:
            new += await self._propose(
                message, f"file {file.name}", title or file.name, file.text
            )
        if not files:
            turns = (await self.state.memory.recall(place)).turns
            if not turns:
                return say("nothing_to_learn")
            last = turns[-1]
            new = await self._propose(
                message, last.message_id, title or last.question, last.answer
            )
        return say("proposed" if new else "proposed_before")

    async def start(self, message: Message) -> str:
        """The command `review`: the first card follows in this place."""
        place = message.conversation
        self._require_reviewer(message.author, place)
        await self.examples.collect()
        waiting = await self._waiting(place)
        if not waiting:
            return say("nothing_to_review")
        # Asked once more, the card comes once more: the former one may be far above.
        asked = answer_id(place, message.id)[:6]
        await self._show(place, waiting[0], asked, len(waiting))
        return say("reviewing", count=len(waiting))

    async def press(self, pressed: Pressed) -> Form | str:
        """A button of a card. Once decided, a card is decided."""
        place = pressed.conversation
        self._require_reviewer(pressed.author, place)
        kind, id, asked = (*pressed.value.split(":"), "", "")[:3]
        item = await self._get(kind, id)
        if item is None or not _belongs(item, place):
            return say("too_old")
        if _decided(item):
            return say("decided_before")
        if pressed.action is Action.REVISE and pressed.fields is None:
            return _revision(item, pressed.value)
        if pressed.action is Action.REVISE:
            by = person_tag(place.platform, pressed.author.id)
            item = await self._revise(item, pressed.fields or {}, by)
        approved = pressed.action is not Action.REJECT
        try:
            item = await self._decide(item, pressed.author, place, approved=approved)
        except BackendError as error:
            return say("not_taught", why=error)
        await self._close(place, item, asked, pressed.author, approved=approved)
        waiting = await self._waiting(place)
        if waiting:
            await self._show(place, waiting[0], asked, len(waiting))
        return "" if waiting else say("nothing_to_review")

    async def learn(self, pressed: Pressed) -> Form | str:
        """Propose a message for the documents; `value` is its text."""
        place = pressed.conversation
        self._require_reviewer(pressed.author, place)
        if pressed.fields is None:
            return self._learn_form(pressed)
        question = pressed.fields.get("question", "").strip()
        answer = pressed.fields.get("answer", "").strip()
        if not question or not answer:
            return say("empty_correction")
        said = Message(
            pressed.id,
            place,
            pressed.author,
            answer,
            sent_at=datetime.now(UTC),
            guests=pressed.guests,
        )
        collection = pressed.fields.get("collection", "")
        label = pressed.fields.get("label", "")
        what = pressed.message_id or pressed.id
        new = await self._propose(said, what, question, answer, collection, label)
        return say("proposed" if new else "proposed_before")

    async def _propose(
        self,
        message: Message,
        what: str,
        question: str,
        answer: str,
        collection: str = "",
        label: str = "",
    ) -> bool:
        place, author = message.conversation, message.author
        labels = self._labels(place, guests=message.guests)
        proposal = Proposal(
            id=answer_id(place, what),
            question=question,
            answer=answer,
            collection=collection or self.settings.collection,
            labels=(label,) if label in labels else tuple(labels[:1]),
            by=person_tag(place.platform, author.id),
            by_name=author.name or author.id,
            conversation=place,
            source=author.name or author.id,
            at=datetime.now(UTC),
        )
        return await self.proposals.add(proposal)

    def _labels(self, place: ConversationId, *, guests: bool) -> list[str]:
        """Whom a proposal may be for, the fewest first."""
        places = self.settings.audience
        return narrowest(audience(place, places, guests=guests), places)

    def _learn_form(self, pressed: Pressed) -> Form:
        names = sorted({self.settings.collection, *self._collections()})
        fields = [
            FormField("question", say("learn_question")),
            FormField(
                "answer",
                say("learn_answer"),
                initial=pressed.value[:FIELD_CHARACTERS],
                multiline=True,
            ),
        ]
        if len(names) > 1:
            choices = tuple(Choice(name, name) for name in names)
            label = say("learn_collection")
            fields.append(FormField("collection", label, names[0], choices=choices))
        labels = self._labels(pressed.conversation, guests=pressed.guests)
        if len(labels) > 1:
            choices = tuple(Choice(each, each) for each in labels)
            label = say("learn_label")
            fields.append(FormField("label", label, labels[0], choices=choices))
        return Form(
            Action.LEARN, say("learn_title"), say("send"), tuple(fields), value=""
        )

    def _collections(self) -> set[str]:
        tables = self.settings.backends.values()
        return {str(table["collection"]) for table in tables if "collection" in table}

    async def _waiting(self, place: ConversationId) -> list[Item]:
        workspace = workspace_tag(place.platform, place.workspace)
        examples = await self.examples.all(Status.CANDIDATE, workspace=workspace)
        return [*await self.proposals.waiting(workspace), *examples]

    async def _get(self, kind: str, id: str) -> Item | None:
        if kind == PROPOSAL:
            return await self.proposals.get(id)
        return await self.examples.get(id) if kind == EXAMPLE else None

    async def _revise(self, item: Item, fields: Mapping[str, str], by: str) -> Item:
        question = fields.get("question", "").strip() or item.question
        answer = fields.get("answer", "").strip() or item.answer
        if isinstance(item, Proposal):
            return replace(item, question=question, answer=answer)
        changed = item.rewritten(question, answer, by)
        await self.examples.save(changed)
        return await self.examples.get(item.id) or changed

    async def _decide(
        self, item: Item, author: Author, place: ConversationId, *, approved: bool
    ) -> Item:
        """Write the decision down. Raises NotAllowed, BackendError."""
        reviewer = person_tag(place.platform, author.id)
        four_eyes = self.settings.tuning.four_eyes
        if isinstance(item, TrainingExample):
            status = Status.APPROVED if approved else Status.REJECTED
            return await self.examples.decide(
                item, status, reviewer, four_eyes=four_eyes
            )
        if four_eyes and approved and item.by == reviewer:
            raise NotAllowed(say("four_eyes"))
        if approved and not may_teach(author, place.platform, self.settings):
            raise NotAllowed(say("not_teacher"))
        if approved:
            await self.teach(
                item.collection,
                item.question,
                item.answer,
                labels=frozenset(item.labels),
                source=item.source,
            )
        return await self.proposals.decide(
            item, "approved" if approved else "rejected", reviewer
        )

    async def _show(
        self, place: ConversationId, item: Item, asked: str, count: int
    ) -> None:
        value = _value(item, asked)
        buttons = (
            Button(Action.APPROVE, say("approve"), value, "primary"),
            Button(Action.REVISE, say("revise"), value),
            Button(Action.REJECT, say("reject"), value, "danger"),
        )
        text = f"{say('to_review', count=count)}\n\n{_card(item)}"
        await self._announce(place, value, text, "open", buttons)

    async def _close(
        self,
        place: ConversationId,
        item: Item,
        asked: str,
        by: Author,
        *,
        approved: bool,
    ) -> None:
        key = "was_approved" if approved else "was_rejected"
        text = f"{_card(item)}\n\n{say(key, name=by.name or by.id)}"
        await self._announce(place, _value(item, asked), text, "decided")

    async def _announce(
        self,
        place: ConversationId,
        value: str,
        text: str,
        version: str,
        buttons: tuple[Button, ...] = (),
    ) -> None:
        card = Announced(
            place, f"review {value}", text, version=version, buttons=buttons
        )
        await self.state.inbox.accept(card, limit=1)

    def _require_reviewer(self, author: Author, place: ConversationId) -> None:
        if not is_reviewer(author, place.platform, self.settings):
            raise NotAllowed(say("not_reviewer"))


def _value(item: Item, asked: str) -> str:
    """What a card is about, and which `review` asked for it."""
    kind = PROPOSAL if isinstance(item, Proposal) else EXAMPLE
    return f"{kind}:{item.id}:{asked}"


def _belongs(item: Item, place: ConversationId) -> bool:
    """A card says nothing in another workspace."""
    here = workspace_tag(place.platform, place.workspace)
    if isinstance(item, Proposal):
        where = item.conversation
        return workspace_tag(where.platform, where.workspace) == here
    return item.provenance.workspace == here


def _decided(item: Item) -> bool:
    if isinstance(item, Proposal):
        return item.state != "open"
    return item.status is not Status.CANDIDATE


def _card(item: Item) -> str:
    """What a reviewer reads."""
    if isinstance(item, Proposal):
        head = say(
            "card_proposal",
            name=item.by_name,
            collection=item.collection,
            labels=", ".join(item.labels) or say("none"),
        )
    else:
        head = say(f"card_{item.provenance.origin.value}")
    parts = [head, f"**{say('card_question')}**\n{quoted(item.question)}"]
    if isinstance(item, TrainingExample) and item.rejected:
        parts.append(f"**{say('card_rejected')}**\n{quoted(item.rejected)}")
    parts.append(f"**{say('card_answer')}**\n{quoted(item.answer)}")
    return "\n\n".join(parts)


def _revision(item: Item, value: str) -> Form:
    # What is too long for a field stays as it is, unless it is written anew.
    question, answer = (
        text if len(text) <= FIELD_CHARACTERS else ""
        for text in (item.question, item.answer)
    )
    fields = (
        FormField("question", say("card_question"), question, required=False),
        FormField("answer", say("card_answer"), answer, multiline=True, required=False),
    )
    return Form(Action.REVISE, say("revise"), say("approve"), fields, value=value)
