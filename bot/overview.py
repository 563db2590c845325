"""How things are, in lines for people: for commands, and for panels."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from backends.base import Health
from bot.model import ConversationId, Message
from bot.policies import audience, is_admin
from bot.router import DEFAULT_SCOPE
from bot.settings import Settings
from bot.state.base import Change, Route, State
from bot.switching import Switching, place_words, route_words, warnings
from bot.words import say

Facts = Callable[[], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Overview:
    """Describes profiles, places and what waits. `facts` are lines of other parts."""

    state: State
    settings: Settings
    switching: Switching
    facts: Facts | None = None

    async def backends(self, place: ConversationId) -> list[str]:
        """A line a profile: how it is, and where in this workspace it is used."""
        routes = await self.switching.routes(place)
        healths = await self.switching.healths()
        return [self._backend(name, healths[name], routes) for name in healths]

    def _backend(self, name: str, health: Health, routes: dict[str, Route]) -> str:
        profiles = self.switching.profiles
        profile = profiles.profile(name)
        uses = [
            f"{scope} ({route.share} %)" if route.canary == name else scope
            for scope, route in routes.items()
            if name in (route.profile, route.canary)
        ]
        if name == profiles.default and DEFAULT_SCOPE not in uses:
            uses.append(DEFAULT_SCOPE)
        facts = [
            profile.kind,
            say("ready") if health.ok else say("down", detail=health.detail),
        ]
        if health.model:
            facts.append(say("model", name=health.model))
        if health.shutdown_date:
            facts.append(say("shut_down_on", day=health.shutdown_date))
        if profiles.is_candidate(name) and not uses:
            facts.append(say("candidate", name=name))
        if uses:
            facts.append(say("in_use", places=", ".join(uses)))
        if profile.fallback:
            facts.append(say("fallback", name=profile.fallback))
        return f"`{name}`: {'; '.join(facts)}"

    async def status(self, message: Message) -> list[str]:
        """What answers here, what is remembered, and for admins what waits."""
        place = message.conversation
        choice = await self.switching.choice(place)
        health = await self.switching.profiles.health(choice.profile)
        session = await self.state.memory.recall(place)
        seen = audience(place, self.settings.audience, guests=message.guests)
        labels = ", ".join(sorted(seen))
        where = place_words(choice.scope, place)
        answers = "answers_here_share" if choice.canary else "answers_here"
        ready = say("is_ready") if health.ok else say("is_down", detail=health.detail)
        remembered = say("remembered", count=len(session.turns))
        if session.summary:
            remembered = f"{remembered} {say('remembered_summary')}"
        lines = [
            say(answers, name=choice.profile, where=where),
            ready,
            *(warnings(choice.profile, health) if health.ok else ()),
            remembered,
            say("labels_here", labels=labels or say("none")),
        ]
        if self.facts is not None:
            lines += await self.facts()
        if is_admin(message.author, place.platform, self.settings):
            lines.append(await self.inbox())
            changes = await self.switching.audit(place, 5)
            lines += map(change_words, changes)
        return lines

    async def inbox(self) -> str:
        """How much waits."""
        stats = await self.state.inbox.stats()
        return say(
            "inbox",
            waiting=stats.waiting,
            conversations=stats.conversations,
            seconds=round(stats.oldest_seconds),
            dead=stats.dead,
        )


def change_words(change: Change) -> str:
    """A change of the audit."""
    return say(
        "change_undone" if change.undoes else "change",
        at=f"{change.at:%Y-%m-%d %H:%M} UTC",
        name=change.by_name or change.by,
        scope=change.scope,
        before=route_words(change.before),
        after=route_words(change.after),
    )
