"""The commands people give in the chat, the same words on every platform."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bot.adapter import Listening
from bot.errors import NotAllowed
from bot.model import Action, Author, ConversationId, Form, Message, Pressed
from bot.models import Models
from bot.overview import Overview
from bot.places import Places
from bot.policies import clean, is_admin, is_reviewer
from bot.profiles import Profiles
from bot.reading import Reading
from bot.reviewing import Reviewing
from bot.router import scope_of, scopes
from bot.state.base import State
from bot.state.entry import person_tag
from bot.switching import Switching, Wish
from bot.text import visible
from bot.words import say

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
    r"[!/]?(?P<verb>backends|undo|status|reset|review|forget[ -]me|whoami|help)"
    r"\s*[.!]?",
    re.IGNORECASE,
)
_USE = re.compile(
    r"[!/]?use\s+(?P<name>[\w.:-]+)(?:\s+(?P<width>here|channel|thread|conversation|"
    r"workspace|server|default))?(?:\s+(?:--|—|–)share[ =](?P<share>\d{1,3})\s*%?)?\s*",
    re.IGNORECASE,
)
_LISTEN = re.compile(r"[!/]?listen\s+(?P<name>mention|every|off)\s*", re.IGNORECASE)
_LEARN = re.compile(r"[!/]?learn(?:\s*:\s*(?P<name>[^\n]{1,200}))?\s*", re.IGNORECASE)
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
    if listen := _LISTEN.fullmatch(text):
        return Command("listen", listen["name"].lower())
    if learn := _LEARN.fullmatch(text):
        return Command("learn", (learn["name"] or "").strip())
    return None


def is_command(text: str) -> bool:
    """Whether `text` is a command rather than a question."""
    return parse(text) is not None


def is_stop(text: str) -> bool:
    """Whether `text` asks us to end the answer under way."""
    return _STOP.fullmatch(visible(text).strip()) is not None


@dataclass
class Admin:
    """Carries commands out."""

    state: State
    switching: Switching
    overview: Overview
    reading: Reading
    reviewing: Reviewing
    places: Places
    models: Models

    @property
    def profiles(self) -> Profiles:
        """The profiles that can be switched to."""
        return self.switching.profiles

    async def run(self, message: Message) -> str | None:
        """The reply to a command, in Markdown; None when the text is none.

        Doing the same message twice switches once.
        """
        message = clean(message)
        command = parse(message.text)
        if command is None:
            return None
        try:
            return await self._run(command, message)
        except NotAllowed as error:
            return str(error)

    async def _run(self, command: Command, message: Message) -> str:
        match command.verb:
            case "use" | "undo" | "listen":
                return await self._change(command, message)
            case "backends":
                return _list(await self.overview.backends(message.conversation))
            case "status":
                return _list(await self.overview.status(message))
            case "reset":
                return await self.reset(message.conversation)
            case "forget me":
                return await self.forget(message.conversation, message.author)
            case "whoami":
                return self._whoami(message)
            case "review":
                return await self.reviewing.start(message)
            case "learn":
                return await self.reviewing.propose(message, command.name)
        return say("help")

    async def review(self, pressed: Pressed) -> Form | str:
        """A button of a review card, or a message that is to be learned."""
        try:
            if pressed.action is Action.LEARN:
                return await self.reviewing.learn(pressed)
            return await self.reviewing.press(pressed)
        except NotAllowed as error:
            return str(error)

    async def reset(self, conversation: ConversationId) -> str:
        """Forget a conversation."""
        turns = await self.state.memory.reset(conversation)
        await self.reading.drop(conversation)
        return say("reset_done", count=turns)

    async def forget(self, conversation: ConversationId, author: Author) -> str:
        """Forget a person, everywhere."""
        platform, person = conversation.platform, author.id
        turns = await self.state.memory.forget(platform, person)
        ratings = await self.state.feedback.forget(platform, person)
        waiting = await self.state.inbox.forget(platform, person)
        examples = await self.reviewing.examples.forget(person_tag(platform, person))
        await self.models.forgotten(examples)
        records = await self.state.records.forget(platform, person) + len(examples)
        # An answer under way may have been remembered meanwhile; those that end from
        # now on find that their question is gone, and forget it themselves.
        turns += await self.state.memory.forget(platform, person)
        counts = [
            say("forgot_turns", count=turns),
            say("forgot_ratings", count=ratings),
            say("forgot_waiting", count=waiting),
            say("forgot_records", count=records),
        ]
        return say("forgotten", what=", ".join(counts))

    async def _change(self, command: Command, message: Message) -> str:
        """What only admins may: which backend answers, and to which messages."""
        place, author = message.conversation, message.author
        wish = _wish(command, message)
        if command.verb == "use":
            scope = scope_of(place, command.width)
            return await self.switching.use(wish, command.name, scope, command.share)
        if command.verb == "undo":
            return await self.switching.undo(wish, scopes(place))
        self.switching.require_admin(wish)
        listening = Listening(command.name)
        by = person_tag(place.platform, author.id)
        await self.places.listen(place, listening, by=by)
        return say(f"listens_{listening.value}")

    def _whoami(self, message: Message) -> str:
        author, platform = message.author, message.conversation.platform
        settings = self.switching.settings
        rights = "whoami_nobody"
        if is_admin(author, platform, settings):
            rights = "whoami_admin"
        elif is_reviewer(author, platform, settings):
            rights = "whoami_reviewer"
        return say(
            "whoami",
            name=author.name or say("somebody"),
            id=f"{platform}:{author.id}",
            roles=", ".join(sorted(author.roles)) or say("none"),
            rights=say(rights),
        )


def _wish(command: Command, message: Message) -> Wish:
    place = message.conversation
    # With the command: edited into another one, a message is another change.
    said = f"{command.verb} {command.name} {command.width} {command.share}"
    where = f"{place.platform}:{place.workspace}:{place.channel}"
    return Wish(f"{where}:{message.id}:{said}", message.author, place)


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
