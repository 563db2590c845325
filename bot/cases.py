"""Questions that were handed to people, until somebody resolves them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.adapter import Adapter
from bot.answers import Answers, KeptAnswer
from bot.buttons import button
from bot.forms import quoted
from bot.model import Action, Announced, Button, ConversationId, Pressed
from bot.places import Places
from bot.state.base import Record, State
from bot.state.entry import person_tag, workspace_tag
from bot.wire import from_data, to_data
from bot.words import say

KIND = "case"
"""A record of this kind holds a `Case`; its id is the answer's."""


@dataclass(frozen=True, slots=True)
class Case:
    """A call for a human. `round` counts how often one was asked for; `press` is the
    one that opened it."""

    id: str
    conversation: ConversationId
    channel: ConversationId
    question: str
    asker: str
    asker_name: str
    link: str
    mention: str
    press: str
    round: int = 1
    resolved_by: str = ""

    @property
    def is_open(self) -> bool:
        return not self.resolved_by


@dataclass(frozen=True, slots=True)
class Cases:
    """Calls people, and tells both sides when one has helped."""

    state: State
    places: Places
    adapters: Mapping[str, Adapter]

    async def get(self, id: str) -> Case | None:
        """A case by the id of its answer."""
        record = await self.state.records.get(KIND, id)
        return None if record is None else from_data(Case, record.data)

    async def open_ones(self, workspace: str, limit: int) -> list[Case]:
        """The newest open cases of a workspace, as records name it."""
        records = self.state.records
        found = await records.newest(KIND, workspace=workspace, limit=10 * limit)
        cases = [from_data(Case, record.data) for record in found]
        return [case for case in cases if case.is_open][:limit]

    async def open(self, pressed: Pressed) -> None:
        """Ask for a human, unless somebody did already."""
        kept = await Answers(self.state.records).get(pressed.value)
        if kept is None:
            return
        former = await self.get(kept.id)
        if former is not None and former.is_open and former.press != pressed.id:
            return
        case = former
        if former is None or former.press != pressed.id:
            rounds = former.round + 1 if former else 1
            case = await self._new(kept, pressed, rounds)
        if case is not None:
            await self._announce(case)

    async def close(self, pressed: Pressed) -> None:
        """Somebody has helped."""
        case = await self.get(pressed.value)
        if case is None or not case.is_open:
            return
        case = replace(case, resolved_by=pressed.author.name or pressed.author.id)
        # Told before it is written down: after a crash in between it is told again,
        # which is the same announcement.
        await self._announce(case)
        await self._put(case)

    async def _new(
        self, kept: KeptAnswer, pressed: Pressed, rounds: int
    ) -> Case | None:
        place = await self.places.of(kept.conversation)
        if not place.human_channel:
            return None
        where = kept.conversation
        channel = replace(where, channel=place.human_channel, thread="")
        link = getattr(self.adapters[where.platform], "link", None)
        case = Case(
            id=kept.id,
            conversation=where,
            channel=channel,
            question=kept.question,
            asker=pressed.author.id,
            asker_name=pressed.author.name or pressed.author.id,
            link=link(where, kept.anchor or kept.question_id) if link else "",
            mention=place.human_mention,
            press=pressed.id,
            round=rounds,
        )
        await self._put(case)
        return case

    async def _put(self, case: Case) -> None:
        platform, workspace = case.conversation.platform, case.conversation.workspace
        await self.state.records.put(
            Record(
                KIND,
                case.id,
                to_data(case),
                datetime.now(UTC),
                person_tag(platform, case.asker),
                workspace_tag(platform, workspace),
            )
        )

    async def _announce(self, case: Case) -> None:
        """Say how the case stands, to those who can help and where it was asked."""
        name, question = case.asker_name, quoted(case.question)
        call = say("human_call", name=name, question=question, where=case.link)
        notice = say("human_asked", name=name)
        if not case.is_open:
            call += "\n\n" + say("human_resolved", name=case.resolved_by)
            notice = say("human_resolved", name=case.resolved_by)
        await self._say(case, case.channel, call.strip(), Action.RESOLVE, case.mention)
        await self._say(case, case.conversation, notice, Action.SOLVED)

    async def _say(
        self,
        case: Case,
        place: ConversationId,
        text: str,
        action: Action,
        mention: str = "",
    ) -> None:
        buttons: tuple[Button, ...] = ()
        if case.is_open:
            buttons = (button(action, case.id),)
        announced = Announced(
            place,
            f"case {case.id} {case.round}",
            text,
            version="open" if case.is_open else "resolved",
            mention=mention,
            buttons=buttons,
        )
        await self.state.inbox.accept(announced, limit=1)
