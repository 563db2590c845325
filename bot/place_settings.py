"""The settings of a place: a table `[places.NAME]` of the configuration."""

from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bot.adapter import Listening


class PlaceSettings(BaseModel):
    """How the bot behaves in a place; what a narrower place leaves out is inherited."""

    model_config = ConfigDict(extra="forbid")

    listen: Listening = Field(
        Listening.MENTION,
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

    @field_validator("quiet_hours")
    @classmethod
    def _are_times(cls, value: str) -> str:
        for part in value.split("-") if value else ():
            time.fromisoformat(part)
        return value

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(
                f"{value!r} is no time zone here; write one such as Europe/Berlin "
                "(where the system has none: pip install tzdata)"
            ) from error
        return value
