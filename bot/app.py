"""The program put together: state, knowledge, profiles, adapters, worker."""

import asyncio
import logging
import os
import socket
import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from backends.base import Backend, BackendError, Profile
from backends.chat_api import ChatModel
from backends.chat_types import Endpoint
from backends.knowledge.library import Library
from backends.services import ModelDefaults, Services
from backends.situating import ModelSituating
from bot import calibrating, plugins, state
from bot.adapter import Adapter
from bot.admin import Admin
from bot.admission import Admission
from bot.answering import Answerer
from bot.cases import Cases
from bot.chores import chores
from bot.controls import Controls
from bot.desk import Desk
from bot.documents import Documents
from bot.errors import ConfigurationError, CurbsideError
from bot.examples import Examples, scrubber_of
from bot.intake import Reception
from bot.model_keeper import ModelKeeper
from bot.models import Models
from bot.overview import Overview
from bot.panels import Panels
from bot.places import Places
from bot.pressing import Pressing
from bot.profiles import Profiles, read_profiles
from bot.reading import Reading
from bot.reviewing import Reviewing
from bot.schedule import Schedule
from bot.settings import Settings
from bot.state.base import State
from bot.suggestions import Suggestions
from bot.switching import Switching
from bot.worker import Worker

log = logging.getLogger(__name__)

CONSOLE = "console"
RESTART_SECONDS = 5.0


@dataclass
class App:
    """A process of Curbside. `App.open` makes it and closes what it opened."""

    settings: Settings
    state: State
    library: Library
    profiles: Profiles
    adapters: dict[str, Adapter]
    admin: Admin
    reception: Reception
    worker: Worker

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings, *, platforms: Collection[str] | None = None
    ) -> AsyncIterator["App"]:
        """Open everything; `platforms` None means all that are configured.

        The console keeps a state of its own: it must not take the bot's conversations.
        """
        platforms = configured() if platforms is None else platforms
        name = CONSOLE if CONSOLE in platforms else state.MAIN
        async with AsyncExitStack() as stack:
            opened = state.create(settings, name)
            stack.push_async_callback(opened.aclose)
            await opened.open()
            library = open_library(settings)
            stack.push_async_callback(library.aclose)
            profiles = open_profiles(settings, library)
            stack.push_async_callback(profiles.aclose)
            team = opened
            if name != state.MAIN:
                # The models are the team's, whoever asks them.
                team = state.create(settings)
                stack.push_async_callback(team.aclose)
                await team.open()
            keeper = ModelKeeper(Models(team.records), profiles, settings)
            await keeper.look()
            stack.push_async_callback(keeper.start())
            adapters = create_adapters(settings, platforms)
            for adapter in adapters.values():
                stack.push_async_callback(adapter.aclose)
                await adapter.open()
            yield cls.compose(settings, opened, library, profiles, adapters)

    @classmethod
    def compose(
        cls,
        settings: Settings,
        opened: State,
        library: Library,
        profiles: Profiles,
        adapters: dict[str, Adapter],
    ) -> "App":
        """An app out of opened parts."""

        async def facts() -> list[str]:
            return await knowledge_facts(settings, library)

        switching = Switching(opened, profiles, settings)
        overview = Overview(opened, settings, switching, facts)
        reading = Reading(opened.records, adapters, settings.files)
        places = Places(settings, opened.records)
        examples = Examples(opened.records, scrubber_of(settings))

        reviewing = Reviewing(opened, settings, examples, reading, library.teach)
        models = Models(opened.records)
        admin = Admin(opened, switching, overview, reading, reviewing, places, models)
        answerer = Answerer(opened, profiles, settings, places, reading)
        cases = Cases(opened, places, adapters)
        desk = Desk(
            opened,
            adapters,
            answerer,
            admin,
            settings.worker,
            places,
            cases,
            reading,
            library.teach,
        )
        panels = Panels(settings, overview, cases, library.documents, adapters)
        admission = Admission(places)
        reception = Reception(
            opened,
            admin,
            adapters,
            settings,
            places,
            admission,
            Pressing(opened, settings, places, cases, admission),
            panels,
            Controls(admin, panels),
            Suggestions(settings, library.documents),
        )
        worker = Worker(desk, name=worker_name())
        return cls(
            settings, opened, library, profiles, adapters, admin, reception, worker
        )

    async def run(
        self, stopping: asyncio.Event, *, listen: bool = True, work: bool = True
    ) -> None:
        """Listen and work until `stopping` is set, or until every listener has ended.

        Then no more events are taken in, and answers under way are finished.
        """
        if work:
            await self.profiles.warm()
        tasks: list[asyncio.Task[None]] = []
        working = asyncio.Event()
        if work:
            tasks.append(asyncio.create_task(self.worker.run(working), name="worker"))
        listeners = [
            asyncio.create_task(self._listen(adapter), name=f"listen {name}")
            for name, adapter in self.adapters.items()
            if listen
        ]
        due = chores(self.worker.desk, self.library.embed) if work else ()
        schedule = Schedule(self.state.records, due)
        keeping = asyncio.create_task(schedule.run(), name="chores")
        stop = asyncio.create_task(stopping.wait())
        ended = asyncio.gather(*listeners) if listeners else asyncio.Future[Any]()
        try:
            await asyncio.wait(
                {stop, ended, *tasks}, return_when=asyncio.FIRST_COMPLETED
            )
            if ended.done():
                ended.result()
        finally:
            for task in (stop, ended, keeping, *listeners):
                task.cancel()
            # Not after the listeners: one that closes slowly would use up the time.
            working.set()
            await asyncio.gather(ended, keeping, *listeners, return_exceptions=True)
            await asyncio.gather(*tasks)

    async def _listen(self, adapter: Adapter) -> None:
        """Keep an adapter listening; a wrong setting ends the program."""
        while True:
            try:
                await adapter.listen(self.reception)
                return
            except ConfigurationError:
                raise
            except Exception:
                log.exception("%s: listening failed, again soon", adapter.platform)
                await asyncio.sleep(RESTART_SECONDS)

    def documents(self) -> Documents:
        """What keeps the collections like their sources. Raises ConfigurationError."""
        return Documents(self.settings, self.library)


