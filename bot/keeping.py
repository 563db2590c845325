"""What stays of an answer: its record with its buttons, its turn, its gap."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from backends.base import EndReason
from bot import buttons
from bot.answering import Answered
from bot.answers import KeptAnswer
from bot.desk import Desk
from bot.model import Answer
from bot.policies import clean
from bot.question import Question
from bot.words import say


@dataclass(frozen=True, slots=True)
class Keeping:
    """Keeps answers, and forgets what a person had erased meanwhile."""

    desk: Desk

    async def keep(
        self, question: Question, answered: Answered, id: str
    ) -> KeptAnswer | None:
        """Keep an answer before its buttons are shown.

        None when the one before was erased while this one was being given.
        """
        before = question.before
        if before is not None and await self.desk.answers.get(before.id) is None:
            return None
        message = question.message
        kept = KeptAnswer(
            id=id,
            conversation=message.conversation,
            question=clean(message).text,
            text=answered.answer.text,
            profile=answered.profile,
            reason=answered.reason,
            at=datetime.now(UTC),
            author_id=message.author.id,
            author_name=message.author.name,
            asked=question.asked,
            cited=answered.cited,
            labels=tuple(sorted(answered.labels)),
            guests=message.guests,
            locale=message.locale,
            anchor=message.anchor,
        )
        await self.desk.answers.keep(kept)
        return kept

    async def with_buttons(self, kept: KeptAnswer, answer: Answer) -> Answer:
        """A finished answer with what can be pressed under it."""
        place = await self.desk.places.of(kept.conversation)
        adapter = self.desk.adapter(kept.conversation.platform)
        solvable = getattr(adapter, "solvable", None)
        pressable = buttons.finished(
            kept,
            place,
            solvable=bool(solvable and solvable(kept.conversation)),
        )
        if kept.reason is EndReason.STOPPED:
            pressable = buttons.stopped(kept)
        return replace(
            answer, buttons=pressable, link_hosts=tuple(place.link_hosts), complete=True
        )

    async def shown(self, kept: KeptAnswer) -> Answer:
        """A kept answer as people see it."""
        notice = ""
        if kept.corrected_by:
            notice = say("corrected", name=kept.corrected_by)
        sources = tuple(cited.source for cited in kept.cited)
        answer = Answer(kept.text, sources, notice)
        return await self.with_buttons(kept, answer)

    async def restored(self, before: KeptAnswer, notice: str = "") -> Answer:
        """The answer from before, when another try came to nothing."""
        # With a new time: another press of Retry is another wish.
        kept = replace(before, at=datetime.now(UTC))
        await self.desk.answers.keep(kept)
        answer = await self.shown(kept)
        return replace(answer, notice=" ".join(filter(None, [answer.notice, notice])))

    async def remember(
        self, question: Question, answered: Answered, kept: KeptAnswer
    ) -> None:
        """Put the turn into memory, and tell whether the question is still open."""
        before = question.before
        if before is not None and before.question_id != question.message.id:
            memory = self.desk.state.memory
            await memory.drop(before.conversation, before.question_id)
        await self.desk.answerer.remember(question.message, answered)
        await self.desk.unanswered.answered(kept)

    async def forget(self, question: Question, kept: KeptAnswer | None = None) -> None:
        """Let nothing stay: the question is not what stands there any more."""
        message, kept = question.message, kept or question.before
        await self.desk.state.memory.drop(message.conversation, message.id)
        if kept is not None:
            await self.desk.answers.drop(kept)
            await self.desk.unanswered.drop(kept.id)
