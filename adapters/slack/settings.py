"""Slack's own settings, and what the app must be allowed to do and to hear."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from bot.settings import Section

SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:read",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "mpim:history",
        "mpim:read",
        "reactions:read",
        "users:read",
    }
)
"""Bot scopes without which something of ours does not work."""

EVENTS = (
    "agent_session_stopped",
    "agent_session_title_changed",
    "app_context_changed",
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "reaction_added",
    "reaction_removed",
    "tokens_revoked",
)
"""Events that the app subscribes to."""


class OAuthSettings(BaseModel):
    """Many workspaces: who installs the app gets a token of its own."""

    model_config = ConfigDict(extra="forbid")

    client_id: str = Field(
        "",
        description="The app's Client ID, under Basic Information; with it, workspaces "
        "install the app at /slack/install.",
    )
    client_secret: SecretStr | None = Field(
        None, description="The app's Client Secret, next to the Client ID."
    )
    redirect_url: str = Field(
        "",
        description="Where Slack sends people back to, as it is in the app: "
        "https://bot.example.org/slack/oauth_redirect.",
    )
    encryption_keys: list[SecretStr] = Field(
        default_factory=list,
        description="Fernet keys for the tokens at rest; the first one encrypts, all "
        "decrypt. `python -c 'from cryptography.fernet import Fernet; "
        "print(Fernet.generate_key().decode())'` makes one.",
    )
    database_url: SecretStr | None = Field(
        None,
        description="Where installations are kept, for SQLAlchemy's async engine; "
        "empty: a SQLite file in `data_dir`.",
    )


class SlackSettings(Section):
    """The table `[slack]`."""

    table: ClassVar[str] = "slack"

    bot_token: SecretStr | None = Field(
        None, description="The app's Bot User OAuth Token (xoxb-...)."
    )
    app_token: SecretStr | None = Field(
        None,
        description="An app-level token with connections:write (xapp-...); a process "
        "that only works needs none.",
    )
    mode: Literal["socket", "http"] = Field(
        "socket",
        description="How events come: over sockets that we open, or posted to us.",
    )
    signing_secret: SecretStr | None = Field(
        None,
        description="The app's Signing Secret, under Basic Information; for `http`.",
    )
    host: str = Field(
        "127.0.0.1",
        description="Where `http` listens; 0.0.0.0 in a container, behind TLS.",
    )
    port: int = Field(3000, ge=0, le=65535, description="And at which port.")
    oauth: OAuthSettings = Field(default_factory=OAuthSettings)
    api_url: str = Field(
        "https://slack.com/api/",
        pattern=r"^https?://.+/$",
        description="Where the Web API is; something else only in tests.",
    )
    connections: int = Field(
        2,
        ge=1,
        le=10,
        description="Sockets held open: while Slack renews one, another is there.",
    )
    edit_seconds: float = Field(
        1.5, gt=0, description="Pause between two edits of a growing answer."
    )
    timeout_seconds: float = Field(
        20, gt=0, description="How long Slack may take for one call."
    )
    patience_seconds: float = Field(
        20, gt=0, description="A socket that stays away so long is built anew."
    )

    answer_bots: list[str] = Field(
        default_factory=list,
        description="Other bots whose messages are answered like a person's: their "
        "user ids (U...) or bot ids (B...).",
    )
    catch_up_minutes: float = Field(
        15,
        ge=0,
        description="After a pause, what was said in its last minutes is answered too.",
    )

    @field_validator("bot_token")
    @classmethod
    def _is_bot_token(cls, value: SecretStr | None) -> SecretStr | None:
        return _beginning("xoxb-", value, "Bot User OAuth Token")

    @field_validator("app_token")
    @classmethod
    def _is_app_token(cls, value: SecretStr | None) -> SecretStr | None:
        return _beginning("xapp-", value, "app-level token")


def _beginning(prefix: str, value: SecretStr | None, name: str) -> SecretStr | None:
    # The two tokens are easily swapped, and Slack's own error does not say so.
    if value is not None and not value.get_secret_value().startswith(prefix):
        raise ValueError(f"must be the {name}, which begins with {prefix}")
    return value
