"""Where settings come from, and how to say what is wrong with one of them."""

import difflib
import os
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, get_args, get_origin

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from bot.errors import ConfigurationError

ENV_PREFIX = "CURBSIDE_"
CONFIG_VARIABLE = "CURBSIDE_CONFIG"
DOTENV = Path(".env")
SHOWN = 60  # characters of a wrong value that a message repeats
PRIVATE = re.compile(r"key|token|secret|password|url", re.IGNORECASE)


def variable(name: str) -> tuple[str, str] | None:
    """The value of an environment variable and where it is set; empty is not set."""
    for source, values in (
        (f"environment variable {name}", os.environ),
        (f"{DOTENV} ({name})", read_dotenv()),
    ):
        for key, value in values.items():
            if key.upper() == name and value:
                return value, source
    return None


def variables() -> set[str]:
    """The names of all variables with our prefix, in the environment and `.env`."""
    names = {key.upper() for key in (*os.environ, *read_dotenv())}
    return {name for name in names if name.startswith(ENV_PREFIX)}


def read_dotenv() -> dict[str, str]:
    """The variables of `.env`; empty when there is none."""
    try:
        text = DOTENV.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{DOTENV} cannot be read: {error}") from error
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            raise ConfigurationError(
                f"{DOTENV}, line {binding.original.line}: "
                f"write NAME=value, or put # before a comment"
            )
    found = dotenv_values(stream=StringIO(text))
    return {key: value for key, value in found.items() if value is not None}


def config_file() -> Path:
    """The configuration file in force; it need not exist."""
    named = variable(CONFIG_VARIABLE)
    return Path(named[0]) if named else Path("curbside.toml")


def read_config() -> dict[str, Any]:
    """The configuration file as it stands; empty when there is none."""
    path = config_file()
    try:
        # Editors on Windows like to put a byte order mark first.
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        if named := variable(CONFIG_VARIABLE):
            raise ConfigurationError(
                f"{named[1]} names {str(path)!r}, which does not exist; correct it, or "
                f"write the file with `curbside init {path}`"
            ) from error
        return {}
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f"{path} is not valid TOML: {error}{_guess(str(error))}; mend that line"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _guess(message: str) -> str:
    if "twice" in message:
        return " (two tables of the same name?)"
    return " (the same key twice in a table?)" if "overwrite" in message else ""


def refuse_unknown(
    table: Mapping[str, Any],
    model: type[BaseModel],
    *,
    where: str,
    also: Collection[str] = (),
) -> None:
    """Refuse keys that nothing reads: a typo must not pass for a setting.

    `also` are keys that something else reads, so they are good suggestions.
    """
    for key in table:
        if key not in model.model_fields and key not in also:
            hint = _hint(key, [*model.model_fields, *also])
            raise ConfigurationError(
                f"{config_file()}: unknown key {key!r} in {where}; {hint}"
            )


def refuse_mistyped(
    model: type[BaseModel], *, table: str, tables: Collection[str] = ()
) -> None:
    """Refuse a variable that looks like one of ours misspelt.

    One that resembles nothing is let pass: Kubernetes, for one, sets variables by the
    names of services. `tables` are read by others, so are variables named after them.
    """
    prefix = variable_name([table]) + "_" if table else ENV_PREFIX
    known = {*variable_names(model, prefix), CONFIG_VARIABLE}
    for name in _unread(model, prefix, tables):
        meant = resembling(
            name.removeprefix(prefix), [each.removeprefix(prefix) for each in known]
        )
        head, _, tail = name.removeprefix(ENV_PREFIX).partition("_")
        if not meant and (other := resembling(head, [each.upper() for each in tables])):
            meant = f"{other}_{tail}"
        if meant and (found := variable(name)):
            meant = meant if meant in known else prefix + meant
            raise ConfigurationError(
                f"{found[1]} is nothing that is read; did you mean {meant}?"
            )


def resembling(name: str, known: Iterable[str]) -> str:
    """The known name that this is a misspelling of; empty if there is none."""
    return next(iter(difflib.get_close_matches(name, known, 1, 0.8)), "")


def unread_variables(model: type[BaseModel], tables: Collection[str]) -> list[str]:
    """Variables with our prefix that neither the core nor one of `tables` reads."""
    return _unread(model, ENV_PREFIX, tables)


def _unread(model: type[BaseModel], prefix: str, tables: Collection[str]) -> list[str]:
    known = {*variable_names(model, prefix), CONFIG_VARIABLE}
    others = tuple(f"{ENV_PREFIX}{name}_".upper() for name in tables)
    return [
        name
        for name in sorted(variables())
        if name.startswith(prefix)
        and name not in known
        and not name.startswith(others)
        # Pydantic judges what is inside a table.
        and not _inside(name.removeprefix(prefix).lower(), model)
    ]


