"""What Slack shows around an answer: the session with its Stop button, its title."""

import logging
import time
from collections.abc import Callable

from adapters.slack.web import SlackRefused, SlackWeb
from bot.errors import DeliveryError
from bot.model import ConversationId

log = logging.getLogger(__name__)

TITLE_LIMIT = 60
MOST_TITLES = 2_000
REFUSED_SECONDS = 600.0


class Sessions:
    """Sets a session's state; best effort, for answers do not depend on it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._titles: dict[ConversationId, str] = {}
        self._processing: set[ConversationId] = set()
        self._refused: dict[str, float] = {}

    def note(self, conversation: ConversationId, question: str) -> None:
        """The first question of a conversation is the title of its session."""
        title = " ".join(question.split())
        if len(title) > TITLE_LIMIT:
            title = title[: TITLE_LIMIT - 1].rpartition(" ")[0] + "…"
        if title:
            self._titles.setdefault(conversation, title)
        if len(self._titles) > MOST_TITLES:
            del self._titles[next(iter(self._titles))]

    async def begin(self, web: SlackWeb, conversation: ConversationId) -> None:
        """An answer is being worked on: people see that, and can stop it."""
        if conversation.thread and conversation not in self._processing:
            self._processing.add(conversation)
            title = self._titles.get(conversation)
            await self._set(web, conversation, "processing", title)

    async def end(self, web: SlackWeb, conversation: ConversationId) -> None:
        """The answer is whole."""
        if conversation in self._processing:
            self._processing.discard(conversation)
            await self._set(web, conversation, "active")

    def adopt(self, conversation: ConversationId) -> None:
        """Go on with what another process began."""
        self._processing.add(conversation)

    def ended(self, conversation: ConversationId) -> None:
        """Slack has set the state itself, at the end of a stream."""
        self._processing.discard(conversation)

    async def _set(
        self,
        web: SlackWeb,
        conversation: ConversationId,
        status: str,
        title: str | None = None,
    ) -> None:
        if self._refused.get(conversation.workspace, 0.0) > self._clock():
            return
        try:
            await web.write(
                "agents.sessions.setStatus",
                channel_id=conversation.channel,
                thread_ts=conversation.thread,
                status=status,
                title=title,
            )
        except SlackRefused as error:
            # An app that is no agent has no sessions.
            log.info("no session in %s: %s", conversation, error)
            until = self._clock() + REFUSED_SECONDS
            self._refused[conversation.workspace] = until
        except DeliveryError as error:
            log.debug("no session state in %s: %s", conversation, error)
