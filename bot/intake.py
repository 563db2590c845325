"""The way in: from an adapter into the durable inbox."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace

from bot import controls, forms, reviewing
from bot.adapter import Acceptance, Adapter, Listening
from bot.admin import Admin, is_stop
from bot.admission import Admission
from bot.answers import Answers
from bot.controls import Controls
from bot.errors import DeliveryError
from bot.model import (
    Action,
    Answer,
    ConversationId,
    Delivery,
    Edited,
    Event,
    Form,
    Message,
    Panel,
    Pressed,
    Said,
    Stopped,
    answer_id,
)
from bot.panels import Panels
from bot.places import Places
from bot.pressing import Pressing
from bot.settings import Settings
from bot.state.base import Records, State
from bot.suggestions import Suggestions
from bot.words import say, speaking

log = logging.getLogger(__name__)

NOTICE_SECONDS = 20.0
"""A full conversation is told so at most this often."""

ACCEPTED_SECONDS = 600.0
ACCEPTED_MOST = 10_000
"""So long, and of so many conversations, it is known here that we were asked there."""


@dataclass
class Reception:
    """The `Intake` of all adapters of a process."""

    state: State
    admin: Admin
    adapters: Mapping[str, Adapter]
    settings: Settings
    places: Places
    admission: Admission
    pressing: Pressing
    panels: Panels
    controls: Controls
    suggested: Suggestions
    _notices: set[asyncio.Task[None]] = field(default_factory=set)
    _noticed: dict[ConversationId, float] = field(default_factory=dict)
    _accepted: dict[ConversationId, float] = field(default_factory=dict)

    async def accept(self, event: Event) -> Acceptance:
        """Store an event; ask for patience when the conversation's box is full."""
        event = _stop_or(_storable(event))
        if isinstance(event, Said):
            async with self._speaking(event.conversation, event.message.locale):
                return await self._accept_said(event)
        if isinstance(event, Edited) and not await self._may_edit(event):
            return Acceptance.FULL
        limit = self.settings.worker.waiting_limit
        return await self.state.inbox.accept(event, limit=limit)

    async def _accept_said(self, said: Said) -> Acceptance:
        verdict = await self.admission.judge(said)
        if not verdict.admitted:
            self._tell(said.message, verdict.words)
            return Acceptance.FULL
        limit = self.settings.worker.waiting_limit
        acceptance = await self.state.inbox.accept(said, limit=limit)
        if acceptance is Acceptance.FULL:
            self._tell(said.message, say("please_wait", limit=limit))
        elif acceptance is Acceptance.STORED and said.message.direct:
            # What was overheard may be left to people: we take no part in it yet.
            self._note_accepted(said.conversation)
        return acceptance

    async def _may_edit(self, edited: Edited) -> bool:
        """Another answer takes as much as another question."""
        message = edited.message
        kept = await Answers(self.state.records).of_question(
            edited.conversation, message.id
        )
        if kept is None:
            return True  # of what was never answered, or waits for its answer
        async with self._speaking(edited.conversation, message.locale):
            asked = replace(message, id=edited.key)
            verdict = await self.admission.judge(Said(asked))
            if not verdict.admitted:
                self._tell(message, verdict.words)
        return verdict.admitted

    async def takes_part(self, conversation: ConversationId) -> bool:
        """Whether we have answered in this conversation, or were just asked there."""
        accepted = self._accepted.get(conversation)
        if accepted is not None and time.monotonic() - accepted < ACCEPTED_SECONDS:
            # The first answer may not have begun when the follow-up is there.
            return True
        return await self.state.deliveries.takes_part(conversation)

    async def command(self, message: Message) -> str | None:
        """Carry out a command at once; None when the text is none."""
        async with self._speaking(message.conversation, message.locale):
            return await self.admin.run(message)

    def profiles(self) -> Sequence[str]:
        """The names of the profiles."""
        return self.admin.profiles.names()

    async def listening(self, conversation: ConversationId) -> Listening:
        """Which messages of this place are for us."""
        return (await self.places.of(conversation)).listen

    async def press(self, pressed: Pressed) -> Form | str:
        """Do what a button is for; the form to open, or what to tell the person."""
        async with self._speaking(pressed.conversation):
            if pressed.action is Action.ASK:
                return await self._ask(pressed)
            if pressed.action in controls.ACTIONS:
                return await self.controls.press(pressed)
            if pressed.action in reviewing.ACTIONS:
                return await self.admin.review(pressed)
            return await self.pressing.press(pressed)

    async def _ask(self, pressed: Pressed) -> Form | str:
        """A question about a message of somebody's, put by a form."""
        if pressed.fields is None:
            return forms.ask_about(pressed)
        accepted = await self.accept(Said(forms.question_about(pressed)))
        return say("ask_later" if accepted is Acceptance.FULL else "asked")

    async def panel(self, message: Message) -> Panel:
        """What to show a person about the bot."""
        async with self._speaking(message.conversation, message.locale):
            return await self.panels.panel(message)

    def suggestions(
        self, conversation: ConversationId, *, guests: bool = False
    ) -> Sequence[str]:
        """A few questions that the documents of this place can answer."""
        return self.suggested.of(conversation, guests=guests)

    async def forget_workspace(self, platform: str, workspace: str) -> None:
        """Erase all that is kept of a workspace that we were removed from."""
        erased = await self.state.forget_workspace(platform, workspace)
        log.info("%s: %s is forgotten, %d things erased", platform, workspace, erased)

    @property
    def records(self) -> Records:
        """What a platform must remember."""
        return self.state.records

    @asynccontextmanager
    async def _speaking(
        self, conversation: ConversationId, locale: str = ""
    ) -> AsyncIterator[None]:
        """Speak the language of a place, or else of a person, if it is known."""
        place = await self.places.of(conversation)
        language = place.language or locale
        with speaking(language) if language else nullcontext():
            yield

    def _note_accepted(self, conversation: ConversationId) -> None:
        """The newest goes to the end, so that the oldest is what gets dropped."""
        self._accepted.pop(conversation, None)
        self._accepted[conversation] = time.monotonic()
        if len(self._accepted) > ACCEPTED_MOST:
            del self._accepted[next(iter(self._accepted))]

    def _tell(self, message: Message, words: str) -> None:
        """Say why there is no answer, once in a while: a flood must not be answered by
        another."""
        if not words:
            return
        now = time.monotonic()
        self._noticed = {
            place: at
            for place, at in self._noticed.items()
            if now - at < NOTICE_SECONDS
        }
        if message.conversation in self._noticed:
            return
        self._noticed[message.conversation] = now
        # Not awaited: the platform waits for its acknowledgement.
        notice = asyncio.create_task(self._post(message, words))
        self._notices.add(notice)
        notice.add_done_callback(self._notices.discard)

    async def _post(self, message: Message, words: str) -> None:
        adapter = self.adapters[message.conversation.platform]
        delivery = Delivery(
            # An edited message has an answer already, which must not be taken for it.
            answer_id=answer_id(message.conversation, f"notice:{message.id}"),
            conversation=message.conversation,
            covers=(),
            question_id=message.id,
            reply_token=message.reply_token,
        )
        try:
            part = adapter.render(Answer(words, complete=True))[0]
            await adapter.post(delivery, 0, part)
        except DeliveryError as error:
            log.warning("no notice in %s: %s", message.conversation, error)


def _stop_or(event: Event) -> Event:
    """The stop that a message means, said or edited so; else the event itself."""
    match event:
        case Said(message) if is_stop(message.text):
            return Stopped(message.conversation, message.author, message.id)
        case Edited(message, version) if is_stop(message.text):
            id = f"{message.id}:{version}"
            return Stopped(message.conversation, message.author, id)
    return event


def _storable(event: Event) -> Event:
    """Half a character, as a cut emoji leaves behind, is no text that can be stored."""
    if not isinstance(event, Said | Edited) or _whole(event.message.text):
        return event
    text = event.message.text.encode("utf-8", "replace").decode()
    return replace(event, message=replace(event.message, text=text))


def _whole(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)
