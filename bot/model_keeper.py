"""Keeps the profiles of tuned models as the registry has them, in every process."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.errors import StateUnavailable
from bot.models import Models
from bot.profiles import Profiles
from bot.settings import Settings

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""A model that was deployed can be used by then."""


@dataclass
class ModelKeeper:
    """Looks into the registry every few seconds."""

    models: Models
    profiles: Profiles
    settings: Settings

    async def look(self) -> None:
        """Adopt what is served now."""
        tables = await self.models.tables()
        self.profiles.adopt(tables, self.settings.memory.tokens)

    def start(self) -> Callable[[], Awaitable[None]]:
        """Look from now on; what comes back ends it."""
        looking = asyncio.create_task(self._keep_looking(), name="models")

        async def end() -> None:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

        return end

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except StateUnavailable as error:
                log.warning("tuned models are as they were: %s", error)
            except Exception:  # one that cannot be read must not end the others
                log.exception("tuned models are as they were")
