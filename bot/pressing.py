"""What a press of a button does: who may, which form it opens, what is said."""

from dataclasses import dataclass, replace

from bot.model import Action, Form, Pressed, Rated, Stopped
from bot.settings import Settings
from bot.state.base import State
from bot.words import say


@dataclass
class Pressing:
    """Answers presses at once; what takes time is an event for the workers."""

    state: State
    settings: Settings

    async def press(self, pressed: Pressed) -> Form | str:
        """The form to open, or what to tell the person. Raises StateUnavailable."""
        delivery = await self.state.deliveries.get(pressed.value)
        if delivery is None:
            return say("too_old")
        pressed = replace(pressed, conversation=delivery.conversation)
        return await self._of_answer(pressed)

    async def _of_answer(self, pressed: Pressed) -> Form | str:
        place, author = pressed.conversation, pressed.author
        match pressed.action:
            case Action.GOOD | Action.BAD:
                verdict = pressed.action.value
                rated = Rated(place, author, pressed.message_id, verdict, pressed.id)
                await self._accept(rated)
                return say("thanks")
            case Action.STOP:
                await self._accept(Stopped(place, author, pressed.id))
                return ""
        return say("too_old")

    async def _accept(self, event: Rated | Stopped) -> None:
        await self.state.inbox.accept(event, limit=self.settings.worker.waiting_limit)
