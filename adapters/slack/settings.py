"""Slack's own settings, and what the app must be allowed to do and to hear."""

from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

from bot.settings import Section

SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "chat:write",
        "commands",
        "groups:history",
        "im:history",
        "mpim:history",
        "reactions:read",
        "users:read",
    }
)
"""Bot scopes without which something of ours does not work."""

EVENTS = (
    "agent_session_stopped",
    "app_mention",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "reaction_added",
    "reaction_removed",
)
"""Events that the app subscribes to."""


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
