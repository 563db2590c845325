"""Discord's own settings."""

from typing import ClassVar, Self

from pydantic import Field, SecretStr, field_validator, model_validator

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
    commands_guild: str = Field(
        "",
        pattern=r"^\d*$",
        description="Register the commands in this server (id) alone, where they "
        "change at once; for development.",
    )
    answered_tag: str = Field(
        "", description="Tag put on a forum post that was answered, where it exists."
    )
    solved_tag: str = Field(
        "solved",
        description="Tag put on a forum post that was solved, where it exists.",
    )
    close_solved: bool = Field(
        False, description="Put a forum post into the archive when it is solved."
    )
    catch_up_minutes: float = Field(
        15,
        ge=0,
        le=24 * 60,
        description="How far back to look, after a gap, for missed questions.",
    )
    shards: int = Field(
        0,
        ge=0,
        le=100_000,
        description="Connections to the gateway in all processes together; 0: as many "
        "as Discord advises.",
    )
    shard_range: str = Field(
        "",
        pattern=r"^(\d+-\d+)?$",
        description='The shards of this process ("0-3"), where several share them; '
        "wants `shards`.",
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

    @model_validator(mode="after")
    def _range_fits(self) -> Self:
        if self.shard_range:
            first, last = self._ends()
            if not first <= last < self.shards:
                raise ValueError(
                    f"'shard_range' {self.shard_range!r} must lie between 0 and the "
                    f"last of 'shards', which is {self.shards}"
                )
        return self

    def shards_here(self, count: int) -> range:
        """The shards of this process, of so many in all."""
        if not self.shard_range:
            return range(count)
        first, last = self._ends()
        return range(first, last + 1)

    def _ends(self) -> tuple[int, int]:
        first, last = self.shard_range.split("-")
        return int(first), int(last)

    @field_validator("token")
    @classmethod
    def _is_bare(cls, value: SecretStr | None) -> SecretStr | None:
        # Copied out of an example with its header, it is refused without a reason.
        if value is not None and " " in value.get_secret_value().strip():
            raise ValueError('must be the token alone, without "Bot" before it')
        return value
