"""The options of a source's table."""

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

UNITS = {"m": 60, "h": 3_600, "d": 86_400}
MOST_PAGES = 1_000
SCHEDULE = re.compile(r"([1-9]\d{0,4})([mhd])")


class SourceOptions(BaseModel):
    """A place whose files are kept in a collection."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(
        min_length=1,
        description="A folder, a URL that `fsspec` knows (`s3://`, `sftp://`, `zip://`,"
        " `git://`), a web site, or its sitemap.",
    )
    collection: str = Field(
        "", description="Where to keep it; empty: the top-level `collection`."
    )
    labels: list[str] = Field(
        default_factory=list,
        description="Who may see it, unless a file says so itself; empty: `public` for"
        " a folder `public`, else `staff`.",
    )
    schedule: str = Field(
        "",
        description='How often `run` looks for changes, such as "30m", "6h", "1d";'
        " empty: at each start.",
    )
    pages: int = Field(
        MOST_PAGES, ge=1, description="Of a web site, no more than this are read."
    )
    delay: float = Field(
        1.0, ge=0, le=60, description="Seconds between two requests to a web site."
    )
    allow_private: bool = Field(
        False, description="Read a web site of this network too, or of this machine."
    )

    @field_validator("schedule")
    @classmethod
    def _check_schedule(cls, value: str) -> str:
        if value and not SCHEDULE.fullmatch(value):
            raise ValueError('must be a number and m, h or d, such as "6h"')
        return value

    @property
    def seconds(self) -> float | None:
        """The time between two looks at it; None: only at a start."""
        found = SCHEDULE.fullmatch(self.schedule)
        return int(found[1]) * UNITS[found[2]] if found else None
