"""A parrot: says what it hears, word by word. A whole backend in one file."""

import asyncio
from collections.abc import AsyncIterator

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backends.base import (
    Backend,
    BackendMisconfigured,
    BackendRefused,
    Chunk,
    End,
    Health,
    Profile,
    Step,
    Text,
    Turn,
    Usage,
)
from backends.services import Services


class Options(BaseModel):
    """The options of a profile with `kind = "parrot"`."""

    model_config = ConfigDict(extra="forbid")

    greeting: str = "Squawk!"
    words_per_second: float = Field(50, gt=0)


class Parrot:
    """Repeats the question, and does not say rude words."""

    def __init__(self, options: Options) -> None:
        self._options = options

    async def answer(self, turn: Turn) -> AsyncIterator[Chunk]:
        """An async generator: closing it, at any `yield` or `await`, ends the work."""
        if "rude word" in turn.question:
            raise BackendRefused("a well-bred parrot does not say that")
        yield Step("Clearing its throat")
        words = [self._options.greeting, *turn.question.split()]
        for word in words:
            yield Text(f"{word} ")
            await asyncio.sleep(1 / self._options.words_per_second)
        yield Usage(output_tokens=len(words))
        yield End()

    async def health(self) -> Health:
        """There is nothing that could be down."""
        return Health(ok=True, model="parrot")

    async def aclose(self) -> None:
        """There is nothing to give back."""


def create(profile: Profile, services: Services) -> Backend:
    """What the entry point names: a backend for one profile."""
    try:
        options = Options.model_validate(dict(profile.options))
    except ValidationError as error:
        problem = error.errors()[0]
        raise BackendMisconfigured(
            f"[backends.{profile.name}]: {'.'.join(map(str, problem['loc']))}: "
            f"{problem['msg']}"
        ) from error
    return Parrot(options)
