"""What every handling needs: the same for all conversations of a worker."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.adapter import Adapter
from bot.admin import Admin
from bot.answering import Answerer
from bot.errors import DeliveryImpossible
from bot.settings import WorkerSettings
from bot.state.base import State


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of the program that a handling works with."""

    state: State
    adapters: Mapping[str, Adapter]
    answerer: Answerer
    admin: Admin
    settings: WorkerSettings

    def adapter(self, platform: str) -> Adapter:
        """A platform's adapter. Raises DeliveryImpossible where there is none."""
        try:
            return self.adapters[platform]
        except KeyError:
            raise DeliveryImpossible(
                f"no adapter for {platform!r} is configured in this process"
            ) from None
