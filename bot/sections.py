"""Parts of the settings, each a table of `curbside.toml`, and how they are read.

A key comes from `curbside.toml`, then `.env`, then the environment; the last one wins.
`load_section` turns pydantic's complaints into one ConfigurationError that names key,
source and fix.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from bot.configuration import (
    DOTENV,
    ENV_PREFIX,
    config_file,
    explain,
    inner_model,
    read_config,
    refuse_mistyped,
    refuse_unknown,
    resembling,
    source_of,
)
from bot.errors import ConfigurationError


class Section(BaseSettings):
    """A table of `curbside.toml`; `table` is its name, "" for the top of the file.

    Key `k` of table `t` is the environment variable `CURBSIDE_T_K`.
    """

    table: ClassVar[str] = ""
    model_config = SettingsConfigDict(
        extra="ignore",
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_file=DOTENV,
        env_file_encoding="utf-8",
        env_ignore_empty=True,  # `NAME=` in a .env file means: not set
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.table:
            cls.model_config["env_prefix"] = f"{ENV_PREFIX}{cls.table}_".upper()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, environment, `.env`, file: the first that has a key wins."""
        table = read_config()
        if cls.table:
            table = table.get(cls.table, {})
        return (
            init_settings,
            _Environment(settings_cls),
            _DotEnv(settings_cls),
            InitSettingsSource(settings_cls, table),
        )


class _Variables(EnvSettingsSource):
    """Lets a variable hold a list as `a,b` besides JSON, and passes over strangers."""

    def explode_env_vars(
        self,
        field_name: str,
        field: FieldInfo,
        env_vars: Mapping[str, str | None],
    ) -> dict[str, Any]:
        found = super().explode_env_vars(field_name, field, env_vars)
        inner = inner_model(field)
        if inner is None:
            return found
        return {
            key: value
            for key, value in found.items()
            if key in inner.model_fields or resembling(key, inner.model_fields)
        }

    def decode_complex_value(
        self, field_name: str, field: FieldInfo, value: Any
    ) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError as error:
            # Without a field it is a value in a table of free keys, a list with us.
            if not field or _is_list(field):
                return [part.strip() for part in value.split(",") if part.strip()]
            keys = [field_name]
            if (
                isinstance(table := getattr(self.settings_cls, "table", ""), str)
                and table
            ):
                keys.insert(0, table)
            raise ConfigurationError(
                f"setting {'.'.join(keys)!r}{source_of(keys)}: must be JSON, "
                f"such as {{}}, or be set key by key; {error}"
            ) from error


class _Environment(_Variables):
    pass


class _DotEnv(_Variables, DotEnvSettingsSource):
    pass


def _is_list(field: FieldInfo) -> bool:
    kinds = (field.annotation, *get_args(field.annotation))
    return any(get_origin(kind) is list or kind is list for kind in kinds)


S = TypeVar("S", bound=Section)


def load_section(section: type[S], **given: Any) -> S:
    """Read one section; `given` values win. Raises ConfigurationError."""
    if section.table:
        table = read_config().get(section.table, {})
        if not isinstance(table, dict):
            raise ConfigurationError(
                f"{config_file()}: {section.table!r} must be a table, "
                f"written [{section.table}]"
            )
        refuse_unknown(table, section, where=f"[{section.table}]")
        refuse_mistyped(section, table=section.table)
    try:
        return section(**given)
    except ValidationError as error:
        raise ConfigurationError(explain(error, section, section.table)) from error
    except SettingsError as error:
        where = f"[{section.table}]" if section.table else "the top of the file"
        raise ConfigurationError(f"settings of {where}: {error}") from error
