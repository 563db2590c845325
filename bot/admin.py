"""The commands people give in the chat, the same words on every platform."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from backends.base import Health
from bot.errors import NotAllowed
from bot.model import Author, ConversationId, Message
from bot.policies import audience, clean, is_admin, is_operator
from bot.profiles import Profiles
from bot.router import DEFAULT_SCOPE, Choice, resolve, scope_of, scopes
from bot.settings import Settings
from bot.state.base import Change, Route, State
from bot.text import visible
from bot.words import say

HELP = """\
Ask me anything; I answer here, with sources. Commands:
- `backends`: what can answer, how it is, and where it is in use
- `use NAME`: let NAME answer in this channel; also `use NAME thread`, `use NAME \
workspace` (or `server`), `use NAME default`; `--share 20` gives it 20 % of the \
conversations (admins)
- `undo`: take the last switch back (admins)
- `status`: what answers here, and how things are
- `stop`: end the answer under way
- `reset`: forget this conversation
- `forget me`: erase what I keep of you, everywhere
- `whoami`: how I see you
- `help`: this"""

WIDTHS = {
    "": "channel",
    "here": "channel",
    "channel": "channel",
    "thread": "thread",
    "conversation": "thread",
    "workspace": "workspace",
    "server": "workspace",
    "default": "default",
}

_PLAIN = re.compile(
    r"[!/]?(?P<verb>backends|undo|status|reset|forget[ -]me|whoami|help)\s*[.!]?",
    re.IGNORECASE,
)
_USE = re.compile(
    r"[!/]?use\s+(?P<name>[\w.:-]+)(?:\s+(?P<width>here|channel|thread|conversation|"
    r"workspace|server|default))?(?:\s+(?:--|—|–)share[ =](?P<share>\d{1,3})\s*%?)?\s*",
    re.IGNORECASE,
)
_STOP = re.compile(r"[!/]?stop\s*[.!]?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was understood."""

    verb: str
    name: str = ""
    width: str = "channel"
    share: int | None = None


def parse(text: str) -> Command | None:
    """The command that `text` is, as a whole; None when it is a question."""
    text = visible(text).strip()
    if plain := _PLAIN.fullmatch(text):
        return Command(plain["verb"].lower().replace("-", " "))
    if use := _USE.fullmatch(text):
        share = int(use["share"]) if use["share"] else None
        width = WIDTHS[(use["width"] or "").lower()]
        return Command("use", use["name"], width, share)
    return None


def is_command(text: str) -> bool:
    """Whether `text` is a command rather than a question."""
    return parse(text) is not None


def is_stop(text: str) -> bool:
    """Whether `text` asks us to end the answer under way."""
    return _STOP.fullmatch(visible(text).strip()) is not None


