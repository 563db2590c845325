"""The configured profiles and their backends, each made when it is first needed."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

from backends.base import Backend, BackendMisconfigured, Health, Profile
from bot import plugins
from bot.configuration import config_file, source_of
from bot.errors import ConfigurationError, PluginError
from bot.settings import Settings

log = logging.getLogger(__name__)

HEALTH_SECONDS = 5.0
CORE_KEYS = {"kind", "fallback", "memory_tokens"}


def read_profiles(settings: Settings) -> dict[str, Profile]:
    """The profiles of the settings, and those that need none.

    `verbatim` is always there; `rag` as soon as a model server is named.
    """
    tables: dict[str, Mapping[str, Any]] = {"verbatim": {"kind": "verbatim"}}
    if settings.model.base_url or settings.model.api_key:
        tables["rag"] = {"kind": "rag"}
    tables.update(settings.backends)
    return {name: _profile(name, table, settings) for name, table in tables.items()}


def _profile(name: str, table: Mapping[str, Any], settings: Settings) -> Profile:
    where = f"{config_file()}: [backends.{name}]"
    kind = table.get("kind")
    if not isinstance(kind, str):
        raise ConfigurationError(f'{where} needs `kind`, such as kind = "rag"')
    known = plugins.installed("backends")
    if kind not in known:
        raise ConfigurationError(
            f"{where} has unknown kind {kind!r}; installed: {', '.join(sorted(known))}"
        )
    tokens = table.get("memory_tokens", settings.memory.tokens)
    if not isinstance(tokens, int) or tokens < 0:
        raise ConfigurationError(f"{where}: memory_tokens must be a number >= 0")
    options = {key: value for key, value in table.items() if key not in CORE_KEYS}
    return Profile(name, kind, options, table.get("fallback"), tokens)


def _adopted(
    name: str, table: Mapping[str, Any], tokens: int, known: Collection[str]
) -> Profile:
    options = {key: value for key, value in table.items() if key not in CORE_KEYS}
    fallback = table.get("fallback")
    if fallback not in known:
        fallback = None
    return Profile(name, str(table["kind"]), options, fallback, tokens)


class Profiles:
    """Profiles by name, with the backends behind them."""

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        create: Callable[[Profile], Backend],
        default: str = "",
    ) -> None:
        self._profiles = dict(profiles)
        self._create = create
        self._backends: dict[str, Backend] = {}
        self._adopted: dict[str, Profile] = {}
        self._retired: list[Backend] = []
        self.default = default or ("rag" if "rag" in profiles else "verbatim")
        self._check_names()

    def _check_names(self) -> None:
        known = ", ".join(self.names())
        if self.default not in self._profiles:
            raise ConfigurationError(
                f"setting 'default_backend'{source_of(['default_backend'])} names "
                f"{self.default!r}, which is no profile; known: {known}"
            )
        for profile in self._profiles.values():
            if profile.fallback is None:
                continue
            if profile.fallback not in self._profiles:
                raise ConfigurationError(
                    f"{config_file()}: [backends.{profile.name}]: fallback "
                    f"{profile.fallback!r} is no profile; known: {known}"
                )
            if profile.fallback == profile.name:
                raise ConfigurationError(
                    f"{config_file()}: [backends.{profile.name}]: it cannot be its own "
                    "fallback; name another profile, or leave `fallback` out"
                )

    def adopt(self, tables: Mapping[str, Mapping[str, Any]], tokens: int) -> None:
        """Take over the profiles of tuned models, as they are now.

        One of the configuration wins over a model of its name. `tokens` is the budget
        of memory.
        """
        configured = self._profiles.keys() - self._adopted.keys()
        adopted = {
            name: _adopted(name, table, tokens, {*configured, *tables})
            for name, table in tables.items()
            if name not in configured
        }
        for name in self._adopted.keys() | adopted.keys():
            if self._adopted.get(name) == adopted.get(name):
                continue
            if (backend := self._backends.pop(name, None)) is not None:
                # Somebody may still be getting an answer of it.
                self._retired.append(backend)
            self._profiles.pop(name, None)
        self._adopted = adopted
        self._profiles.update(adopted)

    def is_candidate(self, name: str) -> bool:
        """Whether it is a tuned model: people get it only by an admin's `use`."""
        return name in self._adopted

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._profiles)

    def profile(self, name: str) -> Profile:
        return self._profiles[name]

    def backend(self, name: str) -> Backend:
        """The backend of a profile. Raises BackendMisconfigured, PluginError."""
        if name not in self._backends:
            self._backends[name] = self._create(self._profiles[name])
        return self._backends[name]

    async def warm(self) -> None:
        """Make every backend now: their imports must not stall the first question."""
        for name in self.names():
            try:
                await asyncio.to_thread(self.backend, name)
            except (BackendMisconfigured, PluginError) as error:
                log.error("profile %s does not work: %s", name, error)
            except Exception:  # a plugin's fault must not keep all others from work
                log.exception("profile %s does not work", name)

    async def model_health(self, name: str) -> Health | None:
        """How a profile's model is; None without one, or without an answer in time."""
        try:
            asks = getattr(self.backend(name), "model_health", None)
            if asks is None:
                return None
            async with asyncio.timeout(HEALTH_SECONDS):
                found: Health = await asks()
                return found
        except (BackendMisconfigured, PluginError, TimeoutError) as error:
            log.info("nothing is known of the model of %s: %s", name, error)
            return None

    async def health(self, name: str, seconds: float = HEALTH_SECONDS) -> Health:
        """A backend's health; a backend that cannot even be made is not healthy."""
        try:
            async with asyncio.timeout(seconds):
                return await self.backend(name).health()
        except BackendMisconfigured as error:
            return Health(ok=False, detail=str(error))
        except TimeoutError:
            return Health(ok=False, detail=f"no answer within {seconds:g} s")
        except Exception as error:  # a plugin of somebody else's may do anything
            log.exception("health of %s", name)
            return Health(ok=False, detail=f"{type(error).__name__}: {error}")

    async def aclose(self) -> None:
        """Close the backends that were made."""
        for backend in [*self._backends.values(), *self._retired]:
            try:
                await backend.aclose()
            except Exception:  # the others are to be closed too
                log.exception("closing a profile")
        self._backends.clear()
        self._retired.clear()
