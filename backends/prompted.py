"""The engine of all backends with a model: what goes into the prompt x which weights.

A kind picks a `ContextSource` (nothing, examples, passages) and a `ChatModel` (base or
tuned weights); everything else is the same for all of them, and is here.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

from backends.abstention import NO_DOCUMENTS, AbstentionWatch, abstain
from backends.attached import with_files, with_images
from backends.base import (
    BackendMisconfigured,
    BackendUnavailable,
    Chunk,
    End,
    EndReason,
    Health,
    Passage,
    PastTurn,
    Step,
    Text,
    Turn,
    Usage,
)
from backends.chat_api import ChatModel
from backends.chat_health import model_health
from backends.chat_types import Sampling
from backends.citations import CitationFilter
from backends.context import Context, ContextSource
from backends.prompt import Ingredients, Prompt, one_line, render, to_summarise
from backends.silence.decision import Silence
from backends.support.watch import WITHHELD, Policy, SupportWatch

UNBACKED = "\n\n*I could not tie this to a passage of the documents. Please check it.*"
NOT_PLAIN = re.compile(r"\w+://\S*|[@<>`]")
LONGEST_TITLE = 60
SUMMARY = Sampling(max_tokens=400, temperature=0.0)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a profile asks its model, and when it does not ask at all."""

    system: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    prompt_tokens: int = 6_000
    history_tokens: int = 2_000
    silence: Silence = field(default_factory=Silence)
    abstain_text: str = ""
    contacts: Mapping[str, str] = field(default_factory=dict)
    support: Policy = Policy.OFF
    images: bool = False

    def abstain(self, turn: Turn, context: Context, sentence: str = "") -> str:
        """What is said where the documents do not hold the answer."""
        return abstain(
            context.passages,
            sentence or self.abstain_text,
            contacts=self.contacts,
            audience=turn.audience,
        )


class Prompted:
    """Answers with a model, from a prompt that a context source fills."""

    def __init__(
        self, model: ChatModel, source: ContextSource, manner: Manner | None = None
    ) -> None:
        self._model = model
        self._source = source
        self._manner = manner or Manner()

    async def answer(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        """Search, abstain or ask the model, and cite."""
        if self._source.step:
            yield Step(self._source.step)
        context = await self._source.gather(turn)
        manner = self._manner
        silent = manner.silence.keeps(turn.question, context.passages)
        if self._source.needed and silent and not turn.files:
            yield Text(NO_DOCUMENTS if context.empty else manner.abstain(turn, context))
            yield End(EndReason.ABSTAINED)
            return
        context = with_files(context, turn)
        prompt = self._prompt(turn, context)
        if prompt.passages:
            yield Step(_reading(prompt.passages))
        known = "\n".join([turn.question, *(past.question for past in turn.history)])
        watch = SupportWatch(prompt.passages, manner.support, known)
        await asyncio.to_thread(watch.prepare)
        speech = Speech(prompt.passages, partial(manner.abstain, turn, context), watch)
        stream = self._model.stream(prompt.messages, manner.sampling)
        async with aclosing(stream) as parts:
            async for part in parts:
                for chunk in speech.take(part):
                    yield chunk

    @property
    def takes_images(self) -> bool:
        """Whether the model looks at pictures."""
        return self._manner.images

    async def summarise(self, summary: str, turns: tuple[PastTurn, ...]) -> str:
        """Fold old turns into the running summary."""
        completion = await self._model.complete(to_summarise(summary, turns), SUMMARY)
        return completion.text.strip() or summary

    async def health(self) -> Health:
        """The model's, unless what fills its prompts is broken."""
        problem, health = await asyncio.gather(
            self._source.check(), model_health(self._model)
        )
        problem = problem or self._manner.silence.check()
        if problem and health.ok:
            return Health(False, problem, health.model, health.shutdown_date)
        return health

    async def model_health(self) -> Health:
        """The model's alone: documents are not opened for it."""
        return await model_health(self._model)

    async def aclose(self) -> None:
        """Give the connections back."""
        await self._model.aclose()

    def _prompt(self, turn: Turn, context: Context) -> Prompt:
        manner = self._manner
        ingredients = Ingredients(
            question=turn.question,
            system=manner.system,
            passages=context.passages,
            examples=context.examples,
            summary=turn.summary,
            history=turn.history,
            author=turn.author,
        )
        prompt = render(
            ingredients,
            budget=manner.prompt_tokens,
            history_budget=manner.history_tokens,
        )
        if manner.images:
            prompt = with_images(prompt, turn)
        if self._source.needed and not prompt.passages and not turn.files:
            # Without passages the model would answer from what it happens to believe.
            raise BackendMisconfigured(
                f"{self._model.endpoint.name}: no passage fits into `prompt_tokens` = "
                f"{manner.prompt_tokens} beside this question; raise it"
            )
        return prompt


class Speech:
    """Makes an answer of what a model says: abstention seen, claims checked, cited."""

    def __init__(
        self,
        passages: Sequence[Passage],
        abstain: Callable[[str], str],
        support: SupportWatch,
    ) -> None:
        self._passages = passages
        self._abstain = abstain
        self._support = support
        self._watch = AbstentionWatch()
        self._filter = CitationFilter(passages)
        self._silent = True

    def take(self, part: Text | Usage | End) -> list[Chunk]:
        """The chunks that this part of the model's answer makes."""
        if isinstance(part, Usage):
            return [part]
        if isinstance(part, End):
            return self._end(part)
        shown = self._support.feed(self._watch.feed(part.delta))
        return self._say(list(self._filter.feed(shown)))

    def _end(self, end: End) -> list[Chunk]:
        rest = self._support.feed(self._watch.finish()) + self._support.finish()
        if self._watch.abstained or self._support.refused:
            said = WITHHELD if self._support.refused else ""
            return [Text(self._abstain(said)), End(EndReason.ABSTAINED)]
        chunks = self._say([*self._filter.feed(rest), *self._filter.finish()])
        if self._silent:
            raise BackendUnavailable(
                "the model said nothing"
                + ("; raise `max_tokens`" if end.reason is EndReason.LENGTH else "")
            )
        if self._passages and not self._filter.used:
            chunks += self._filter.backed() or [Text(UNBACKED)]
        return [*chunks, end]

    def _say(self, chunks: list[Chunk]) -> list[Chunk]:
        self._silent &= not any(isinstance(c, Text) and c.delta.strip() for c in chunks)
        return chunks


def _reading(passages: Sequence[Passage]) -> str:
    titles = list(dict.fromkeys(_plain(passage.title) for passage in passages))
    more = f" and {len(titles) - 2} more" if len(titles) > 2 else ""
    return f"Reading {', '.join(filter(None, titles[:2])) or 'the passages'}{more}"


def _plain(title: str) -> str:
    """A title for a line in passing: nobody called, nothing to click, not too long."""
    bare = one_line(NOT_PLAIN.sub("", title))
    return bare if len(bare) <= LONGEST_TITLE else f"{bare[:LONGEST_TITLE].rstrip()} …"
