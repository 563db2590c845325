"""The models that a team tuned: what they were made of, and the profiles they serve."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from backends.tuning.run import Run
from bot.errors import ConfigurationError
from bot.state.base import Record, Records
from bot.state.listing import all_records
from bot.wire import from_data, to_data

KIND = "model"
"""A record of this kind holds a `TunedModel`; its id is the model's name."""


@dataclass(frozen=True, slots=True)
class TunedModel:
    """A model, its making, and where it serves.

    `adapter` is the folder of a local run; `served_as` and `base_url` are set once a
    server has it, and then it is a profile of the same name; `last_served_as` is what
    it was called there before it was taken away. `examples` are the ids it learned
    from, and `forgotten` those of them that were erased since. `gates` is what
    comparisons will say of it.
    """

    name: str
    base: str
    created: datetime
    run: str = ""
    dataset_hash: str = ""
    fingerprint: str = ""
    system: str = ""
    with_passages: bool = False
    adapter: str = ""
    served_as: str = ""
    last_served_as: str = ""
    base_url: str = ""
    fallback: str = ""
    shutdown_date: date | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    gates: Mapping[str, bool] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    forgotten: int = 0

    @property
    def is_served(self) -> bool:
        return bool(self.served_as)

    def table(self) -> dict[str, Any]:
        """The profile, as a table of the configuration would be."""
        table: dict[str, Any] = {
            "kind": "hybrid" if self.with_passages else "fine_tuned",
            "model": self.served_as,
            "system_prompt": self.system,
            "prompt_fingerprint": self.fingerprint,
        }
        if self.base_url:
            table["base_url"] = self.base_url
        if self.fallback:
            table["fallback"] = self.fallback
        if self.shutdown_date:
            table["shutdown_date"] = self.shutdown_date
        return table


@dataclass(frozen=True, slots=True)
class Models:
    """The registry, shared by all processes of a state."""

    records: Records

    async def all(self) -> list[TunedModel]:
        """All models by name."""
        found = [
            from_data(TunedModel, record.data)
            async for record in all_records(self.records, KIND)
        ]
        return sorted(found, key=lambda model: model.name)

    async def get(self, name: str) -> TunedModel:
        """A model by its name. Raises ConfigurationError."""
        record = await self.records.get(KIND, name)
        if record is None:
            known = ", ".join(model.name for model in await self.all()) or "none yet"
            raise ConfigurationError(
                f"there is no tuned model {name!r}; known: {known}"
            )
        return from_data(TunedModel, record.data)

    async def put(self, model: TunedModel) -> None:
        """Store a model in the place of the one of its name."""
        await self.records.put(Record(KIND, model.name, to_data(model), model.created))

    async def tables(self) -> dict[str, dict[str, Any]]:
        """The profiles of the models that are served."""
        return {m.name: m.table() for m in await self.all() if m.is_served}

    async def forgotten(self, examples: Iterable[str]) -> list[str]:
        """Mark the models that learned from erased examples; their names."""
        gone, marked = set(examples), []
        for model in await self.all():
            count = len(gone.intersection(model.examples))
            if count:
                await self.put(replace(model, forgotten=model.forgotten + count))
                marked.append(model.name)
        return marked


def model_of(run: Run, examples: Iterable[str], now: datetime) -> TunedModel:
    """The model that a run made."""
    local = run.trainer == "local"
    return TunedModel(
        name=run.name,
        base=run.base,
        created=now,
        run=run.id,
        dataset_hash=run.dataset_hash,
        fingerprint=run.fingerprint,
        system=run.system,
        with_passages=run.with_passages,
        adapter=run.model if local else "",
        served_as="" if local else run.model,
        metrics=run.metrics,
        examples=tuple(examples),
    )
