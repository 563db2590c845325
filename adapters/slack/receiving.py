"""What Slack sends, by socket or over HTTP: stored before it is acknowledged."""

import asyncio
import logging
from collections.abc import Container, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from adapters.slack.catching_up import Presence, link_to
from adapters.slack.commands import Commands
from adapters.slack.events import Reaction, Reading, read, read_reaction
from adapters.slack.interactions import Ack, Interactions
from adapters.slack.names import ChannelNames
from adapters.slack.payloads import MALFORMED, check, owner
from adapters.slack.sessions import Sessions
from adapters.slack.web import SlackRefused, SlackWeb
from adapters.slack.workspaces import NotInstalled, Workspaces
from bot.adapter import Intake, Listening
from bot.errors import DeliveryError, StateUnavailable
from bot.model import (
    Author,
    ConversationId,
    Deleted,
    Edited,
    Event,
    Rated,
    Replied,
    Said,
    Stopped,
)
from bot.unanswered import note_missed

log = logging.getLogger(__name__)

JSON = Mapping[str, Any]

OF_THE_APP = frozenset(
    {"app_home_opened", "app_context_changed", "agent_session_title_changed"}
)
REMOVED = frozenset({"app_uninstalled", "tokens_revoked"})
HEARD = (
    *("message", "app_mention", "reaction_added", "reaction_removed"),
    "agent_session_stopped",
)


