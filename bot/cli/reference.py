"""Writes `docs/configuration.md` from the settings' own models: `make docs`."""

import types
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bot import plugins
from bot.configuration import entry_model, inner_model, variable_name
from bot.settings import Section, Settings

PAGE = Path("docs/configuration.md")

HEAD = """# Configuration

<!-- Written by `make docs` from the settings' models; edit those. -->

Settings come from three places; a later one wins:

1. `curbside.toml` in the working folder, or the file that `CURBSIDE_CONFIG` names;
   `curbside init` writes one with comments.
2. `.env` in the working folder.
3. The environment.

Key `k` of table `t` is the variable `CURBSIDE_T_K`, in `.env` as in the environment. An
empty variable is not set. A list is JSON or separated by commas:
`CURBSIDE_ADMINS=slack:U0123ABCD,discord:815`. Secrets belong into variables, not into
the file; they are never logged.

A key or variable that looks like a misspelt one of ours ends the start, with the right
one; so does a value of the wrong kind, with its source. `curbside doctor` checks what
the settings point to.
"""

BACKENDS = """## `[backends.NAME]`

A profile: what admins switch to with `use NAME`. `verbatim` is always there, `rag` as
soon as a model is named under `[model]`; a table of one of these names changes it. The
keys of every kind:

| key | type | default | |
|---|---|---|---|
| `kind` | text | required | {kinds}, or what a plugin brings. |
| `fallback` | text | | The profile that answers when this one is down. |
| `memory_tokens` | whole number | `tokens` of `[memory]` | Budget for past turns. |
"""

NAMES: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    SecretStr: "secret",
    Any: "anything",
}


def page() -> str:
    """The page as it must be."""
    parts = [HEAD, "## Top of the file\n\n" + table(Settings, "")]
    for key, field in Settings.model_fields.items():
        if inner := inner_model(field):
            parts.append(section(inner, key))
        elif entries := entry_model(field):
            parts.append(section(entries, f"{key}.NAME", variables=False))
    parts += [section(each, each.table) for each in adapter_sections()]
    kinds = dict(backend_options())
    parts.append(BACKENDS.format(kinds=", ".join(f"`{kind}`" for kind in kinds)))
    for kind, options in kinds.items():
        parts.append(f'### `kind = "{kind}"`\n\n{table(options, None)}')
    return "\n".join(parts)


def section(model: type[BaseModel], name: str, *, variables: bool = True) -> str:
    """A table of the file, with its heading."""
    said = (model.__doc__ or "").strip().split("\n")[0]
    if said == f"The table `[{name}]`.":
        said = ""  # the heading says so
    lead = f"{said}\n\n" if said else ""
    return f"## `[{name}]`\n\n{lead}{table(model, name if variables else None)}"


def table(model: type[BaseModel], name: str | None) -> str:
    """The keys of a model; `name` None for tables that no variable reaches."""
    titles = ["key", "type", "default", ""]
    if name is not None:
        titles.insert(3, "variable")
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for key, field in model.model_fields.items():
        if inner_model(field) or entry_model(field):
            continue
        cells = [f"`{key}`", kind_of(field), default_of(field)]
        if name is not None:
            cells.append(f"`{variable_name([name, key] if name else [key])}`")
        cells.append((field.description or "").replace("|", "\\|"))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def kind_of(field: FieldInfo) -> str:
    """What a value must be, in words, with its bounds."""
    bounds = []
    for rule in field.metadata:
        for sign, kind, name in (
            ("≥", annotated_types.Ge, "ge"),
            (">", annotated_types.Gt, "gt"),
            ("≤", annotated_types.Le, "le"),
        ):
            if isinstance(rule, kind):
                bounds.append(f"{sign} {getattr(rule, name):g}")
    return " ".join([words(field.annotation), ", ".join(bounds)]).strip()


def words(kind: Any) -> str:
    """A type, in words."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return words(inner[0])
    if origin is Literal:
        return " or ".join(f'`"{value}"`' for value in inner)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return " or ".join(f'`"{each}"`' for each in kind)
    if origin in (Union, types.UnionType):
        return " or ".join(words(each) for each in inner if each is not type(None))
    if origin is list or kind is list:
        return f"list of {words(inner[0])}" if inner else "list"
    if origin in (tuple, frozenset, set):
        return f"list of {words(inner[0])}"
    if origin is dict or kind is dict:
        return "table"
    return NAMES.get(kind, getattr(kind, "__name__", str(kind)))


def default_of(field: FieldInfo) -> str:
    """The default, as one would write it in the file; empty for "not set"."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ("", [], {}, ()):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Mapping):
        return "; ".join(f"`{key} = {_toml(each)}`" for key, each in value.items())
    return f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{', '.join(_toml(each) for each in value)}]"
    return f'"{value}"' if isinstance(value, str | Path) else f"{value:g}"


def adapter_sections() -> list[type[Section]]:
    """The sections of our adapters, by name of their table."""
    for point in plugins.installed("adapters").values():
        module = import_module(point.module)
        if hasattr(module, "__path__") and find_spec(f"{point.module}.settings"):
            import_module(f"{point.module}.settings")
    ours = (each for each in _below(Section) if each.__module__.startswith("adapters."))
    return sorted(ours, key=lambda each: each.table)


def _below(model: type[Section]) -> Iterator[type[Section]]:
    for each in model.__subclasses__():
        yield each
        yield from _below(each)


def backend_options() -> Iterator[tuple[str, type[BaseModel]]]:
    """The options of each of our kinds: the most special options its module knows."""
    for kind, point in sorted(plugins.installed("backends").items()):
        if not point.module.startswith("backends."):
            continue
        known = [
            each
            for each in vars(import_module(point.module)).values()
            if isinstance(each, type)
            and issubclass(each, BaseModel)
            and each.__name__.endswith("Options")
        ]
        special = [
            each
            for each in known
            if not any(other is not each and issubclass(other, each) for other in known)
        ]
        if len(special) != 1:
            raise LookupError(f"{point.module} does not tell its options: {special}")
        yield kind, special[0]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
