"""Keeps the collections like their sources, in the process that owns them."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backends.base import BackendError
from backends.knowledge.ingest import Progress, Report
from backends.knowledge.library import Library
from backends.knowledge.sources.base import Source
from backends.knowledge.sources.files import LocalFiles
from backends.knowledge.sources.opening import open_source
from backends.knowledge.teaching import PREFIX
from bot import control
from bot.configuration import config_file
from bot.errors import ConfigurationError, CurbsideError
from bot.settings import Settings
from bot.tasks import retrieve

log = logging.getLogger(__name__)

DOCUMENTS = "documents"
"""The source that the setting `documents` is, by the name that `sync` knows it by."""

TAUGHT = PREFIX.rstrip("/")

Tell = Callable[[Progress], None]
Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class KeptSource:
    """A configured source; `seconds` is the time between two looks at it."""

    source: Source
    collection: str
    seconds: float | None = None


def read_sources(settings: Settings) -> dict[str, KeptSource]:
    """The configured sources by name. Raises ConfigurationError."""
    kept = {}
    if settings.documents:
        files = LocalFiles([path.absolute() for path in settings.documents])
        kept[DOCUMENTS] = KeptSource(files, settings.collection)
    roots = {path.absolute().name for path in settings.documents}
    for name, options in settings.sources.items():
        if not name.replace("-", "").replace("_", "").isalnum():
            raise ConfigurationError(
                f"{config_file()}: [sources.{name}]: use letters, digits, - and _ only"
            )
        if name in (DOCUMENTS, TAUGHT) or name in roots:
            raise ConfigurationError(
                f"{config_file()}: [sources.{name}]: the name is taken, by `documents` "
                "or by what is taught, and documents are named after their source; "
                "choose another one"
            )
        collection = options.collection or settings.collection
        kept[name] = KeptSource(open_source(name, options), collection, options.seconds)
    return kept


class Documents:
    """What `ingest` and `sync` do, and what `run` does by its schedule."""

    def __init__(self, settings: Settings, library: Library) -> None:
        self._collection = settings.collection
        self._library = library
        self._sources = read_sources(settings)

    async def ingest(
        self,
        paths: Sequence[Path],
        progress: Tell,
        *,
        collection: str = "",
        rebuild: bool = False,
    ) -> Report:
        """Bring a collection up to date with some paths."""
        return await self._library.ingest(
            collection or self._collection, paths, progress, rebuild=rebuild
        )

    async def sync(self, names: Collection[str], progress: Tell) -> Report:
        """Bring these sources up to date, or all. Raises ConfigurationError."""
        for name in names:
            if name not in self._sources:
                known = ", ".join(self._sources) or "none"
                raise ConfigurationError(
                    f"there is no source {name!r} in {config_file()}; known: {known}"
                )
        return await self._sync(
            {
                name: kept
                for name, kept in self._sources.items()
                if name in names or not names
            },
            progress,
        )

    async def _sync(self, kept: Mapping[str, KeptSource], progress: Tell) -> Report:
        whole = Report()
        for collection in dict.fromkeys(each.collection for each in kept.values()):
            sources = [
                each.source for each in kept.values() if each.collection == collection
            ]
            whole.add(await self._library.sync(collection, sources, progress))
        return whole

    async def reindex(self, collection: str, made_with: str, progress: Tell) -> Report:
        """Build a collection anew; `made_with` is the embedder that is wanted."""
        own = await self._library.embedder_name()
        if made_with and made_with != own:
            raise CurbsideError(
                f"the running bot embeds with {own}, and the settings ask for "
                f"{made_with} now; stop the bot, run `curbside reindex`, start it again"
            )
        collection = collection or self._collection
        sources = [
            kept.source
            for kept in self._sources.values()
            if kept.collection == collection
        ]
        return await self._library.reindex(collection, sources, progress)

    async def keep(
        self, clock: Clock = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        """Bring all up to date now, and each again by its schedule."""
        due = dict.fromkeys(self._sources, clock())
        while due:
            now = clock()
            names = [name for name, at in due.items() if at <= now]
            if names:
                await self._look(names)
            for name in names:
                seconds = self._sources[name].seconds
                if seconds is None:
                    del due[name]
                else:
                    due[name] = now + seconds
            if due:
                await sleep(max(0.0, min(due.values()) - clock()))

    async def _look(self, names: Collection[str]) -> None:
        try:
            report = await self.sync(names, lambda _: None)
        except BackendError as error:
            log.error("the documents were not brought up to date: %s", error)
            return
        except Exception:
            log.exception("the documents were not brought up to date")
            return
        for name, reason in report.skipped:
            log.warning("skipped %s: %s", name, reason)
        log.info(
            "documents: %d added, %d changed, %d removed, %d unchanged",
            *map(len, (report.added, report.changed, report.removed, report.unchanged)),
        )

    def jobs(self) -> dict[str, control.Job]:
        """What other processes may ask of the owner of the documents."""

        async def ingest(arguments: dict[str, Any], progress: Tell) -> Report:
            return await self.ingest(
                [Path(path) for path in arguments["paths"]],
                progress,
                collection=arguments.get("collection", ""),
                rebuild=bool(arguments.get("rebuild")),
            )

        async def sync(arguments: dict[str, Any], progress: Tell) -> Report:
            return await self.sync(arguments["names"], progress)

        async def reindex(arguments: dict[str, Any], progress: Tell) -> Report:
            collection, made_with = arguments["collection"], arguments["made_with"]
            return await self.reindex(collection, made_with, progress)

        jobs = {"ingest": ingest, "sync": sync, "reindex": reindex}
        return {name: _told(job) for name, job in jobs.items()}


def _told(
    work: Callable[[dict[str, Any], Tell], Awaitable[Report]],
) -> control.Job:
    """A job that tells how far it is, and at last its report."""

    async def job(arguments: dict[str, Any], emit: control.Emit) -> None:
        lines: asyncio.Queue[Progress | None] = asyncio.Queue()
        task = asyncio.ensure_future(work(arguments, lines.put_nowait))
        task.add_done_callback(lambda _: lines.put_nowait(None))
        # Who asked for it may be gone by then, and the job goes on.
        task.add_done_callback(retrieve)
        while (line := await lines.get()) is not None:
            await emit({"progress": asdict(line)})
        await emit({"report": asdict(task.result())})

    return job