def configured() -> set[str]:
    """The installed platforms but the console; the unconfigured drop out later."""
    return set(plugins.installed("adapters")) - {CONSOLE}


def create_adapters(
    settings: Settings, platforms: Collection[str]
) -> dict[str, Adapter]:
    """The adapters of these platforms that are configured."""
    adapters = {}
    for platform in sorted(platforms):
        adapter = plugins.load("adapters", platform)(settings)
        if adapter is not None:
            adapters[platform] = adapter
    return adapters


def open_library(settings: Settings) -> Library:
    """The documents, where the settings say."""
    key = settings.qdrant_api_key
    return Library(
        settings.data_dir,
        qdrant_url=settings.qdrant_url,
        qdrant_api_key=key.get_secret_value() if key else None,
        server=settings.qdrant,
        ray_address=settings.ray_address,
        models=settings.retrieval,
        situating=_situating(settings),
    )


def _situating(settings: Settings) -> ModelSituating | None:
    """What writes context lines, if they are wanted."""
    if not settings.retrieval.context_lines:
        return None
    model = settings.model
    if not model.base_url and not model.api_key:
        raise ConfigurationError(
            "[retrieval] has context_lines = true, and [model] names no server that "
            "could write them; set its `base_url`"
        )
    key = model.api_key.get_secret_value() if model.api_key else None
    return ModelSituating(
        ChatModel(Endpoint(model.base_url, key, model.name or "", "[model]"))
    )


def open_profiles(settings: Settings, library: Library) -> Profiles:
    """The profiles, with what their backends share."""
    model = settings.model
    services = Services(
        data_dir=settings.data_dir,
        search=library.search,
        embed=library.embed,
        model=ModelDefaults(
            base_url=model.base_url,
            model=model.name,
            api_key=model.api_key.get_secret_value() if model.api_key else None,
        ),
        collection=settings.collection,
        contacts=settings.contacts,
    )

    def create(profile: Profile) -> Backend:
        backend: Backend = plugins.load("backends", profile.kind)(profile, services)
        return backend

    return Profiles(read_profiles(settings), create, settings.default_backend)


async def knowledge_facts(settings: Settings, library: Library) -> list[str]:
    """What the documents are, for `status`."""
    try:
        overview = await library.overview(settings.collection)
    except BackendError as error:
        return [f"Documents cannot be searched: {error}"]
    return [
        f"{overview.documents} documents, {overview.passages} passages "
        f"in collection `{overview.collection}`.",
        *calibrating.explained(settings),
    ]


def worker_name() -> str:
    """A name no other worker has, also after a restart."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"


def require_adapters(app: App) -> None:
    """Raise ConfigurationError when no platform is configured."""
    if not app.adapters:
        raise ConfigurationError(
            "no platform is configured: set CURBSIDE_SLACK_BOT_TOKEN and "
            "CURBSIDE_SLACK_APP_TOKEN, or CURBSIDE_DISCORD_TOKEN; "
            "`curbside chat` needs neither"
        )


__all__ = ["App", "CurbsideError", "require_adapters"]