@dataclass
class Admin:
    """Carries commands out. `facts` gives further lines for `status`."""

    state: State
    profiles: Profiles
    settings: Settings
    facts: Callable[[], Awaitable[list[str]]] | None = None

    async def run(self, message: Message) -> str | None:
        """The reply to a command, in Markdown; None when the text is none.

        Doing the same message twice switches once.
        """
        message = clean(message)
        command = parse(message.text)
        if command is None:
            return None
        try:
            match command.verb:
                case "use":
                    return await self._use(command, message)
                case "undo":
                    return await self._undo(command, message)
                case "backends":
                    return await self._backends()
                case "status":
                    return await self._status(message)
                case "reset":
                    return await self._reset(message.conversation)
                case "forget me":
                    return await self._forget(message)
                case "whoami":
                    return self._whoami(message)
        except NotAllowed as error:
            return str(error)
        return HELP

    async def _use(self, command: Command, message: Message) -> str:
        self._require_admin(message.author, message.conversation.platform)
        names = self.profiles.names()
        if command.name not in names:
            return say(
                "unknown_profile", name=f"`{command.name}`", known=_listed(names)
            )
        if command.share is not None and not 1 <= command.share <= 100:
            return "The share must be from 1 to 100 percent."
        health = await self.profiles.health(command.name)
        if health.shutdown_date is not None and health.shutdown_date <= _today():
            return (
                f"`{command.name}` cannot be used: its model {health.model} was shut "
                f"down on {health.shutdown_date}."
            )
        scope = scope_of(message.conversation, command.width)
        if scope == DEFAULT_SCOPE and not self._is_operator(message):
            return say("not_operator")
        before = (await self.state.routes.all()).get(scope)
        profile = before.profile if before else None
        after = Route(profile=command.name)
        if command.share is not None and command.share < 100:
            after = Route(profile=profile, canary=command.name, share=command.share)
        change = self._change(command, message, scope, before, after)
        await self.state.routes.switch(change)
        if (await self.state.routes.all()).get(scope) != after:
            return say("switched_before")
        where = _where(scope, message.conversation)
        share = (
            f"{command.share} % of the conversations" if after.canary else "questions"
        )
        lines = [
            f"From the next question on `{command.name}` answers {share} {where}.",
            *_warnings(command.name, health),
            "`undo` takes this back.",
        ]
        return "\n".join(lines)

    async def _undo(self, command: Command, message: Message) -> str:
        self._require_admin(message.author, message.conversation.platform)
        places = scopes(message.conversation)
        if not self._is_operator(message):
            places.remove(DEFAULT_SCOPE)
        change = self._change(command, message, "", None, None)
        undone = await self.state.routes.undo(places, change)
        if undone is None:
            return say("nothing_to_undo")
        where = _where(undone.scope, message.conversation)
        choice = await self._choice(message.conversation)
        return (
            f"Taken back {where}: {_named(undone.before)} → {_named(undone.after)}. "
            f"Here `{choice.profile}` answers now."
        )

    async def _backends(self) -> str:
        routes = await self.state.routes.all()
        lines = []
        names = self.profiles.names()
        healths = await asyncio.gather(*map(self.profiles.health, names))
        for name, health in zip(names, healths, strict=True):
            profile = self.profiles.profile(name)
            uses = [
                f"{scope} ({route.share} %)" if route.canary == name else scope
                for scope, route in sorted(routes.items())
                if name in (route.profile, route.canary)
            ]
            if name == self.profiles.default and "default" not in uses:
                uses.append("default")
            facts = [
                profile.kind,
                "ready" if health.ok else f"**down**: {health.detail}",
            ]
            if health.model:
                facts.append(f"model {health.model}")
            if health.shutdown_date:
                facts.append(f"shut down on {health.shutdown_date}")
            if uses:
                facts.append(f"in use: {', '.join(uses)}")
            if profile.fallback:
                facts.append(f"fallback {profile.fallback}")
            lines.append(f"- `{name}`: {'; '.join(facts)}")
        return "\n".join(lines)

    async def _status(self, message: Message) -> str:
        choice = await self._choice(message.conversation)
        health = await self.profiles.health(choice.profile)
        session = await self.state.memory.recall(message.conversation)
        labels = audience(message.conversation, self.settings.audience)
        why = "as its share" if choice.canary else "as set"
        where = _where(choice.scope, message.conversation)
        lines = [
            f"- `{choice.profile}` answers here, {why} {where}.",
            f"- It is {'ready' if health.ok else f'**down**: {health.detail}'}.",
            *(f"- {line}" for line in _warnings(choice.profile, health) if health.ok),
            f"- I remember {len(session.turns)} questions of this conversation"
            f"{', and a summary of what was before' if session.summary else ''}.",
            f"- Documents labelled {', '.join(sorted(labels)) or '(none)'} "
            "may be quoted here.",
        ]
        if self.facts is not None:
            lines += [f"- {fact}" for fact in await self.facts()]
        if is_admin(message.author, message.conversation.platform, self.settings):
            lines += await self._operations()
        return "\n".join(lines)

    async def _operations(self) -> list[str]:
        stats = await self.state.inbox.stats()
        lines = [
            f"- Inbox: {stats.waiting} waiting in {stats.conversations} conversations, "
            f"oldest {stats.oldest_seconds:.0f} s; {stats.dead} given up."
        ]
        for change in await self.state.routes.audit(5):
            verb = "undid" if change.undoes else "switched"
            lines.append(
                f"- {change.at:%Y-%m-%d %H:%M} UTC: {change.by_name or change.by} "
                f"{verb} {change.scope}: {_named(change.before)} → "
                f"{_named(change.after)}"
            )
        return lines

    async def _reset(self, conversation: ConversationId) -> str:
        turns = await self.state.memory.reset(conversation)
        return f"Forgotten: {turns} questions and answers of this conversation."

    async def _forget(self, message: Message) -> str:
        platform, author = message.conversation.platform, message.author.id
        turns = await self.state.memory.forget(platform, author)
        ratings = await self.state.feedback.forget(platform, author)
        waiting = await self.state.inbox.forget(platform, author)
        records = await self.state.records.forget(platform, author)
        # An answer under way may have been remembered meanwhile; those that end from
        # now on find that their question is gone, and forget it themselves.
        turns += await self.state.memory.forget(platform, author)
        return (
            f"Erased: {turns} of your questions with their answers (and summaries "
            f"that could hold them), {ratings} ratings, {waiting} waiting or given-up "
            f"messages, {records} records of answers and feedback. "
            "What you and I wrote stays in the chat itself until you delete it there; "
            "who switched backends stays in the audit."
        )

    def _whoami(self, message: Message) -> str:
        author, platform = message.author, message.conversation.platform
        admin = is_admin(author, platform, self.settings)
        roles = ", ".join(sorted(author.roles)) or "none"
        return (
            f"You are {author.name or 'somebody'}, `{platform}:{author.id}`; "
            f"roles: {roles}; {'an admin' if admin else 'not an admin'}."
        )

    def _is_operator(self, message: Message) -> bool:
        platform = message.conversation.platform
        return is_operator(message.author, platform, self.settings)

    def _require_admin(self, author: Author, platform: str) -> None:
        if not is_admin(author, platform, self.settings):
            raise NotAllowed(say("not_admin"))

    async def _choice(self, conversation: ConversationId) -> Choice:
        return resolve(
            conversation,
            await self.state.routes.all(),
            known=self.profiles.names(),
            default=self.profiles.default,
        )

    def _change(
        self,
        command: Command,
        message: Message,
        scope: str,
        before: Route | None,
        after: Route | None,
    ) -> Change:
        place = message.conversation
        # With the command: edited into another one, a message is another change.
        said = f"{command.verb} {command.name} {command.width} {command.share}"
        where = f"{place.platform}:{place.workspace}:{place.channel}"
        return Change(
            id=f"{where}:{message.id}:{said}",
            scope=scope,
            before=before,
            after=after,
            by=f"{place.platform}:{message.author.id}",
            by_name=message.author.name,
            said_in=str(place),
            at=datetime.now(UTC),
        )


def _today() -> date:
    return datetime.now(UTC).date()


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _named(route: Route | None) -> str:
    if route is None:
        return "(nothing set)"
    if route.canary:
        return f"{route.profile or '(wider scope)'} + {route.share} % {route.canary}"
    return route.profile or "(nothing set)"


def _where(scope: str, conversation: ConversationId) -> str:
    if scope == "default":
        return "by default"
    for width, words in (
        ("channel", "in this channel"),
        ("workspace", "in this workspace"),
        ("thread", "in this conversation"),
    ):
        if scope == scope_of(conversation, width):
            return words
    return f"in {scope}"


def _warnings(name: str, health: Health) -> list[str]:
    lines = []
    if not health.ok:
        lines.append(f"Careful: `{name}` is down now: {health.detail}.")
    if health.shutdown_date is not None:
        lines.append(
            f"Its model {health.model} is shut down on {health.shutdown_date}."
        )
    return lines