def variable_names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """The variables that a model's fields, and those of its tables, are read from."""
    for key, field in model.model_fields.items():
        inner = inner_model(field)
        if inner is None:
            yield f"{prefix}{key}".upper()
        else:
            yield from variable_names(inner, f"{prefix}{key}_")


def variable_name(keys: Sequence[str]) -> str:
    """The environment variable of a key, given with its tables."""
    return (ENV_PREFIX + "_".join(keys)).upper()


def inner_model(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that is a table of its own."""
    if get_origin(field.annotation) is dict:
        return None
    return _model_among(field.annotation, *get_args(field.annotation))


def entry_model(field: FieldInfo) -> type[BaseModel] | None:
    """The model of the entries of a field that is a table of tables."""
    if get_origin(field.annotation) is not dict:
        return None
    return _model_among(*get_args(field.annotation))


def _model_among(*kinds: Any) -> type[BaseModel] | None:
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def explain(error: ValidationError, model: type[BaseModel], table: str) -> str:
    """One line a problem: key, where it came from, what is wrong, what would do."""
    lines = []
    for problem in error.errors():
        path = [str(step) for step in problem["loc"]]
        keys = [table, *path] if table else path
        name = ".".join(keys) or "the settings"
        if problem["type"] == "missing":
            where = f"{config_file()} [{table}]" if table else str(config_file())
            lines.append(
                f"setting {name!r} is missing; set it in {where} "
                f"or as {variable_name(keys)}"
            )
            continue
        lines.append(
            f"setting {name!r}{source_of(keys)}: {_wrong(problem, path, model)}"
        )
    return "\n".join(lines)


def source_of(keys: Sequence[str]) -> str:
    """Where a key is set, with a leading " from "; empty when it is set nowhere."""
    found = [
        hit
        for depth in range(len(keys), 0, -1)
        if (hit := variable(variable_name(keys[:depth])))
    ]
    # The environment wins over `.env`, whichever of the two is more exact.
    for _, source in sorted(found, key=lambda hit: hit[1].startswith(str(DOTENV))):
        return f" from {source}"
    value: Any = read_config()
    for depth, key in enumerate(keys):
        if not isinstance(value, Mapping) or key not in value:
            return f" from {config_file()}" if depth else ""
        value = value[key]
    table = f" [{'.'.join(keys[:-1])}]" if len(keys) > 1 else ""
    return f" from {config_file()}{table}"


def _wrong(problem: Mapping[str, Any], path: list[str], model: type[BaseModel]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    owner, field = _field(model, path)
    if problem["type"] == "extra_forbidden" and owner:
        return f"unknown key; {_hint(path[-1], list(owner.model_fields))}"
    if problem["type"] == "model_type":
        return f"must be a table, written [{path[-1]}]"
    notes = []
    if _may_be_shown(problem["input"], path, field):
        notes.append(f"it is {problem['input']!r}")
    if field is not None and not field.is_required() and inner_model(field) is None:
        default = field.get_default(call_default_factory=True, validated_data={})
        if default is not None:
            notes.append(f"the default is {default!r}")
    return f"{message} ({'; '.join(notes)})" if notes else message


def _may_be_shown(value: object, path: list[str], field: FieldInfo | None) -> bool:
    """Whether a message may repeat a wrong value: it may end in a log or a chat."""
    secret = field is not None and "SecretStr" in str(field.annotation)
    short = isinstance(value, str | int | float) and len(str(value)) <= SHOWN
    return short and not secret and not any(PRIVATE.search(step) for step in path)


def _field(
    model: type[BaseModel], path: list[str]
) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The model that holds the last key of a path, and its field of that name."""
    owner: type[BaseModel] | None = model
    field: FieldInfo | None = None
    entries: type[BaseModel] | None = None
    for step in path:
        if entries is not None:  # the step is the name of an entry
            owner, field, entries = entries, None, None
            continue
        if field is not None:
            owner = inner_model(field)
        if owner is None:
            return None, None
        field = owner.model_fields.get(step)
        entries = entry_model(field) if field is not None else None
        if field is None:
            return owner, None
    return owner, field


def _inside(name: str, model: type[BaseModel]) -> bool:
    return any(
        name.startswith(f"{key}_")
        and (inner_model(field) is not None or "dict" in str(field.annotation))
        for key, field in model.model_fields.items()
    )


def _hint(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key.lower(), known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known keys: {', '.join(known)}"
