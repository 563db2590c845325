"""The core's settings: its tables, and the top of `curbside.toml`."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from backends.knowledge.retrieval_options import RetrievalOptions
from backends.knowledge.server_options import ServerOptions
from backends.knowledge.sources.options import SourceOptions
from bot.configuration import (
    config_file,
    read_config,
    refuse_mistyped,
    refuse_unknown,
    variable,
)
from bot.place_settings import PlaceSettings
from bot.sections import Section, load_section

__all__ = [
    "MemorySettings",
    "ModelSettings",
    "PlaceSettings",
    "Section",
    "Settings",
    "TuningSettings",
    "WorkerSettings",
    "config_file",
    "load_section",
    "load_settings",
    "read_config",
    "refuse_unknown",
]


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


class FileSettings(BaseModel):
    """Files that people attach to their questions."""

    model_config = ConfigDict(extra="forbid")

    most: int = Field(5, ge=0, description="Files of one conversation; 0: none.")
    megabytes: float = Field(20, gt=0, description="A larger file is not read.")
    characters: int = Field(
        400_000, ge=1_000, description="So much of a file's text is read."
    )
    keep_hours: float = Field(
        24, gt=0, description="How long a file is known to follow-up questions."
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


class TuningSettings(BaseModel):
    """Examples to train on, and who decides about them."""

    model_config = ConfigDict(extra="forbid")

    four_eyes: bool = Field(
        False, description="Nobody approves an answer that they wrote themselves."
    )
    roster: list[str] = Field(
        default_factory=list,
        description="Names of people; examples get placeholders in their place.",
    )
    find_names: bool = Field(
        False,
        description="Look for other names too; needs the extra `[pii]` and a model.",
    )
    channel_history_right: str = Field(
        "",
        description="The right by which messages of channels may be trained on, in "
        "your words; without it they are refused. See docs/fine-tuning.md.",
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
    ray_address: str = Field(
        "",
        description="A Ray cluster that reads and embeds documents, such as"
        " 127.0.0.1:6379; empty: this machine does.",
    )
    collection: str = Field(
        "documents", description="The documents that profiles use by default."
    )
    documents: list[Path] = Field(
        default_factory=list,
        description="Files and folders that are brought up to date at each start.",
    )
    sources: dict[str, SourceOptions] = Field(
        default_factory=dict,
        description="Places whose files are kept in a collection, a table each;"
        " `curbside sync` brings them up to date.",
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
    contacts: dict[str, str] = Field(
        default_factory=dict,
        description="Who may know what the documents of a label do not say, such as"
        ' `{staff = "Ines, ext. 12"}`; named where nothing was found.',
    )
    places: dict[str, PlaceSettings] = Field(
        default_factory=dict,
        description="How the bot behaves, a table for each place, named as in "
        "`audience`.",
    )
    qdrant: ServerOptions = Field(default_factory=ServerOptions)
    retrieval: RetrievalOptions = Field(default_factory=RetrievalOptions)
    worker: WorkerSettings = Field(default_factory=WorkerSettings)
    memory: MemorySettings = Field(default_factory=MemorySettings)
    files: FileSettings = Field(default_factory=FileSettings)
    model: ModelSettings = Field(default_factory=ModelSettings)
    tuning: TuningSettings = Field(default_factory=TuningSettings)
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
