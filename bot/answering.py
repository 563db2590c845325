"""From a question to a finished answer: policies, memory, route, backend, fallback."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from backends.base import (
    Backend,
    BackendError,
    BackendMisconfigured,
    BackendRefused,
    BackendUnavailable,
    Chunk,
    EndReason,
    PastTurn,
    Turn,
    Usage,
)
from bot import buttons, policies
from bot.answers import Cited
from bot.errors import PluginError
from bot.growing import Growing
from bot.model import Answer, ConversationId, Message
from bot.outgoing import Outgoing
from bot.places import Places
from bot.profiles import Profiles
from bot.reading import Attached, Reading
from bot.recall import fit, past
from bot.router import resolve
from bot.settings import Settings
from bot.state.base import RememberedTurn, Session, State
from bot.words import say

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer. `profile` is empty when no backend was asked; `labels` are those
    that it was allowed to draw on."""

    answer: Answer
    profile: str = ""
    reason: EndReason = EndReason.COMPLETE
    usage: Usage | None = None
    cited: tuple[Cited, ...] = ()
    labels: frozenset[str] = frozenset()


class Answerer:
    """Answers questions with the profile that is in force where they are asked."""

    def __init__(
        self,
        state: State,
        profiles: Profiles,
        settings: Settings,
        places: Places,
        reading: Reading,
    ) -> None:
        self._state = state
        self._profiles = profiles
        self._settings = settings
        self._places = places
        self._reading = reading

    async def answer(self, message: Message, outgoing: Outgoing) -> Answered:
        """Answer `message`, showing the answer while it grows.

        Raises BackendUnavailable when neither the profile nor a fallback can answer,
        and what `Outgoing.show` raises.
        """
        message = policies.clean(message)
        refusal = policies.refusal(message, self._settings)
        if refusal is not None:
            return Answered(Answer(refusal, complete=True))
        session = await self._state.memory.recall(message.conversation)
        session = _before(session, message.id)
        routes = await self._state.routes.all()
        name = resolve(
            message.conversation,
            routes,
            known=self._profiles.names(),
            default=self._profiles.default,
        ).profile
        recalled = fit(session, self._profiles.profile(name).memory_tokens)
        attached = await self._attached(message, name, outgoing)
        if not message.text:
            return Answered(Answer(_only_files(attached), complete=True))
        turn = Turn(
            question=message.text,
            history=recalled.history,
            summary=recalled.summary,
            audience=policies.audience(
                message.conversation, self._settings.audience, guests=message.guests
            ),
            author=message.author.name,
            stable_key=outgoing.delivery.answer_id,
            files=attached.files,
        )
        place = await self._places.of(message.conversation)
        blank = Answer(
            "",
            notice=_notice(message, attached),
            buttons=buttons.growing(outgoing.delivery.answer_id),
            link_hosts=tuple(place.link_hosts),
        )
        answered = await self._ask(name, turn, outgoing, blank)
        return replace(answered, labels=turn.audience)

    async def _attached(
        self, message: Message, name: str, outgoing: Outgoing
    ) -> Attached:
        """The files of the conversation, read first if they come with this message."""
        if message.attachments:
            names = ", ".join(file.name for file in message.attachments)
            step = say("reading_files", names=names)
            outgoing.show(Answer("", step=step))
        images = False
        with suppress(BackendMisconfigured, PluginError):
            backend = self._profiles.backend(name)
            images = getattr(backend, "takes_images", False)
        return await self._reading.read(message, images=images)

    @property
    def memory_seconds(self) -> float:
        """How long a session is remembered after its last turn."""
        return self._settings.memory.idle_hours * 3600

    def collection(self, name: str) -> str:
        """The documents that a profile answers from; it may be gone by now."""
        if name not in self._profiles.names():
            return self._settings.collection
        options = self._profiles.profile(name).options
        return options.get("collection") or self._settings.collection

    async def remember(self, message: Message, answered: Answered) -> None:
        """Put a finished turn into the session's memory."""
        if not answered.profile:
            return
        turn = RememberedTurn(
            message_id=message.id,
            author_id=message.author.id,
            author_name=message.author.name,
            question=policies.clean(message).text,
            answer=answered.answer.text,
            at=datetime.now(UTC),
        )
        await self._state.memory.remember(
            message.conversation, turn, ttl=self.memory_seconds
        )

    async def condense(self, conversation: ConversationId, name: str) -> None:
        """Fold what falls out of the profile's window into the running summary."""
        summarise = getattr(self._profiles.backend(name), "summarise", None)
        if summarise is None:
            return
        session = await self._state.memory.recall(conversation)
        recalled = fit(session, self._profiles.profile(name).memory_tokens)
        if not recalled.overflow:
            return
        turns: tuple[PastTurn, ...] = tuple(map(past, recalled.overflow))
        summary = await summarise(session.summary, turns)
        ids = [turn.message_id for turn in recalled.overflow]
        await self._state.memory.summarise(
            conversation, summary, ids, before=session.summary
        )

    async def _ask(
        self, name: str, turn: Turn, outgoing: Outgoing, blank: Answer
    ) -> Answered:
        """Ask a profile, then its fallback, then that one's, each at most once."""
        first = name
        asked: set[str] = set()
        down: BackendError | None = None
        while True:
            asked.add(name)
            try:
                answered = await self._stream(name, turn, outgoing, blank)
                return await self._declare_stand_in(answered, first)
            except BackendRefused as error:
                log.info("profile %s declined: %s", name, error)
                return Answered(Answer(say("refused"), complete=True))
            except (BackendError, PluginError) as error:
                log.warning("profile %s cannot answer: %s", name, error)
                if isinstance(error, BackendUnavailable):
                    down = error
                elif not isinstance(error, BackendMisconfigured | PluginError):
                    down = down or BackendUnavailable(str(error))
                fallback = self._profiles.profile(name).fallback
                if fallback is not None and fallback not in asked:
                    name = fallback
                elif down is not None:
                    # One of them may be back when it is tried again.
                    raise down from None
                else:
                    return Answered(Answer(say("misconfigured"), complete=True))

    async def _declare_stand_in(self, answered: Answered, first: str) -> Answered:
        if answered.profile == first:
            return answered
        words = say("stood_in", stand_in=answered.profile, profile=first)
        notice = " ".join(filter(None, [answered.answer.notice, words]))
        return replace(answered, answer=replace(answered.answer, notice=notice))

    async def _stream(
        self, name: str, turn: Turn, outgoing: Outgoing, blank: Answer
    ) -> Answered:
        backend: Backend = self._profiles.backend(name)
        growing = Growing(blank)
        outgoing.show(growing.answer())
        async with _closing(backend.answer(turn)) as chunks:
            async for chunk in chunks:
                if growing.add(chunk):
                    outgoing.show(growing.answer())
                if growing.end is not None or outgoing.gone:
                    break
        if outgoing.gone:
            return _answered(growing, name, EndReason.STOPPED)
        if growing.end is None:
            raise BackendUnavailable(f"{name}: the answer broke off before its end")
        if not growing.text.strip():
            raise BackendUnavailable(f"{name}: the answer was empty")
        if growing.end is EndReason.LENGTH:
            growing.notes.append(say("cut_short"))
        return _answered(growing, name, growing.end)


