"""A follow-up as a question that stands alone, in the words of a model."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from backends.base import BackendError, PastTurn
from backends.chat_api import ChatModel
from backends.chat_types import Sampling
from backends.prompt import one_line, to_rewrite

SAMPLING = Sampling(max_tokens=80, temperature=0.0)
SECONDS = 5.0  # a search without it is better than a person who waits
LONGEST = 400  # characters; more is no question


class Rewriter(Protocol):
    """Makes a follow-up stand alone."""

    async def rewrite(self, question: str, history: Sequence[PastTurn]) -> str:
        """The question, or "" where there is none to offer. Never raises."""
        ...


class ModelRewriter:
    """Asks a model; a first question needs none, and a failure costs nothing more."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    async def rewrite(self, question: str, history: Sequence[PastTurn]) -> str:
        if not history:
            return ""
        said = ""
        with suppress(BackendError, TimeoutError):
            async with asyncio.timeout(SECONDS):
                prompt = to_rewrite(question, history)
                said = (await self._model.complete(prompt, SAMPLING)).text
        rewritten = one_line(said)
        return rewritten if len(rewritten) <= LONGEST else ""
