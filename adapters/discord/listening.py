"""What a client heard, handed to the intake: in its order, and nothing dropped."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Container
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import aiohttp
import discord

from adapters.discord.cursors import PLATFORM, Cursors
from adapters.discord.events import (
    Reading,
    by_person,
    conversation_of,
    overheard,
    place_of,
    read,
    to_author,
    verdict,
)
from adapters.discord.heard import Memory
from adapters.discord.interactions import Interactions
from adapters.discord.settings import DiscordSettings
from bot.adapter import Acceptance, Intake, Listening
from bot.errors import StateUnavailable
from bot.model import (
    Author,
    ConversationId,
    Deleted,
    Edited,
    Message,
    Rated,
    Replied,
    Said,
)
from bot.unanswered import note_missed

log = logging.getLogger(__name__)

Job = Callable[[], Awaitable[None]]

AGAIN_SECONDS = (0.1, 5.0)
"""First and longest pause before an event is tried again that could not be stored."""

TRANSIENT = (StateUnavailable, discord.DiscordServerError, aiohttp.ClientError, OSError)
"""Trouble that passes: of the state, or of Discord when we must ask what is what."""

EDITABLE = timedelta(days=1)
"""The edit of an older message is not taken for a question."""


class Listener:
    """Hears for one bot.

    `titles` takes names for threads; `removed` are the messages we deleted ourselves.
    """

    def __init__(
        self,
        settings: DiscordSettings,
        intake: Intake,
        *,
        titles: dict[str, str],
        removed: Container[str] = (),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.interactions = Interactions(settings, intake)
        self.records = intake.records
        self.cursors = Cursors(intake.records)
        self._settings = settings
        self._intake = intake
        self._removed = removed
        self._sleep = sleep
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
        # A delete comes with ids alone; these say which conversation it is about.
        self._heard = Memory(titles)

    def take(self, job: Job) -> None:
        """Put something to do behind what came in before it."""
        self._jobs.put_nowait(job)

    async def take_in(self) -> None:
        """Do what is to be done, until cancelled."""
        while True:
            job = await self._jobs.get()
            try:
                await self._until_stored(job)
            except Exception:
                log.exception("a discord event could not be taken in")

    async def _until_stored(self, job: Job) -> None:
        """Discord does not send an event again: it is kept until it can be stored."""
        pause, longest = AGAIN_SECONDS
        while True:
            try:
                return await job()
            except TRANSIENT as error:
                log.warning("an event waits to be stored: %s", error)
            await self._sleep(pause)
            pause = min(pause * 2, longest)

    async def said(self, client: discord.Client, message: discord.Message) -> None:
        """A message was written, or found to have been written while we were away."""
        if message.guild is None and not message.author.bot:
            await self.cursors.room(message.channel.id, message.author.id)
        await self._said(client, message)
        self.cursors.heard(message)

    async def missed(self, client: discord.Client, message: discord.Message) -> None:
        """A message is too old to be answered: a question is listed for an admin."""
        reading = await self._read(client, message)
        asked: Message | None = None
        if reading is not None and (
            reading.certain
            or await self._intake.takes_part(reading.message.conversation)
        ):
            asked = reading.message
        elif by_person(message) and await self._every(message):
            asked = overheard(message, _me(client), threads=self._settings.threads)
        if asked is not None:
            await note_missed(self._intake.records, asked, message.jump_url)
        self.cursors.heard(message)

    async def _said(self, client: discord.Client, message: discord.Message) -> None:
        reading = await self._read(client, message)
        if reading is not None and (
            reading.certain
            or await self._intake.takes_part(reading.message.conversation)
        ):
            self._heard.note(reading.message)
            await self._intake.accept(Said(reading.message))
        elif by_person(message) and await self._every(message):
            await self._overhear(client, message)

    async def _every(self, message: discord.Message) -> bool:
        """Whether each message of this place is a question."""
        if message.guild is None:
            return False
        place = conversation_of(message, threads=self._settings.threads)
        return await self._intake.listening(place) is Listening.EVERY

    async def _overhear(self, client: discord.Client, message: discord.Message) -> None:
        """A message to nobody in particular: a question, or an answer to one."""
        threads = self._settings.threads
        if (answered := self._heard.answered(message, threads=threads)) is not None:
            place, asked = answered
            person = to_author(message.author)
            replied = Replied(place, person, asked, str(message.id))
            await self._intake.accept(replied)
            return
        await _with_roles(message)
        heard = overheard(message, _me(client), threads=threads)
        if heard is not None:
            self._heard.note(heard)
            await self._intake.accept(Said(heard))

    async def left(self, guild: int) -> None:
        """We were thrown out of a server: nothing of it is kept."""
        self.cursors.forget(f"{PLATFORM}:{guild}")
        await self._intake.forget_workspace(PLATFORM, str(guild))

    async def edited(self, client: discord.Client, message: discord.Message) -> None:
        """A message changed: its text, or only its previews and the like."""
        changed_at = message.edited_at
        if changed_at is None or datetime.now(UTC) - message.created_at > EDITABLE:
            return
        found = await self._edited(client, message)
        if found is None:
            return
        self._heard.note(found)
        # If our name was put in only now, the message is new to us.
        accepted = await self._intake.accept(Said(found))
        if accepted is Acceptance.DUPLICATE:
            # The same time stands on later updates that do not change the text.
            await self._intake.accept(Edited(found, changed_at.isoformat()))

    async def _edited(
        self, client: discord.Client, message: discord.Message
    ) -> Message | None:
        """What an edited message says now, if it is for us."""
        reading = await self._read(client, message)
        known = self._heard.get(str(message.id))
        if reading is not None and (
            reading.certain
            or (known is not None and known.direct)
            or await self._intake.takes_part(reading.message.conversation)
        ):
            return reading.message
        if known is None and not (by_person(message) and await self._every(message)):
            return None
        threads = self._settings.threads
        if self._heard.answered(message, threads=threads) is not None:
            return None
        await _with_roles(message)
        return overheard(message, _me(client), threads=threads)

    async def deleted(
        self, client: discord.Client, guild: int | None, channel: int, message: str
    ) -> None:
        """A message is gone; whose it was, we are not told."""
        if message in self._removed:
            return
        conversation: ConversationId | None = None
        if (heard := self._heard.get(message)) is not None:
            conversation = heard.conversation
        elif (place := await _place(client, guild, channel)) is not None:
            conversation = await self._of_ours(place, message)
        if conversation is not None:
            await self._intake.accept(Deleted(conversation, message))

    async def _of_ours(
        self, place: ConversationId, message: str
    ) -> ConversationId | None:
        """The conversation that a message may have been part of, if we are in it."""
        root = ConversationId("discord", place.workspace, place.channel, message)
        for conversation in (place, root):
            if await self._intake.takes_part(conversation):
                return conversation
        return None

    async def rated(
        self, client: discord.Client, event: discord.RawReactionActionEvent
    ) -> None:
        """A reaction was put on a message, or taken off again."""
        judged = verdict(str(event.emoji))
        author, me = event.message_author_id, _me(client)
        if judged is None or event.user_id == me or author not in (None, me):
            return
        place = await _place(client, event.guild_id, event.channel_id)
        if place is None:
            return
        if event.event_type == "REACTION_REMOVE":
            judged = "none"
        # Reactions have no ids; the last one of a person counts.
        now = str(time.time_ns())
        person = Author(str(event.user_id))
        rated = Rated(place, person, str(event.message_id), judged, now)
        await self._intake.accept(rated)

    async def _read(
        self, client: discord.Client, message: discord.Message
    ) -> Reading | None:
        """Our reading of a message; what it lacks is asked for if it may be for us."""
        if isinstance(message.channel, discord.PartialMessageable):
            found = await _channel(client, message.channel.id)
            if isinstance(found, discord.Thread | discord.TextChannel):
                message.channel = found
        reading = read(message, _me(client), threads=self._settings.threads)
        if reading is None or message.guild is None:
            return reading
        await _with_roles(message)
        return read(message, _me(client), threads=self._settings.threads)


async def _with_roles(message: discord.Message) -> None:
    """Read from the history, a message comes without the rights of its author."""
    if message.guild is not None and isinstance(message.author, discord.User):
        with suppress(discord.Forbidden, discord.NotFound):
            message.author = await message.guild.fetch_member(message.author.id)


def _me(client: discord.Client) -> int:
    return client.user.id if client.user is not None else 0


async def _place(
    client: discord.Client, guild: int | None, channel: int
) -> ConversationId | None:
    if guild is None:
        return place_of(None, discord.Object(channel))
    found = await _channel(client, channel)
    return None if found is None else place_of(guild, found)


async def _channel(client: discord.Client, id_: int) -> discord.abc.Snowflake | None:
    """A channel or thread; archived threads have to be asked for."""
    if (known := client.get_channel(id_)) is not None:
        return known
    try:
        return await client.fetch_channel(id_)
    except (discord.Forbidden, discord.NotFound, discord.InvalidData) as error:
        log.debug("no channel %s: %s", id_, error)
        return None
