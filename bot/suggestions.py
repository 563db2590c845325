"""Questions that the documents of a place can answer, to begin with."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from backends.base import BackendError
from backends.knowledge.store import DocumentRecord
from backends.knowledge.teaching import PREFIX
from bot.model import ConversationId
from bot.policies import audience
from bot.settings import Settings
from bot.words import say

log = logging.getLogger(__name__)

FRESH_SECONDS = 600.0
MOST = 4


@dataclass
class Suggestions:
    """Suggests what reviewers answered before, then the documents' titles.

    What the documents are is looked up beside, for nobody can wait for it here.
    """

    settings: Settings
    documents: Callable[[str], Awaitable[list[DocumentRecord]]]
    _known: list[DocumentRecord] = field(default_factory=list)
    _looked_at: float = float("-inf")
    _looking: asyncio.Task[None] | None = None

    def of(self, conversation: ConversationId, *, guests: bool = False) -> list[str]:
        """A few questions; none until the documents are known."""
        if time.monotonic() - self._looked_at > FRESH_SECONDS:
            self._looked_at = time.monotonic()
            self._looking = asyncio.create_task(self.look())
        labels = audience(conversation, self.settings.audience, guests=guests)
        seen = [each for each in self._known if not labels.isdisjoint(each.labels)]
        taught = [each.title for each in seen if each.name.startswith(PREFIX)]
        others = [
            say("suggestion", title=each.title)
            for each in seen
            if each.title and not each.name.startswith(PREFIX)
        ]
        return [*taught[:MOST], *others][:MOST]

    async def look(self) -> None:
        """Learn what the documents are now."""
        try:
            self._known = await self.documents(self.settings.collection)
        except BackendError as error:
            log.info("no suggestions: %s", error)
        self._looked_at = time.monotonic()
