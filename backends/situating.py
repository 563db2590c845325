"""A line before each piece of a document that says where it stands, by a model.

Pieces that name neither product nor year are found by what the line adds (known as
contextual retrieval). It is searched, and not shown.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from backends.chat_api import ChatModel
from backends.chat_types import Sampling
from backends.knowledge.chunking import Piece
from backends.prompt import one_line, to_situate

SAMPLING = Sampling(max_tokens=100, temperature=0.0)
AT_ONCE = 4
AROUND = 2_000  # words of a document that the model reads with a piece
LONGEST = 600  # characters; more would drown the piece


class Situating(Protocol):
    """Gives the pieces of one document their lines."""

    async def situated(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Raises a BackendError where no line can be had: the document waits then."""
        ...


class ModelSituating:
    """Asks a model, for several pieces at once."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self._free = asyncio.Semaphore(AT_ONCE)

    async def situated(self, pieces: Sequence[Piece]) -> list[Piece]:
        if len(pieces) < 2:
            return list(pieces)  # it is the document
        texts = [piece.text for piece in pieces]
        try:
            async with asyncio.TaskGroup() as group:
                asked = [
                    group.create_task(self._line(piece, around(texts, at)))
                    for at, piece in enumerate(pieces)
                ]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None  # one is enough to know
        return [
            replace(piece, context=line.result())
            for piece, line in zip(pieces, asked, strict=True)
        ]

    async def _line(self, piece: Piece, document: str) -> str:
        async with self._free:
            prompt = to_situate(piece.breadcrumb, document, piece.text)
            completion = await self._model.complete(prompt, SAMPLING)
        return one_line(completion.text)[:LONGEST]


def around(texts: Sequence[str], at: int) -> str:
    """The document, or as much of it around a piece as a model should read."""
    first = last = at
    room = AROUND - len(texts[at].split())
    while room > 0 and (first > 0 or last + 1 < len(texts)):
        for next_one in (first - 1, last + 1):
            if 0 <= next_one < len(texts):
                room -= len(texts[next_one].split())
        first, last = max(0, first - 1), min(len(texts) - 1, last + 1)
    return "\n\n".join(texts[first : last + 1])
