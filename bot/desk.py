"""What every handling needs: the same for all conversations of a worker."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.adapter import Adapter
from bot.admin import Admin
from bot.answering import Answerer
from bot.answers import Answers
from bot.cases import Cases
from bot.errors import DeliveryImpossible
from bot.places import Places
from bot.proposals import Teach
from bot.reading import Reading
from bot.settings import WorkerSettings
from bot.state.base import State
from bot.unanswered import Unanswered


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of the program that a handling works with."""

    state: State
    adapters: Mapping[str, Adapter]
    answerer: Answerer
    admin: Admin
    settings: WorkerSettings
    places: Places
    cases: Cases
    reading: Reading
    teach: Teach

    @property
    def answers(self) -> Answers:
        """The answers that are kept."""
        return Answers(self.state.records)

    @property
    def unanswered(self) -> Unanswered:
        """The questions that still need an answer."""
        return Unanswered(self.state.records)

    def adapter(self, platform: str) -> Adapter:
        """A platform's adapter. Raises DeliveryImpossible where there is none."""
        try:
            return self.adapters[platform]
        except KeyError:
            raise DeliveryImpossible(
                f"no adapter for {platform!r} is configured in this process"
            ) from None
