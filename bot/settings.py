"""Settings: `curbside.toml`, then `.env`, then the environment; the last one wins.

Each part of the program declares a `Section` of its own; `load_section` reads it and
turns pydantic's complaints into one ConfigurationError that names key, source and fix.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
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
    variable,
)
from bot.errors import ConfigurationError

__all__ = [
    "MemorySettings",
    "ModelSettings",
    "PlaceSettings",
    "Section",
    "Settings",
    "WorkerSettings",
    "config_file",
    "load_section",
    "load_settings",
    "read_config",
    "refuse_unknown",
]


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


class WorkerSettings(BaseModel):
    """How questions are worked through."""

    model_config = ConfigDict(extra="forbid")

    concurrency: int = Field(
        64, ge=1, description="Conversations answered at the same time, per process."
    )
    lease_seconds: float = Field(
        15, gt=0.5, description="After this silence another worker takes the work over."
    )
    attempts: int = Field(
        4, ge=1, description="Failed attempts before a question is given up."
    )
    retry_seconds: float = Field(
        2, gt=0, description="Delay after the first failure; it doubles each time."
    )
    max_starts: int = Field(
        25, ge=2, description="Starts, crashes included, before it is given up."
    )
    drain_seconds: float = Field(
        30, ge=0, description="Time to finish answers after SIGTERM."
    )
    burst_seconds: float = Field(
        0, ge=0, description="Pause before an answer, to gather a burst of messages."
    )
    waiting_limit: int = Field(
        20, ge=1, description="Questions that may wait in one conversation."
    )
    max_question_characters: int = Field(
        12_000, ge=100, description="A longer question is refused, politely."
    )


class MemorySettings(BaseModel):
    """What is remembered of a conversation."""

    model_config = ConfigDict(extra="forbid")

    idle_hours: float = Field(
        24, gt=0, description="A session is forgotten after this time without a turn."
    )
    tokens: int = Field(
        2_000,
        ge=0,
        description="Budget for past turns in a prompt, unless a profile"
        " sets `memory_tokens`.",
    )


class PlaceSettings(BaseModel):
    """How the bot behaves in a place; what a narrower place leaves out is inherited."""

    model_config = ConfigDict(extra="forbid")

    listen: Literal["mention", "every", "off"] = Field(
        "mention",
        description="Which messages are questions: those that name the bot, every one, "
        "or none.",
    )
    wait_for_humans_seconds: float = Field(
        0,
        ge=0,
        description="Where every message is a question: leave it to people for so "
        "long, and stay silent when somebody answers.",
    )
    person_limit: int = Field(
        0, ge=0, description="Questions of one person in `limit_minutes`; 0: no limit."
    )
    channel_limit: int = Field(
        0, ge=0, description="Questions in one channel in `limit_minutes`; 0: no limit."
    )
    role_limits: dict[str, int] = Field(
        default_factory=dict,
        description="In the place of `person_limit` for people with a role; the "
        "highest counts, 0: no limit.",
    )
    limit_minutes: float = Field(10, gt=0, description="The time that limits count.")
    blocked: list[str] = Field(
        default_factory=list,
        description="Ids of people, and names of roles, that get no answer.",
    )
    quiet_hours: str = Field(
        "",
        pattern=r"^(\d{2}:\d{2}-\d{2}:\d{2})?$",
        description='When only direct questions are answered, such as "22:00-07:00".',
    )
    timezone: str = Field("UTC", description='Of the quiet hours: "Europe/Berlin".')
    human_channel: str = Field(
        "",
        description="Channel (id) where Get a human posts; empty: no such button.",
    )
    human_mention: str = Field(
        "", description="Id of the user group (Slack) or role (Discord) to ring there."
    )
    summary_channel: str = Field(
        "",
        description="Channel (id) for the weekly summary of what was not answered.",
    )
    keep_answers: bool = Field(
        False, description="Keep an answer when its question is deleted."
    )
    link_hosts: list[str] = Field(
        default_factory=list,
        description="Hosts that may be clickable links in answers, besides those of "
        "the cited documents.",
    )
    language: str = Field(
        "", description="Language of the bot's own words; empty: the person's own."
    )


class ModelSettings(BaseModel):
    """The model server that profiles use unless they name their own."""

    model_config = ConfigDict(extra="forbid")

    base_url: str | None = Field(
        None,
        description="An OpenAI-compatible server, such as http://127.0.0.1:8000/v1.",
    )
    name: str | None = Field(
        None, description="The model; empty: the first one that the server lists."
    )
    api_key: SecretStr | None = Field(
        None, description="Its key; empty: OPENAI_API_KEY, if that is set."
    )


class Settings(Section):
    """The core's settings: the top of `curbside.toml` and its own tables."""

    data_dir: Path = Field(
        Path("curbside-data"), description="Where state and documents' index are kept."
    )
    redis_url: SecretStr | None = Field(
        None, description="Keep the state in Redis, such as redis://127.0.0.1:6379/0."
    )
    qdrant_url: str | None = Field(
        None, description="A Qdrant server; empty: the embedded store in `data_dir`."
    )
    qdrant_api_key: SecretStr | None = Field(None, description="The server's key.")
    collection: str = Field(
        "documents", description="The documents that profiles use by default."
    )
    documents: list[Path] = Field(
        default_factory=list,
        description="Files and folders that are brought up to date at each start.",
    )
    default_backend: str = Field(
        "",
        description="The profile that answers where none was chosen; empty: `rag` with"
        " a model, `verbatim` without.",
    )
    admins: list[str] = Field(
        default_factory=list,
        description='Who may switch, such as "slack:U0123" or "discord:815".',
    )
    admin_roles: list[str] = Field(
        default_factory=list, description='Roles that may, such as "discord:Staff".'
    )
    reviewers: list[str] = Field(
        default_factory=list,
        description="Who may correct answers and decide on proposals besides admins, "
        'such as "slack:U0123" or "discord:Moderators" (a role).',
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="How much is logged."
    )
    audience: dict[str, list[str]] = Field(
        default_factory=lambda: {
            "default": ["public"],
            "console": ["public", "staff"],
            "slack": ["public", "staff"],
        },
        description="Labels of the documents that a place may see; the narrowest of"
        ' "default", "slack", "slack:T1", "slack:T1:C2" counts.',
    )
    places: dict[str, PlaceSettings] = Field(
        default_factory=dict,
        description="How the bot behaves, a table for each place, named as in "
        "`audience`.",
    )
    worker: WorkerSettings = Field(default_factory=WorkerSettings)
    memory: MemorySettings = Field(default_factory=MemorySettings)
    model: ModelSettings = Field(default_factory=ModelSettings)
    backends: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="The profiles, a table each."
    )
    plugins: dict[str, Any] = Field(
        default_factory=dict, description="Tables of plugins that are not ours."
    )


def load_settings(tables: frozenset[str] = frozenset(), **given: Any) -> Settings:
    """The core's settings. `tables` are the other tables that the file may hold."""
    top = {key: value for key, value in read_config().items() if key not in tables}
    refuse_unknown(top, Settings, where="the top of the file", also=tables)
    refuse_mistyped(Settings, table="", tables=tables)
    settings = load_section(Settings, **given)
    if settings.model.api_key is None and (found := variable("OPENAI_API_KEY")):
        model = settings.model.model_copy(update={"api_key": SecretStr(found[0])})
        settings = settings.model_copy(update={"model": model})
    return settings
