"""What vendors ask for training: a table that the team edits, with its date.

Prices change and are told differently everywhere, so none is built in.
"""

import tomllib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backends.tuning.run import TrainingError

OLD_DAYS = 90

TEMPLATE = """\
# What your vendor asks for training, in its own words; `curbside tune` reads it before
# it sends anything. Copy a price from the vendor's page, with the day you saw it.
#
# [models."gpt-4.1-mini"]
# training_per_million_tokens = 5.00
# currency = "USD"
# seen = 2026-11-20
"""


class Price(BaseModel):
    """A row of the table."""

    model_config = ConfigDict(extra="forbid")

    training_per_million_tokens: float = Field(ge=0)
    currency: str = "USD"
    seen: date


class Table(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    models: dict[str, Price] = Field(default_factory=dict)


@dataclass(frozen=True)
class Prices:
    """The prices in a file."""

    path: Path
    models: dict[str, Price] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Prices":
        """Read the table; write an empty one, with an example, where there is none."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(TEMPLATE, encoding="utf-8")
        try:
            table = Table.model_validate(tomllib.loads(path.read_text("utf-8")))
        except (tomllib.TOMLDecodeError, ValidationError, OSError) as error:
            first = str(error).splitlines()[0]
            raise TrainingError(
                f"the prices in {path} cannot be read: {first}"
            ) from error
        return cls(path, table.models)

    def training(self, model: str, tokens: int) -> str:
        """What so many tokens cost; empty where no price is known."""
        price = self._of(model)
        if price is None:
            return ""
        cost = tokens / 1e6 * price.training_per_million_tokens
        age = (date.today() - price.seen).days
        old = f", {age} days old" if age > OLD_DAYS else ""
        return f"about {cost:,.2f} {price.currency} (price of {price.seen}{old})"

    def how_to(self, model: str) -> str:
        """How the price of a model gets known."""
        return f"what that costs is not known: add the price of {model} to {self.path}"

    def _of(self, model: str) -> Price | None:
        """The price of a model, or of the family that its dated name begins with."""
        known = [name for name in self.models if model.startswith(name)]
        return self.models[max(known, key=len)] if known else None