def _notice(message: Message, attached: Attached) -> str:
    """What is told besides: what was not read, and the question of a form, which is
    not to be seen elsewhere."""
    notes = []
    if message.anchor:
        question = message.text.partition("\n\n>")[0]
        asker = message.author.name or say("somebody")
        notes.append(say("asked_by", name=asker, question=question))
    if attached.unread:
        notes.append(_unread(attached))
    return " ".join(notes)


def _only_files(attached: Attached) -> str:
    """The reply to files without a question."""
    names = ", ".join(file.name for file in attached.files)
    words = [say("files_read", names=names)] if names else []
    if attached.unread:
        words.append(_unread(attached))
    return "\n".join(words)


def _unread(attached: Attached) -> str:
    reasons = "; ".join(reason.rstrip(".") for reason in attached.unread)
    return say("not_read", reasons=reasons)


def _answered(growing: Growing, name: str, reason: EndReason) -> Answered:
    answer = replace(growing.answer(), complete=True, buttons=())
    return Answered(answer, name, reason, growing.usage, tuple(growing.cited))


def _before(session: Session, message_id: str) -> Session:
    """What had been said before a message: an edited one has a turn already."""
    for place, turn in enumerate(session.turns):
        if turn.message_id == message_id:
            return replace(session, turns=session.turns[:place])
    return session


@asynccontextmanager
async def _closing(chunks: AsyncIterator[Chunk]) -> AsyncIterator[AsyncIterator[Chunk]]:
    """Close a stream at the end; what goes wrong then does not spoil the answer."""
    try:
        yield chunks
    finally:
        close = getattr(chunks, "aclose", None)
        try:
            if close is not None:
                await close()
        except Exception as error:
            log.warning("a backend's stream does not close: %r", error)
