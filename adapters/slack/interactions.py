"""What people press, submit and open in one workspace, acknowledged and carried out."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from adapters.slack.web import SlackWeb
from bot.adapter import Intake

log = logging.getLogger(__name__)

JSON = Mapping[str, Any]
Handler = Callable[[JSON, "Ack"], Awaitable[None]]


class Ack(Protocol):
    """Tells Slack that a payload was taken, within three seconds; once."""

    async def __call__(self, answer: JSON | None = None) -> None:
        """Send the ack, with what to answer: an ephemeral text, errors of a modal."""
        ...


class Interactions:
    """Has a method for each type of payload, and for events of the app's surface."""

    def __init__(self, web: SlackWeb, intake: Intake) -> None:
        self._web = web
        self._intake = intake

    async def take(self, payload: JSON, ack: Ack) -> None:
        """Carry out an interaction; one of an unknown type is acknowledged."""
        handlers: dict[str, Handler] = {
            "block_actions": self.pressed,
            "view_submission": self.submitted,
            "view_closed": self.closed,
            "message_action": self.shortcut,
        }
        handler = handlers.get(str(payload.get("type")))
        if handler is None:
            log.info("an interaction of type %r is of no use", payload.get("type"))
            await ack()
            return
        await handler(payload, ack)

    async def see(self, event: JSON) -> None:
        """An event that is about the app itself; it has been acknowledged."""
        match event.get("type"):
            case "app_home_opened":
                await self.home_opened(event)
            case "app_context_changed":
                await self.context_changed(event)
            case "agent_session_title_changed":
                await self.title_changed(event)

    async def pressed(self, payload: JSON, ack: Ack) -> None:
        """A button of a message, of a modal or of the Home tab."""
        await ack()

    async def submitted(self, payload: JSON, ack: Ack) -> None:
        """A modal with what was filled in; an empty ack closes it."""
        await ack()

    async def closed(self, payload: JSON, ack: Ack) -> None:
        """A modal that was closed without being submitted."""
        await ack()

    async def shortcut(self, payload: JSON, ack: Ack) -> None:
        """A message shortcut, such as "Ask about this"."""
        await ack()

    async def home_opened(self, event: JSON) -> None:
        """Somebody looks at the Home tab, or at the messages with us."""

    async def context_changed(self, event: JSON) -> None:
        """Somebody who has us open beside it looks at something else."""

    async def title_changed(self, event: JSON) -> None:
        """Somebody gave a session another title."""
