"""A bot on a local platform, and what people do there: the same for each platform."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from parity.backend import script

from backends.base import Profile
from backends.knowledge.library import Library
from bot.adapter import Adapter
from bot.app import App
from bot.model import Action
from bot.place_settings import PlaceSettings
from bot.profiles import Profiles
from bot.settings import Settings, WorkerSettings
from bot.state.sqlite import SqliteState
from bot.testing import ScriptedBackend

File = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a person."""

    id: str
    channel: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A message of the bot: where it stands, what it says, what can be pressed."""

    id: str
    channel: str
    text: str
    buttons: Mapping[Action, str]
    files: Sequence[File] = ()
    pings: frozenset[str] = frozenset()


@dataclass
class Stage(ABC):
    """One platform with the bot on it; people, channels, messages go by their ids."""

    folder: Path
    workspace: str = field(init=False, default="")
    settings: Settings = field(init=False)
    backends: dict[str, ScriptedBackend] = field(init=False)
    platform = ""

    def __post_init__(self) -> None:
        self.settings = Settings(
            data_dir=self.folder,
            worker=WorkerSettings(
                retry_seconds=0.1, lease_seconds=2, max_question_characters=9_000
            ),
        )
        self.backends = {
            name: ScriptedBackend(script(name)) for name in ("house", "tuned")
        }

    async def open(self) -> None:
        """Bring the platform up, and the bot on it."""
        await self.open_platform()
        await self.start_bot()

    async def aclose(self) -> None:
        await self.stop_bot()
        await self.close_platform()

    async def start_bot(self) -> None:
        self._state = SqliteState(self.folder / "state.db")
        await self._state.open()
        self._adapter = self.adapter()
        await self._adapter.open()
        known = {name: Profile(name, "scripted") for name in self.backends}
        profiles = Profiles(known, lambda it: self.backends[it.name], "house")
        self.app = App.compose(
            self.settings,
            self._state,
            Library(self.folder),
            profiles,
            {self.platform: self._adapter},
        )
        self._stopping = asyncio.Event()
        self._running = asyncio.create_task(self.app.run(self._stopping))
        await self.connected()

    async def stop_bot(self) -> None:
        self._stopping.set()
        with suppress(asyncio.CancelledError):
            await self._running
        await self._adapter.aclose()
        await self._state.aclose()

    async def until(self, condition: Callable[[], object], seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)

    async def quiet(self) -> None:
        """Wait until nothing waits any more."""
        await self.settled()
        async with asyncio.timeout(10):
            while (await self.app.state.inbox.stats()).waiting:
                await asyncio.sleep(0.01)

    async def answer(self, asked: Said, number: int = 1) -> Seen:
        """The answer to a question, when all of it is there: the last of so many."""
        await self.until(lambda: len(self.answers(asked)) >= number)
        await self.quiet()
        found = self.answers(asked)
        assert len(found) == number, [seen.text for seen in found]
        return found[-1]

    def behave(self, channel: str, **settings: object) -> None:
        """Give a channel settings of its own."""
        name = f"{self.platform}:{self.workspace}:{channel}"
        self.settings.places[name] = PlaceSettings.model_validate(settings)

    @abstractmethod
    async def open_platform(self) -> None: ...

    @abstractmethod
    async def close_platform(self) -> None: ...

    @abstractmethod
    def adapter(self) -> Adapter: ...

    @abstractmethod
    async def connected(self) -> None:
        """Wait until the bot listens."""

    @abstractmethod
    async def settled(self) -> None:
        """Wait until what people did has reached the bot."""

    @abstractmethod
    def person(self, name: str, *, admin: bool = False) -> str: ...

    @abstractmethod
    def channel(self, name: str) -> str: ...

    @abstractmethod
    def ask(
        self, person: str, channel: str, text: str, files: Sequence[File] = ()
    ) -> Said:
        """Ask the bot by its name."""

    @abstractmethod
    def say(self, person: str, channel: str, text: str) -> Said:
        """Say something to nobody in particular."""

    @abstractmethod
    def whisper(self, person: str, text: str) -> Said:
        """Write to the bot in private."""

    @abstractmethod
    def follow(self, person: str, asked: Said, text: str) -> Said:
        """Go on in the conversation of a question, without a name."""

    @abstractmethod
    def reply(self, person: str, said: Said, text: str) -> Said:
        """Answer what another person said."""

    @abstractmethod
    def edit(self, person: str, asked: Said, text: str) -> None: ...

    @abstractmethod
    def delete(self, person: str, said: Said | Seen) -> None: ...

    @abstractmethod
    def answers(self, asked: Said) -> list[Seen]:
        """What the bot wrote in the conversation of a question."""

    @abstractmethod
    def posts(self, channel: str) -> list[Seen]:
        """What the bot wrote into a channel itself."""

    @abstractmethod
    def press(self, person: str, seen: Seen, action: Action) -> None: ...

    @abstractmethod
    def stop(self, person: str, asked: Said) -> None:
        """Press what ends the answer under way."""

    @abstractmethod
    def shown_form(self, person: str) -> set[str]:
        """The fields of the form that a person sees; empty without one."""

    @abstractmethod
    def fill_in(self, person: str, **values: str) -> None:
        """Send the form that a person sees."""

    @abstractmethod
    def told(self, person: str) -> list[str]:
        """What the bot said to one person alone."""

    @abstractmethod
    def react(self, person: str, seen: Seen, *, good: bool) -> None: ...

    @abstractmethod
    def command(self, person: str, channel: str, words: str) -> None:
        """Use the platform's own command."""

    @abstractmethod
    def ask_about(self, person: str, said: Said) -> None:
        """Choose "Ask about this" from the menu of a message."""

    @abstractmethod
    def call(self, name: str) -> tuple[str, str]:
        """A group of people: how settings name it, and how a ping of it is seen."""
