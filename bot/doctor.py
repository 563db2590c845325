"""Checks each part of an installation, and says what to do where one fails."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

from backends.base import BackendError
from backends.knowledge.library import Library
from backends.knowledge.store import CollectionMismatch, StoreInUse
from bot import control, plugins, state
from bot.app import CONSOLE, open_library, open_profiles
from bot.configuration import unread_variables
from bot.errors import ConfigurationError, CurbsideError
from bot.profiles import Profiles
from bot.settings import Settings, config_file, load_settings

OUR_NAMES = ("adapters", "backends", "bot")
ENOUGH_DISK = 500 * 1024**2
CHECK_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: whether it is well, what it is, and what to do if it is not."""

    part: str
    ok: bool
    detail: str
    fix: str = ""


async def examine(*, quick: bool = False) -> list[Finding]:
    """All findings, in the order of what depends on what.

    `quick` leaves out what asks a platform, a model or the documents.
    """
    findings = [check_python(), check_names()]
    settings = check_settings(findings)
    if settings is None:
        return findings
    findings.append(check_disk(settings.data_dir))
    findings += await _guard("state", lambda: check_state(settings))
    if quick:
        return findings
    library = open_library(settings)
    try:
        findings += await _check_answering(settings, library)
    finally:
        await library.aclose()
    return findings


def check_python() -> Finding:
    """The interpreter, and where it is."""
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", True, f"{version} at {sys.prefix}")


def check_names() -> Finding:
    """Nobody else may have installed a package of one of our names over ours."""
    owners = packages_distributions()
    for name in OUR_NAMES:
        strangers = set(owners.get(name, ())) - {"curbside"}
        if strangers:
            stranger = ", ".join(sorted(strangers))
            return Finding(
                "import names",
                False,
                f"the package {name!r} is also installed by {stranger}",
                f"pip uninstall {stranger}, then reinstall curbside; "
                "give curbside an environment of its own",
            )
    homes = {_home(name) for name in OUR_NAMES}
    if len(homes) > 1:
        places = ", ".join(sorted(map(str, homes)))
        return Finding(
            "import names",
            False,
            f"{', '.join(OUR_NAMES)} come from different places: {places}",
            "start curbside from its own environment, without PYTHONPATH",
        )
    return Finding("import names", True, f"{', '.join(OUR_NAMES)} are ours")


def _home(name: str) -> Path | None:
    found = find_spec(name)
    if found is None or found.origin is None:
        return None
    return Path(found.origin).resolve().parent.parent


def check_settings(findings: list[Finding]) -> Settings | None:
    """The settings if they can be read; adds what they are like to the findings."""
    tables = frozenset(plugins.installed("adapters"))
    try:
        settings = load_settings(tables)
        path = config_file()
    except ConfigurationError as error:
        findings.append(
            Finding("settings", False, str(error), "see docs/configuration.md")
        )
        return None
    source = str(path) if path.exists() else f"defaults ({path} does not exist)"
    if unread := unread_variables(Settings, tables):
        source += f"; nothing reads {', '.join(unread)}"
    findings.append(Finding("settings", True, source))
    return settings


def check_disk(folder: Path) -> Finding:
    """The data folder can be written to and has room."""
    existing = folder.resolve()
    while not existing.exists():
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Finding(
            "data folder",
            False,
            f"{folder} cannot be written to: {error.strerror}",
            "make it writable for this user, or set CURBSIDE_DATA_DIR",
        )
    free = shutil.disk_usage(existing).free
    room = f"{folder}, {free / 1024**3:.1f} GiB free"
    if free < ENOUGH_DISK:
        fix = "make room, or set CURBSIDE_DATA_DIR to a bigger disk"
        return Finding("data folder", False, room, fix)
    return Finding("data folder", True, room)


async def check_state(settings: Settings) -> list[Finding]:
    """The state engine opens and answers."""
    opened = state.create(settings, "main")
    try:
        await opened.open()
        return [Finding("state", True, await opened.check())]
    except CurbsideError as error:
        fix = (
            "start Redis, or correct CURBSIDE_REDIS_URL"
            if settings.redis_url
            else "see that CURBSIDE_DATA_DIR is on a local disk this user may write to"
        )
        return [Finding("state", False, str(error), fix)]
    finally:
        await opened.aclose()


