"""Find adapters, backends and commands by their entry points, ours like anyone's."""

from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from bot.errors import PluginError


@cache
def installed(group: str) -> dict[str, EntryPoint]:
    """The entry points of `curbside.<group>` by name."""
    return {point.name: point for point in entry_points(group=f"curbside.{group}")}


def load(group: str, name: str) -> Callable[..., Any]:
    """What an entry point names. Raises PluginError, which names the known ones."""
    found = installed(group)
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        raise PluginError(f"no {group[:-1]} named {name!r}; installed: {known}")
    try:
        plugin: Callable[..., Any] = found[name].load()
    except Exception as error:
        raise PluginError(
            f"{group[:-1]} {name!r} ({found[name].value}) does not load: {error}"
        ) from error
    return plugin
