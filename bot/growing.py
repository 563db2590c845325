"""An answer being put together out of a backend's chunks."""

from dataclasses import replace

from backends.base import Chunk, Citation, End, EndReason, Step, Text, Usage
from bot.answers import Cited
from bot.model import Answer


class Growing:
    """Takes chunks in; `answer()` is what a person gets to see of them so far.

    `blank` is the answer before its first word: what is the same at all times.
    """

    def __init__(self, blank: Answer) -> None:
        self.text = ""
        self.step = ""
        self.cited: list[Cited] = []
        self.notes = [blank.notice] if blank.notice else []
        self.usage: Usage | None = None
        self.end: EndReason | None = None
        self._blank = blank

    def add(self, chunk: Chunk) -> bool:
        """Take a chunk in; whether the answer looks different now."""
        match chunk:
            case Text(delta):
                self.text += delta
                return bool(delta)
            case Step(text):
                self.step = text
                return True
            case Citation():
                self.cited.append(Cited.of(chunk))
            case Usage():
                self.usage = chunk
            case End(reason):
                self.end = reason
        return False

    def answer(self) -> Answer:
        """The answer as it is now."""
        return replace(
            self._blank,
            text=self.text,
            sources=tuple(cited.source for cited in self.cited),
            notice=" ".join(self.notes),
            step=self.step,
        )
