"""Events that are not answered: ratings, corrections, deleted messages, cases."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from backends.citations import without_markers
from bot.answers import CORRECTION, FEEDBACK, KeptAnswer
from bot.desk import Desk
from bot.keeping import Keeping
from bot.model import Action, Deleted, Pressed, Rated, answer_id
from bot.plan import Plan
from bot.policies import may_teach
from bot.sending import Sending
from bot.state.base import Rating, Record, Work
from bot.state.entry import person_tag
from bot.wire import to_data


@dataclass(frozen=True, slots=True)
class Noting:
    """Does what such an event asks for; doing it twice is no error."""

    desk: Desk
    sending: Sending
    keeping: Keeping

    async def take(self, work: Work, plan: Plan) -> None:
        """Take note of the event of a plan."""
        match plan.event:
            case Rated() as rated:
                await self._rated(rated)
            case Deleted() as deleted:
                await self._deleted(deleted)
            case Pressed(action=Action.BAD) as pressed:
                await self._explained(pressed)
            case Pressed(action=Action.CORRECT) as pressed:
                await self._corrected(work, plan, pressed)
            case Pressed(action=Action.HUMAN) as pressed:
                await self.desk.cases.open(pressed)
            case Pressed(action=Action.RESOLVE | Action.SOLVED) as pressed:
                await self._solved(pressed)

    async def _rated(self, event: Rated) -> None:
        state = self.desk.state
        rated = await state.deliveries.of_message(event.conversation, event.message_id)
        if rated is None:
            return
        rating = Rating(
            answer_id=rated.answer_id,
            platform=event.conversation.platform,
            author_id=event.author.id,
            verdict=event.verdict,
            at=datetime.now(UTC),
        )
        await state.feedback.rate(rating)
        kept = await self.desk.answers.get(rated.answer_id)
        if kept is None:
            return
        await self._keep_feedback(kept, rating)
        if event.verdict == "bad":
            await self.desk.unanswered.downvoted(kept)
            return
        ratings = await state.feedback.of_answer(kept.id)
        if all(other.verdict != "bad" for other in ratings):
            await self.desk.unanswered.vote_taken_back(kept.id)

    async def _explained(self, pressed: Pressed) -> None:
        """Somebody said what is wrong with an answer."""
        kept, fields = await self.desk.answers.get(pressed.value), pressed.fields or {}
        if kept is None:
            return
        rating = Rating(
            kept.id,
            pressed.conversation.platform,
            pressed.author.id,
            "bad",
            datetime.now(UTC),
        )
        wrong, better = fields.get("wrong", ""), fields.get("better", "")
        await self._keep_feedback(kept, rating, wrong=wrong, better=better)
        await self.desk.unanswered.downvoted(kept, note=wrong)

    async def _keep_feedback(
        self, kept: KeptAnswer, rating: Rating, **words: str
    ) -> None:
        records = self.desk.state.records
        person = person_tag(rating.platform, rating.author_id)
        id = f"{kept.id}:{person}"
        if rating.verdict == "none":
            await records.remove(FEEDBACK, id)
            return
        data: dict[str, Any] = {
            "answer": kept.id,
            "question": kept.question,
            "verdict": rating.verdict,
            "wrong": "",
            "better": "",
            **words,
        }
        record = Record(FEEDBACK, id, data, rating.at, person, kept.workspace)
        # A vote that is delivered late must not wipe out what was written with it.
        former = None if words else await records.get(FEEDBACK, id)
        if former is None or former.data["verdict"] != rating.verdict:
            await records.put(record)

    async def _deleted(self, event: Deleted) -> None:
        """A question's answer goes with it; a deleted answer leaves memory."""
        state = self.desk.state
        mine = await state.deliveries.of_message(event.conversation, event.message_id)
        if mine is not None:
            kept = await self.desk.answers.get(mine.answer_id)
            asked = kept.question_id if kept else mine.question_id
            await state.memory.drop(mine.conversation, asked)
            if kept is not None:
                await self.desk.answers.drop(kept)
            return
        await state.memory.drop(event.conversation, event.message_id)
        await self.desk.reading.drop(event.conversation, event.message_id)
        kept = await self.desk.answers.of_question(event.conversation, event.message_id)
        place = await self.desk.places.of(event.conversation)
        key = kept.id if kept else answer_id(event.conversation, event.message_id)
        delivery = await state.deliveries.get(key)
        if place.keep_answers or delivery is None:
            return
        await self.sending.withdraw(delivery)
        if kept is not None:
            await self.desk.answers.drop(kept)
            await self.desk.unanswered.drop(kept.id)

    async def _corrected(self, work: Work, plan: Plan, pressed: Pressed) -> None:
        """A reviewer's text takes the place of the answer, everywhere."""
        before = await self.desk.answers.get(pressed.value)
        text = (pressed.fields or {}).get("answer", "").strip()
        if before is None or not text:
            return
        name = pressed.author.name or pressed.author.id
        cited = tuple(
            each for each in before.cited if f"[{each.source.number}]" in text
        )
        kept = replace(before, text=text, corrected_by=name, cited=cited)
        await self._keep_correction(before, kept, pressed)
        await self.desk.answers.keep(kept)
        await self.desk.unanswered.close(kept.id)
        await self._remember(kept)
        answer = await self.keeping.shown(kept)
        await self.sending.rewrite(work, plan, kept.id, answer)
        await self._teach(kept, pressed)

    async def _teach(self, kept: KeptAnswer, pressed: Pressed) -> None:
        """Make the correction a document, for those whom the reviewer chose."""
        fields = pressed.fields or {}
        label = fields.get("teach", "")
        platform, settings = kept.conversation.platform, self.desk.places.settings
        teacher = may_teach(pressed.author, platform, settings)
        if label not in kept.labels or not teacher:
            return
        link = getattr(self.desk.adapter(kept.conversation.platform), "link", None)
        place = (kept.conversation, kept.anchor or kept.question_id)
        await self.desk.teach(
            self.desk.answerer.collection(kept.profile),
            fields.get("question", "").strip() or kept.question,
            # Its markers mean passages that a document has none of.
            without_markers(kept.text),
            labels=frozenset({label}),
            source=(link(*place) if link else "") or kept.corrected_by,
        )

    async def _keep_correction(
        self, before: KeptAnswer, kept: KeptAnswer, pressed: Pressed
    ) -> None:
        records = self.desk.state.records
        former = await records.get(CORRECTION, kept.id)
        data = {
            "question": kept.question,
            # Corrected once more, the bad one is still what the bot had said.
            "bad": former.data["bad"] if former else before.text,
            "good": kept.text,
            "sources": [to_data(cited) for cited in kept.cited],
            "profile": kept.profile,
            "labels": list(kept.labels),
            "reviewer": person_tag(kept.conversation.platform, pressed.author.id),
            "reviewer_name": kept.corrected_by,
            "place": str(kept.conversation),
        }
        now = datetime.now(UTC)
        await records.put(
            Record(CORRECTION, kept.id, data, now, kept.person, kept.workspace)
        )

    async def _remember(self, kept: KeptAnswer) -> None:
        """The session goes on with the corrected text, if it still holds the turn."""
        memory, place = self.desk.state.memory, kept.conversation
        for turn in (await memory.recall(place)).turns:
            if turn.message_id == kept.question_id:
                turn = replace(turn, answer=kept.text)
                ttl = self.desk.answerer.memory_seconds
                await memory.remember(place, turn, ttl=ttl)

    async def _solved(self, pressed: Pressed) -> None:
        """A person has helped, or the answer did."""
        await self.desk.cases.close(pressed)
        await self.desk.unanswered.close(pressed.value)
        delivery = await self.desk.state.deliveries.get(pressed.value)
        solved = getattr(
            self.desk.adapter(pressed.conversation.platform), "solved", None
        )
        if delivery is not None and solved is not None:
            await solved(delivery)