async def _check_answering(settings: Settings, library: Library) -> list[Finding]:
    """What needs the network or the documents; each on its own, all at once."""
    checks: list[Awaitable[list[Finding]]] = [
        _guard("embeddings", lambda: check_embeddings(library)),
        _guard("documents", lambda: check_documents(settings, library)),
    ]
    try:
        profiles = open_profiles(settings, library)
    except CurbsideError as error:
        wrong = Finding("backends", False, str(error), "see docs/configuration.md")
        return [*await _all(checks), wrong]
    checks += [_backend_check(profiles, name) for name in profiles.names()]
    checks += [
        _platform_check(settings, name)
        for name in sorted(set(plugins.installed("adapters")) - {CONSOLE})
    ]
    try:
        return await _all(checks)
    finally:
        await profiles.aclose()


async def _all(checks: list[Awaitable[list[Finding]]]) -> list[Finding]:
    return [finding for each in await asyncio.gather(*checks) for finding in each]


async def check_embeddings(library: Library) -> list[Finding]:
    """The weights are there, are the right ones, and give vectors."""
    try:
        vectors = await library.embed(["Is anybody there?"])
    except BackendError as error:
        return [Finding("embeddings", False, str(error), "make setup")]
    return [Finding("embeddings", True, f"{vectors.shape[1]} dimensions")]


async def check_documents(settings: Settings, library: Library) -> list[Finding]:
    """The vector store answers and was made with this embedder."""
    try:
        found = await library.overview(settings.collection)
    except StoreInUse as error:
        if await control.listening(settings.data_dir):
            return [Finding("documents", True, "in use by the running bot")]
        fix = "end the other process, or set CURBSIDE_QDRANT_URL for more than one"
        return [Finding("documents", False, str(error), fix)]
    except BackendError as error:
        fix = (
            "start Qdrant, or correct CURBSIDE_QDRANT_URL"
            if settings.qdrant_url
            else "curbside ingest --rebuild"
        )
        if isinstance(error, CollectionMismatch):
            fix = "curbside reindex"
        return [Finding("documents", False, str(error), fix)]
    detail = (
        f"{found.documents} documents, {found.passages} passages "
        f"in collection {found.collection!r}"
    )
    if not found.documents:
        detail += "; `curbside ingest PATH` takes some in"
    return [Finding("documents", True, detail)]


def _backend_check(profiles: Profiles, name: str) -> Awaitable[list[Finding]]:
    part = f"backend {name}"

    async def check() -> list[Finding]:
        health = await profiles.health(name)
        told = ", ".join(filter(None, (health.model, health.detail))) or "answers"
        fix = (
            "" if health.ok else f"see [backends.{name}] and [model] in {config_file()}"
        )
        return [Finding(part, health.ok, told, fix)]

    return _guard(part, check)


def _platform_check(settings: Settings, platform: str) -> Awaitable[list[Finding]]:
    async def check() -> list[Finding]:
        adapter = plugins.load("adapters", platform)(settings)
        if adapter is None:
            return [Finding(platform, True, "not configured")]
        try:
            await adapter.open()
            health = await adapter.health()
        finally:
            await adapter.aclose()
        if health.ok:
            return [Finding(platform, True, health.detail or "takes us")]
        problems: Collection[str] = health.problems or (health.detail,)
        return [Finding(platform, False, problem) for problem in problems]

    return _guard(platform, check)


async def _guard(
    part: str, check: Callable[[], Awaitable[list[Finding]]]
) -> list[Finding]:
    """A check that fails in itself is a finding too: the others must be heard."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return [Finding(part, False, f"no answer within {CHECK_SECONDS:.0f} s")]
    except (CurbsideError, BackendError) as error:
        return [Finding(part, False, str(error))]
    except Exception as error:  # a plugin of somebody else's may do anything
        return [Finding(part, False, f"{type(error).__name__}: {error}")]
