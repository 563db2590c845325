"""What a press of a button does: who may, which form it opens, what is said."""

from dataclasses import dataclass, replace

from bot import forms
from bot.admission import Admission
from bot.answers import Answers, KeptAnswer
from bot.cases import Case, Cases
from bot.model import Action, Event, Form, Pressed, Rated, Said, Stopped
from bot.places import Places
from bot.policies import audience, is_admin, is_reviewer, may_teach
from bot.settings import Settings
from bot.source_list import source_list
from bot.state.base import State
from bot.words import say


@dataclass(frozen=True, slots=True)
class Pressing:
    """Answers presses at once; what takes time is an event for the workers."""

    state: State
    settings: Settings
    places: Places
    cases: Cases
    admission: Admission

    async def press(self, pressed: Pressed) -> Form | str:
        """The form to open, or what to tell the person. Raises StateUnavailable."""
        match pressed.action:
            case Action.STOP:
                return await self._stop(pressed)
            case Action.RESOLVE:
                return await self._resolve(pressed)
        kept = await Answers(self.state.records).get(pressed.value)
        if kept is None or not self._belongs(pressed, kept):
            return say("too_old")
        match pressed.action:
            case Action.GOOD | Action.BAD:
                return await self._rate(pressed, kept)
            case Action.CORRECT:
                return await self._correct(pressed, kept)
            case Action.RETRY:
                return await self._retry(pressed, kept)
            case Action.SOURCES:
                labels = audience(
                    kept.conversation, self.settings.audience, guests=kept.guests
                )
                return source_list(kept, labels & set(kept.labels))
            case Action.HUMAN:
                return await self._human(pressed, kept)
            case Action.SOLVED:
                return await self._solved(pressed, kept)
        return say("no_such_button")

    async def _stop(self, pressed: Pressed) -> str:
        delivery = await self.state.deliveries.get(pressed.value)
        if delivery is None or delivery.complete:
            return say("nothing_to_stop")
        place = delivery.conversation
        await self._accept(Stopped(place, pressed.author, pressed.id))
        return ""

    async def _rate(self, pressed: Pressed, kept: KeptAnswer) -> Form | str:
        if pressed.fields is not None:
            if any(text.strip() for text in pressed.fields.values()):
                await self._hand_on(pressed, kept)
            return say("thanks")
        delivery = await self.state.deliveries.get(kept.id)
        if delivery is None or not delivery.parts:
            return say("too_old")
        place, author = kept.conversation, pressed.author
        message, verdict = delivery.parts[0].id, pressed.action.value
        await self._accept(Rated(place, author, message, verdict, pressed.id))
        if pressed.action is Action.BAD:
            return forms.what_was_wrong(kept)
        return say("thanks")

    async def _correct(self, pressed: Pressed, kept: KeptAnswer) -> Form | str:
        if not self._is_reviewer(pressed):
            return say("not_reviewer")
        if pressed.fields is None:
            platform = pressed.conversation.platform
            teacher = may_teach(pressed.author, platform, self.settings)
            return forms.correction(kept, teacher=teacher)
        if not pressed.fields.get("answer", "").strip():
            return say("empty_correction")
        await self._hand_on(pressed, kept)
        return say("correcting")

    async def _retry(self, pressed: Pressed, kept: KeptAnswer) -> str:
        if not self._may_decide(pressed, kept):
            return say("not_yours")
        # Pressed twice before there is another answer, it is one wish.
        once = replace(pressed, id=f"again after {kept.at.isoformat()}")
        # Another answer takes as much as another question.
        asked = replace(kept.message(), id=once.key, author=pressed.author)
        verdict = await self.admission.judge(Said(asked))
        if not verdict.admitted:
            return verdict.words
        await self._hand_on(once, kept)
        return ""

    async def _human(self, pressed: Pressed, kept: KeptAnswer) -> str:
        place = await self.places.of(kept.conversation)
        if not place.human_channel:
            return say("no_human_channel")
        case = await self.cases.get(kept.id)
        if case is not None and case.is_open:
            return say("human_asked_before", name=case.asker_name)
        await self._hand_on(pressed, kept)
        return say("human_called")

    async def _solved(self, pressed: Pressed, kept: KeptAnswer) -> str:
        if not self._may_decide(pressed, kept):
            return say("not_yours")
        await self._hand_on(pressed, kept)
        return say("marked_solved")

    async def _resolve(self, pressed: Pressed) -> str:
        case = await self.cases.get(pressed.value)
        if case is None or not self._may_resolve(pressed, case):
            return say("too_old")
        if not case.is_open:
            return say("human_resolved", name=case.resolved_by)
        # Worked on where it was asked, so that two who resolve it do not meet.
        await self._accept(replace(pressed, conversation=case.conversation))
        return ""

    def _belongs(self, pressed: Pressed, kept: KeptAnswer) -> bool:
        """Whether the button can be there: under the answer, or in a panel."""
        answered, here = kept.conversation, pressed.conversation
        if (answered.platform, answered.channel) == (here.platform, here.channel):
            return True
        same = (answered.platform, answered.workspace) == (
            here.platform,
            here.workspace,
        )
        panel = pressed.action is Action.CORRECT and self._is_reviewer(pressed)
        return same and panel

    def _may_resolve(self, pressed: Pressed, case: Case) -> bool:
        """Whoever reads the call for a human; an admin in the panel, too."""
        here, asked = pressed.conversation, case.conversation
        if case.channel.channel == here.channel:
            return True
        same = (asked.platform, asked.workspace) == (here.platform, here.workspace)
        return same and is_admin(pressed.author, here.platform, self.settings)

    def _may_decide(self, pressed: Pressed, kept: KeptAnswer) -> bool:
        """Who asked, or who answers for what the bot says."""
        return pressed.author.id == kept.author_id or self._is_reviewer(pressed)

    def _is_reviewer(self, pressed: Pressed) -> bool:
        platform = pressed.conversation.platform
        return is_reviewer(pressed.author, platform, self.settings)

    async def _hand_on(self, pressed: Pressed, kept: KeptAnswer) -> None:
        """Have a worker do it, in the conversation that the answer is in."""
        await self._accept(replace(pressed, conversation=kept.conversation))

    async def _accept(self, event: Event) -> None:
        await self.state.inbox.accept(event, limit=self.settings.worker.waiting_limit)
