"""Attached files as passages: read like a document, cited like one, by this turn only.

A short file goes into the prompt whole; of a longer one the parts that are most like
the question.
"""

import base64
from collections.abc import Iterator
from dataclasses import replace

from backends.base import File, Passage, Turn
from backends.context import Context
from backends.overlap import likeness
from backends.prompt import Prompt

PART_CHARACTERS = 1_200
PARTS = 8
"""So many parts of all files together; the rest of a prompt is for the documents."""


def with_files(context: Context, turn: Turn) -> Context:
    """The context with the files of a turn before all else."""
    return replace(context, passages=(*file_passages(turn), *context.passages))


def with_images(prompt: Prompt, turn: Turn) -> Prompt:
    """The prompt with the pictures of a turn beside its question."""
    images = tuple(
        f"data:{file.media_type};base64,{base64.b64encode(file.image).decode()}"
        for file in turn.files
        if file.image
    )
    asked = replace(prompt.messages[-1], images=images)
    return replace(prompt, messages=(*prompt.messages[:-1], asked))


def file_passages(turn: Turn) -> tuple[Passage, ...]:
    """The parts of the attached files that fit the question, in their order."""
    parts = [part for file in turn.files for part in _parts(file, turn.audience)]
    if len(parts) <= PARTS:
        return tuple(parts)
    scores = likeness(turn.question, [part.text for part in parts])
    ranked = sorted(range(len(parts)), key=lambda at: (-scores[at], at))
    return tuple(parts[at] for at in sorted(ranked[:PARTS]))


def _parts(file: File, audience: frozenset[str]) -> Iterator[Passage]:
    for number, text in enumerate(_pieces(file.text), 1):
        yield Passage(
            id=f"file:{file.name}:{number}",
            document=file.name,
            title=file.name,
            section="",
            text=text,
            # Whoever reads the answer reads the file beside it.
            labels=audience,
            score=1.0,
            support=1.0,
        )


def _pieces(text: str) -> Iterator[str]:
    """Paragraphs together, as many as make a part; a long one is cut."""
    piece = ""
    for paragraph in text.split("\n\n"):
        for start in range(0, len(paragraph), PART_CHARACTERS):
            cut = paragraph[start : start + PART_CHARACTERS].strip()
            if piece and len(piece) + len(cut) > PART_CHARACTERS:
                yield piece
                piece = ""
            piece = f"{piece}\n\n{cut}".strip()
    if piece:
        yield piece
