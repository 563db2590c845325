"""Kind `few_shot`: the nearest curated examples in the prompt, base weights."""

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backends.base import Backend, BackendError, BackendMisconfigured, Profile, Turn
from backends.context import Context
from backends.options import ModelOptions, chat_model, manner, place, read
from backends.overlap import likeness
from backends.prompt import Example
from backends.prompted import Prompted
from backends.services import Services

log = logging.getLogger(__name__)

EARLIER_QUESTIONS = 2  # a follow-up names its subject in an earlier question


class FewShotOptions(ModelOptions):
    """Options of a `few_shot` profile."""

    examples: Path = Field(
        description="A JSONL file of lines with `question` and `answer`."
    )
    nearest: int = Field(4, ge=1, le=32, description="How many go into the prompt.")


class Line(BaseModel):
    """A line of the examples file; without labels everybody may see it."""

    model_config = ConfigDict(extra="ignore")

    question: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    labels: list[str] = Field(default_factory=lambda: ["public"])


def read_examples(path: Path) -> tuple[Example, ...]:
    """The examples of a file. Raises BackendMisconfigured, which names the line."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BackendMisconfigured(f"`examples` cannot be read: {error}") from error
    examples = []
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            line = Line.model_validate(json.loads(text))
        except (ValueError, ValidationError) as error:
            raise BackendMisconfigured(
                f'`examples`: line {number} of {path} is not {{"question": …, '
                f'"answer": …}}: {str(error).splitlines()[0]}'
            ) from error
        labels = frozenset(line.labels) or frozenset({"public"})
        examples.append(Example(line.question, line.answer, labels))
    if not examples:
        raise BackendMisconfigured(f"`examples`: {path} holds no example; write some")
    return tuple(examples)


@dataclass(frozen=True, slots=True)
class Edition:
    """The examples as the file had them at one time; vectors where there are any."""

    stamp: tuple[int, int]
    examples: tuple[Example, ...]
    vectors: Any = field(default=None, compare=False)


class NearestExamples:
    """Finds the examples most like a question; notices when their file was edited."""

    step = ""
    needed = False

    def __init__(self, path: Path, limit: int, services: Services) -> None:
        self._path = path
        self._limit = limit
        self._embed = services.embed
        self._edition = Edition(_stamp(path), read_examples(path))
        self._refreshing = asyncio.Lock()
        self._fresh = False

    async def gather(self, turn: Turn) -> Context:
        """The nearest examples that this audience may see, the nearest first."""
        edition = await self._current()
        seen = [
            number
            for number, example in enumerate(edition.examples)
            if example.labels & turn.audience
        ]
        asked = [past.question for past in turn.history[-EARLIER_QUESTIONS:]]
        question = "\n".join([*asked, turn.question])
        scores = await self._scores(question, edition, seen)
        ranked = sorted(zip(scores, seen, strict=True), key=lambda pair: -pair[0])
        nearest = [edition.examples[number] for _, number in ranked[: self._limit]]
        return Context(examples=tuple(nearest))

    async def check(self) -> str:
        """Whether the file as it stands now can be read."""
        try:
            await asyncio.to_thread(read_examples, self._path)
        except BackendMisconfigured as error:
            return str(error)
        return ""

    async def _scores(
        self, question: str, edition: Edition, seen: Sequence[int]
    ) -> list[float]:
        if edition.vectors is not None and self._embed is not None and seen:
            try:
                vector = (await self._embed([question]))[0]
                return [float(score) for score in edition.vectors[seen] @ vector]
            except BackendError as error:
                log.warning("examples are compared by words: %s", error)
        texts = [edition.examples[number].question for number in seen]
        return likeness(question, texts)

    async def _current(self) -> Edition:
        async with self._refreshing:
            stamp = _stamp(self._path)
            if not self._fresh or stamp != self._edition.stamp:
                self._edition = await self._read(stamp)
                self._fresh = True
            return self._edition

    async def _read(self, stamp: tuple[int, int]) -> Edition:
        try:
            examples = await asyncio.to_thread(read_examples, self._path)
        except BackendMisconfigured as error:
            # Half an edit must not silence the bot: what was read before still holds.
            log.warning("examples are kept as they were: %s", error)
            examples = self._edition.examples
        return Edition(stamp, examples, await self._vectors(examples))

    async def _vectors(self, examples: Sequence[Example]) -> Any:
        if self._embed is None:
            return None
        try:
            vectors = await self._embed([example.question for example in examples])
        except BackendError as error:
            log.warning("examples are compared by words: %s", error)
            return None
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.maximum(length, 1e-9)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return status.st_mtime_ns, status.st_size


def create(profile: Profile, services: Services) -> Backend:
    """Raises BackendMisconfigured."""
    options = read(profile, FewShotOptions)
    try:
        source = NearestExamples(options.examples, options.nearest, services)
    except BackendMisconfigured as error:
        raise BackendMisconfigured(f"{place(profile)}: {error}") from error
    return Prompted(
        chat_model(profile, options, services),
        source,
        manner(profile, options, services),
    )
