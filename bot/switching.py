"""Switching what answers somewhere, and taking that back; who may, and the audit."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from backends.base import Health
from bot.errors import NotAllowed
from bot.model import Author, ConversationId
from bot.policies import is_admin, is_operator
from bot.profiles import Profiles
from bot.router import DEFAULT_SCOPE, Choice, resolve, scope_of
from bot.settings import Settings
from bot.state.base import Change, Route, State
from bot.state.entry import workspace_prefix
from bot.words import say

PRESS_SECONDS = 1.5
"""A person waits, and a platform: who is pressed must answer soon."""

LOOKED_AT = 1_000
"""Changes of all workspaces among which those of one are looked for."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants a change, where it was said, and an id: the same wish twice is one."""

    id: str
    author: Author
    place: ConversationId


@dataclass(frozen=True, slots=True)
class Switching:
    """Changes routes for those who may."""

    state: State
    profiles: Profiles
    settings: Settings

    async def use(
        self, wish: Wish, profile: str, scope: str, share: int | None = None
    ) -> str:
        """Let a profile answer at a scope; the reply. Raises NotAllowed."""
        self.require_admin(wish)
        names = self.profiles.names()
        if profile not in names:
            known = ", ".join(f"`{name}`" for name in names)
            return say("unknown_profile", name=f"`{profile}`", known=known)
        if share is not None and not 1 <= share <= 100:
            return say("share_range")
        health = await self.profiles.health(profile, PRESS_SECONDS)
        if health.shutdown_date is not None and health.shutdown_date <= _today():
            day = health.shutdown_date
            return say("shut_down", name=profile, model=health.model, day=day)
        if scope == DEFAULT_SCOPE and not self.is_operator(wish):
            return say("not_operator")
        before = (await self.state.routes.all()).get(scope)
        after = Route(profile=profile)
        if share is not None and share < 100:
            wider = before.profile if before else None
            after = Route(profile=wider, canary=profile, share=share)
        change = self._change(wish, scope, before, after)
        await self.state.routes.switch(change)
        if (await self.state.routes.all()).get(scope) != after:
            return say("switched_before")
        where = place_words(scope, wish.place)
        switched = say("switched", name=profile, where=where)
        if after.canary:
            switched = say("switched_share", name=profile, where=where, share=share)
        return "\n".join([switched, *warnings(profile, health), say("undo_hint")])

    async def undo(self, wish: Wish, scopes: Sequence[str]) -> str:
        """Take the newest change of these scopes back; the reply. Raises NotAllowed."""
        self.require_admin(wish)
        undone = await self.state.routes.undo(
            self._allowed(wish, scopes), self._change(wish, "", None, None)
        )
        if undone is None:
            return say("nothing_to_undo")
        return say(
            "undone",
            where=place_words(undone.scope, wish.place),
            before=route_words(undone.before),
            after=route_words(undone.after),
            name=(await self.choice(wish.place)).profile,
        )

    async def last(self, wish: Wish) -> Change | None:
        """The newest change of the workspace that can be taken back."""
        self.require_admin(wish)
        taken_back: set[str] = set()
        for change in await self.audit(wish.place, LOOKED_AT):
            if change.undoes:
                taken_back.add(change.undoes)
            elif change.id not in taken_back and self._allowed(wish, [change.scope]):
                return change
        return None

    async def audit(self, place: ConversationId, limit: int) -> list[Change]:
        """The newest changes that concern a workspace."""
        changes = await self.state.routes.audit(LOOKED_AT)
        return [each for each in changes if concerns(each.scope, place)][:limit]

    async def routes(self, place: ConversationId) -> dict[str, Route]:
        """The routes that concern a workspace, by scope."""
        routes = await self.state.routes.all()
        return {
            scope: route
            for scope, route in sorted(routes.items())
            if concerns(scope, place)
        }

    async def choice(self, place: ConversationId) -> Choice:
        """What answers in a place now."""
        return resolve(
            place,
            await self.state.routes.all(),
            known=self.profiles.names(),
            default=self.profiles.default,
        )

    async def healths(self) -> dict[str, Health]:
        """How every profile is."""
        names = self.profiles.names()
        found = await asyncio.gather(*map(self.profiles.health, names))
        return dict(zip(names, found, strict=True))

    def require_admin(self, wish: Wish) -> None:
        """Raise NotAllowed for anybody else."""
        if not is_admin(wish.author, wish.place.platform, self.settings):
            raise NotAllowed(say("not_admin"))

    def is_operator(self, wish: Wish) -> bool:
        """Whether this is an admin of all workspaces."""
        return is_operator(wish.author, wish.place.platform, self.settings)

    def _allowed(self, wish: Wish, scopes: Sequence[str]) -> list[str]:
        operator = self.is_operator(wish)
        return [scope for scope in scopes if operator or scope != DEFAULT_SCOPE]

    def _change(
        self, wish: Wish, scope: str, before: Route | None, after: Route | None
    ) -> Change:
        return Change(
            id=wish.id,
            scope=scope,
            before=before,
            after=after,
            by=f"{wish.place.platform}:{wish.author.id}",
            by_name=wish.author.name,
            said_in=str(wish.place),
            at=datetime.now(UTC),
        )


def concerns(scope: str, place: ConversationId) -> bool:
    """Whether a scope is of a place's workspace, or of all."""
    beginning = workspace_prefix(place.platform, place.workspace)
    return scope == DEFAULT_SCOPE or scope.startswith(beginning)


def route_words(route: Route | None) -> str:
    """A route for people."""
    if route is None or not (route.canary or route.profile):
        return say("no_route")
    if route.canary:
        wider = route.profile or say("wider_scope")
        return say("shared_route", name=wider, canary=route.canary, share=route.share)
    return str(route.profile)


def place_words(scope: str, place: ConversationId) -> str:
    """Where a scope is, as seen from a place."""
    if scope == DEFAULT_SCOPE:
        return say("by_default")
    for width in ("channel", "workspace", "thread"):
        if scope == scope_of(place, width):
            return say(f"in_this_{width}")
    return say("in_place", name=scope)


def warnings(name: str, health: Health) -> list[str]:
    """What an admin should know of a profile."""
    lines = []
    if not health.ok:
        lines.append(say("down_now", name=name, detail=health.detail))
    if health.shutdown_date is not None:
        lines.append(say("ends_on", model=health.model, day=health.shutdown_date))
    return lines


def _today() -> date:
    return datetime.now(UTC).date()
