"""The page about the bot for one person: what it knows, remembers, and who answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from backends.base import BackendError
from backends.knowledge.store import DocumentRecord
from bot import answers, unanswered
from bot.adapter import Adapter
from bot.buttons import button
from bot.cases import Case, Cases
from bot.model import Action, Button, ConversationId, Message, Panel, PanelSection
from bot.overview import Overview, change_words
from bot.policies import audience, is_admin, is_reviewer
from bot.router import DEFAULT_SCOPE
from bot.settings import Settings
from bot.state.base import Record
from bot.state.entry import person_tag, workspace_tag
from bot.switching import route_words
from bot.words import say

Documents = Callable[[str], Awaitable[list[DocumentRecord]]]
"""The documents of a collection."""

LISTED = 10
LOOKED_AT = 200
LINE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Panels:
    """Puts panels together, of what is the asker's and their workspace's alone."""

    settings: Settings
    overview: Overview
    cases: Cases
    documents: Documents
    adapters: Mapping[str, Adapter]

    async def panel(self, message: Message) -> Panel:
        """What a person gets to see."""
        place = message.conversation
        sections = [await self._knowledge(message), await self._memory(message)]
        author, platform = message.author, place.platform
        if is_admin(author, platform, self.settings):
            sections += await self._problems(platform)
            sections += await self._answering(place)
            sections += [self._case(case) for case in await self._open_cases(place)]
        if is_reviewer(author, platform, self.settings):
            sections += await self._gaps(place)
        if is_admin(author, platform, self.settings):
            sections += await self._missed(place)
            sections.append(await self._audit(place))
        return Panel(say("panel_title"), tuple(sections))

    async def _knowledge(self, message: Message) -> PanelSection:
        place = message.conversation
        switching = self.overview.switching
        choice = await switching.choice(place)
        options = switching.profiles.profile(choice.profile).options
        collection = options.get("collection")
        labels = audience(place, self.settings.audience, guests=message.guests)
        try:
            found = await self.documents(collection or self.settings.collection)
        except BackendError as error:
            return PanelSection(say("panel_knows"), say("no_search", reason=error))
        seen = [each for each in found if not labels.isdisjoint(each.labels)]
        lines = [say("panel_documents", count=len(seen))]
        lines += [f"- {_line(each.title or each.name)}" for each in seen[:LISTED]]
        if len(seen) > LISTED:
            lines.append("- …")
        return PanelSection(say("panel_knows"), "\n".join(lines))

    async def _memory(self, message: Message) -> PanelSection:
        session = await self.overview.state.memory.recall(message.conversation)
        place = message.conversation
        person = person_tag(place.platform, message.author.id)
        kept = await self._newest(answers.KIND, place)
        mine = [each for each in kept if each.person == person]
        buttons = [button(Action.FORGET, "", style="danger")]
        if session.turns:
            reset = button(Action.RESET, "", confirm=say("reset_confirm"))
            buttons.insert(0, reset)
        lines = [say("panel_memory", count=len(mine))]
        if session.turns:
            lines.append(say("remembered", count=len(session.turns)))
        return PanelSection(say("panel_remembers"), "\n".join(lines), tuple(buttons))

    async def _problems(self, platform: str) -> list[PanelSection]:
        """What keeps the platform from working as the settings want."""
        adapter = self.adapters.get(platform)
        problems = (await adapter.health()).problems if adapter is not None else ()
        lines = [f"- {problem}" for problem in problems]
        return [PanelSection(say("panel_problems"), "\n".join(lines))] if lines else []

    async def _answering(self, place: ConversationId) -> list[PanelSection]:
        switching = self.overview.switching
        routes = await switching.routes(place)
        lines = [f"- {line}" for line in await self.overview.backends(place)]
        lines.append(f"- {await self.overview.inbox()}")
        buttons = (button(Action.SWITCH, ""), button(Action.UNDO, ""))
        sections = [PanelSection(say("panel_answers"), "\n".join(lines), buttons)]
        for scope, route in list(routes.items())[:LISTED]:
            switch = button(Action.SWITCH, scope)
            name = self.place_name(scope)
            sections.append(PanelSection(name, route_words(route), (switch,)))
        return sections

    async def _open_cases(self, place: ConversationId) -> list[Case]:
        workspace = workspace_tag(place.platform, place.workspace)
        return await self.cases.open_ones(workspace, LISTED)

    def _case(self, case: Case) -> PanelSection:
        where = case.link or self.place_name(str(case.conversation))
        text = f"{_line(case.question)}\n{where}"
        resolve = button(Action.RESOLVE, case.id)
        return PanelSection(say("panel_case", name=case.asker_name), text, (resolve,))

    async def _gaps(self, place: ConversationId) -> list[PanelSection]:
        """What nobody answered well, each with the means to answer it."""
        found = await self._newest(unanswered.KIND, place)
        gaps = [each for each in found if each.data["state"] == "open"]
        if not gaps:
            return []
        title = say("panel_unanswered", count=len(gaps))
        answer = say("answer_it")
        return [
            PanelSection(title, say("panel_unanswered_hint")),
            *(
                PanelSection(
                    _line(gap.data["question"]),
                    self.place_name(gap.data["place"]),
                    (Button(Action.CORRECT, answer, gap.id),),
                )
                for gap in gaps[:LISTED]
            ),
        ]

    async def _missed(self, place: ConversationId) -> list[PanelSection]:
        """What came in while we were away."""
        missed = [each.data for each in await self._newest(unanswered.MISSED, place)]
        if not missed:
            return []
        lines = [
            f"- {_line(each['question'])} "
            f"({each.get('url') or self.place_name(each['place'])})"
            for each in missed[:LISTED]
        ]
        title = say("panel_missed", count=len(missed))
        return [PanelSection(title, "\n".join(lines))]

    async def _newest(self, kind: str, place: ConversationId) -> list[Record]:
        workspace = workspace_tag(place.platform, place.workspace)
        records = self.overview.state.records
        return await records.newest(kind, workspace=workspace, limit=LOOKED_AT)

    async def _audit(self, place: ConversationId) -> PanelSection:
        changes = await self.overview.switching.audit(place, LISTED)
        lines = [f"- {change_words(change)}" for change in changes]
        return PanelSection(say("panel_audit"), "\n".join(lines) or say("none"))

    def place_name(self, scope: str) -> str:
        """A scope, or a conversation as text, by the name that people know."""
        if scope == DEFAULT_SCOPE:
            return say("everywhere")
        place = ConversationId.parse(scope)
        if not place.channel:
            return say("whole_workspace")
        name = getattr(self.adapters.get(place.platform), "name", None)
        known = name(place) if callable(name) else ""
        return known or place.channel


def _line(text: str) -> str:
    """A text in one line, cut where it gets long."""
    line = " ".join(text.split())
    if len(line) <= LINE_CHARACTERS:
        return line
    return line[:LINE_CHARACTERS].rstrip() + " …"