class Receiver:
    """Takes deliveries of all workspaces in.

    `removed` are the messages that we deleted ourselves; `sessions` learn what was
    asked, and `names` what channels are called.
    """

    def __init__(
        self,
        workspaces: Workspaces,
        intake: Intake,
        removed: Container[str] = (),
        sessions: Sessions | None = None,
        names: ChannelNames | None = None,
    ) -> None:
        self._workspaces = workspaces
        self._intake = intake
        self._removed = removed
        self._sessions = sessions or Sessions()
        self._names = names or ChannelNames()
        self._interactions: dict[SlackWeb, Interactions] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, kind: str, payload: JSON, ack: Ack) -> None:
        """One delivery: `events_api`, `interactive` or `slash_commands`.

        What is not acknowledged, Slack sends again (an event) or tells the person.
        """
        try:
            if kind == "events_api":
                await self._store(payload)
                await ack()
            else:
                await self._act(kind, payload, ack)
        except NotInstalled as error:
            # Nobody could answer: sending it again would change nothing.
            log.warning("slack: %s", error)
            await ack()
        except (StateUnavailable, DeliveryError) as error:
            log.warning("a delivery is not acknowledged: %s", error)
        except Exception:
            log.exception("slack: a delivery of the kind %r failed", kind)

    async def take_event(self, web: SlackWeb, event: JSON) -> None:
        """An event of a workspace, out of its history or as it happens."""
        try:
            happened = await self._understand(web, event)
        except MALFORMED as error:
            # Slack would only send the same again.
            log.warning("an event %r cannot be read: %r", event.get("type"), error)
            return
        if isinstance(happened, Said):
            self._sessions.note(happened.conversation, happened.message.text)
        if happened is not None:
            await self._intake.accept(happened)

    async def take_missed(self, web: SlackWeb, event: JSON) -> None:
        """A question out of the history that is too old: it is listed for an admin."""
        try:
            happened = await self._understand(web, event)
        except MALFORMED as error:
            log.warning("a message in the history cannot be read: %r", error)
            return
        if not isinstance(happened, Said):
            return
        link = await link_to(web, happened.message)
        await note_missed(self._intake.records, happened.message, link)

    @property
    def presence(self) -> Presence:
        """When somebody last listened."""
        return Presence(self._intake.records)

    async def aclose(self) -> None:
        """End what was begun after an ack."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _act(self, kind: str, payload: JSON, ack: Ack) -> None:
        """Carry out what a person did."""
        web = await self._workspaces.web(*owner(payload))
        try:
            if kind == "interactive":
                await self._of(web).take(payload, ack)
            elif kind == "slash_commands":
                await Commands(web, self._intake, self._of(web)).take(
                    ack, dict(payload)
                )
            else:
                await ack()
        except MALFORMED:
            log.warning("slack: %r cannot be read", kind, exc_info=True)
            await ack()

    async def _store(self, payload: JSON) -> None:
        """Raises when it could not be stored: without the ack Slack sends it again."""
        event = payload.get("event")
        if payload.get("type") == "app_rate_limited":
            log.error("slack: it holds events back: more than 30,000 in an hour")
        if not isinstance(event, Mapping):
            return
        team, enterprise = owner(payload)
        kind = str(event.get("type"))
        if kind in REMOVED:
            await self._leave(event, team, enterprise)
            return
        web = await self._workspaces.web(team, enterprise)
        if kind in OF_THE_APP:
            self._start(self._of(web).see(event))
            return
        shared = bool(payload.get("is_ext_shared_channel"))
        await self.take_event(web, {**event, "is_ext_shared_channel": shared})

    async def _leave(self, event: JSON, team: str, enterprise: str) -> None:
        """The app was removed: nothing of the workspace is kept."""
        tokens = event.get("tokens")
        bots = tokens.get("bot") if isinstance(tokens, Mapping) else None
        # The tokens of people are none of ours.
        if event.get("type") == "app_uninstalled" or bots:
            for workspace in await self._workspaces.forget(team, enterprise):
                await self._intake.forget_workspace("slack", workspace)

    def _of(self, web: SlackWeb) -> Interactions:
        """What is pressed and opened in a workspace."""
        if web not in self._interactions:
            self._interactions[web] = Interactions(web, self._intake, self._names)
        return self._interactions[web]

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _understand(self, web: SlackWeb, event: JSON) -> Event | None:
        """The event as ours; None when it is not for us."""
        if event.get("type") not in HEARD:
            return None
        check(event)
        me = await web.identify()
        if reaction := read_reaction(event, me):
            return await self._rated(web, reaction)
        reading = read(event, me)
        return None if reading is None else await self._for_us(web, reading)

    async def _for_us(self, web: SlackWeb, reading: Reading) -> Event | None:
        happened = reading.event
        if isinstance(happened, Deleted) and happened.message_id in self._removed:
            return None
        if isinstance(happened, Stopped):
            return happened
        part = False
        if reading.newly or (reading.follow_up and not reading.certain):
            part = await self._intake.takes_part(happened.conversation)
        if reading.newly and not part and isinstance(happened, Edited):
            # The name was forgotten and put in: only now it is said to us.
            happened = Said(happened.message)
        direct = reading.certain or reading.newly or (part and reading.follow_up)
        mode = await self._mode(happened.conversation)
        if isinstance(happened, Deleted):
            return happened if direct or mode is Listening.EVERY else None
        if mode is Listening.OFF or not (direct or mode is Listening.EVERY):
            return None
        if not direct and reading.answers:
            place, said = happened.conversation, happened.message
            return Replied(place, said.author, place.thread, said.id)
        if not direct and reading.to_others:
            return None
        return await self._with_author(web, happened, direct=direct)

    async def _mode(self, conversation: ConversationId) -> Listening:
        """Which messages count there; in private, each one is for us."""
        if conversation.channel.startswith("D"):
            return Listening.MENTION
        return await self._intake.listening(conversation)

    async def _with_author(
        self, web: SlackWeb, happened: Said | Edited, *, direct: bool
    ) -> Said | Edited:
        said = happened.message
        person = await web.person(said.author.id)
        said = replace(
            said,
            author=person.author,
            locale=person.locale,
            guests=said.guests or person.is_guest,
            direct=direct,
        )
        return replace(happened, message=said)

    async def _rated(self, web: SlackWeb, reaction: Reaction) -> Rated | None:
        """A verdict, with the thread that the judged message is in."""
        me = await web.identify()
        try:
            found = await web.read(
                "conversations.replies",
                channel=reaction.channel,
                ts=reaction.ts,
                latest=reaction.ts,
                inclusive=True,
                limit=1,
            )
        except SlackRefused as error:
            log.info("a verdict on what cannot be seen: %s", error)
            return None
        thread = found["messages"][0].get("thread_ts") or reaction.ts
        conversation = ConversationId("slack", me.team_id, reaction.channel, thread)
        return Rated(
            conversation,
            Author(reaction.user),
            reaction.ts,
            reaction.verdict,
            reaction.id,
        )


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except (StateUnavailable, DeliveryError) as error:
        log.warning("slack: %s", error)
    except MALFORMED:
        log.warning("slack: an event of the app cannot be read", exc_info=True)
    except Exception:
        log.exception("slack: an event of the app itself failed")
