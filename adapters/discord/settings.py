"""Discord's own settings."""

from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

from bot.settings import Section


class DiscordSettings(Section):
    """The table `[discord]`."""

    table: ClassVar[str] = "discord"

    token: SecretStr | None = Field(
        None, description="The bot's token, from its page in the developer portal."
    )
    message_content: bool = Field(
        False,
        description="Read messages that do not mention the bot, for follow-ups in its "
        "threads; wants the switch of that name in the developer portal.",
    )
    threads: bool = Field(
        True, description="Answer a mention in a thread of its own, if we may."
    )
    catch_up_minutes: float = Field(
        15,
        ge=0,
        le=24 * 60,
        description="How far back to look, after a gap, for missed questions.",
    )
    edit_seconds: float = Field(
        1.2, gt=0, description="Pause between two edits of a growing answer."
    )
    timeout_seconds: float = Field(
        15, gt=0, description="How long Discord may take for one call."
    )
    api_url: str = Field(
        "https://discord.com/api/v10",
        pattern=r"^https?://.+[^/]$",
        description="Where the REST API is; something else only in tests.",
    )
    gateway_url: str = Field(
        "wss://gateway.discord.gg/",
        pattern=r"^wss?://.+$",
        description="Where the gateway is; something else only in tests.",
    )

    @field_validator("token")
    @classmethod
    def _is_bare(cls, value: SecretStr | None) -> SecretStr | None:
        # Copied out of an example with its header, it is refused without a reason.
        if value is not None and " " in value.get_secret_value().strip():
            raise ValueError('must be the token alone, without "Bot" before it')
        return value
