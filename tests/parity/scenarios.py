"""What a person can do on any platform, each told once. `stage` is the platform."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from parity.stage import Stage

Play = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A thing people do. `notes` say where a platform has a form of its own for it."""

    title: str
    play: Play
    notes: Mapping[str, str] = field(default_factory=dict)


SCENARIOS: list[Scenario] = []


def scenario(title: str, **notes: str) -> Callable[[Play], Play]:
    """Put a scenario into the table."""

    def add(play: Play) -> Play:
        SCENARIOS.append(Scenario(title, play, notes))
        return play

    return add
