"""An example to train on: a question, the answer the team wants, and its history."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from backends.base import Passage, PastTurn


class Origin(StrEnum):
    """How an example came to be."""

    CURATED = "curated"
    DOCUMENT = "document"
    APPROVED = "approved"
    CORRECTED = "corrected"
    IMPORTED = "imported"
    CHANNEL = "channel"


class Status(StrEnum):
    """What a reviewer made of it; only approved ones are trained on."""

    CANDIDATE = "candidate"
    APPROVED = "approved"
    REJECTED = "rejected"


class Split(StrEnum):
    """Which part of a dataset an example belongs to, once that was frozen."""

    NONE = ""
    TRAIN = "train"
    HELD_OUT = "held-out"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an example is from.

    `source` is an answer's id, a file with its line, or a document. `author` and
    `people` are "platform:id": who wrote the answer, and whose words are in it;
    `workspace` is "platform:workspace" for what was said in a chat. `consent` is the
    right by which it is used, in the team's own words.
    """

    origin: Origin
    source: str = ""
    author: str = ""
    author_role: str = ""
    people: tuple[str, ...] = ()
    workspace: str = ""
    consent: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """Who decided, and when."""

    reviewer: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class ScrubReport:
    """What was replaced, by kind; never the values. `version` is the scrubber's."""

    counts: Mapping[str, int] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """One answer to learn from, with the conversation that led to it.

    `rejected` is the answer that was corrected, if there was one; `passages` are those
    the answer was made from; `system` is set for imported files that bring their own.
    `earlier` holds the content hashes of former texts, the oldest first.
    """

    id: str
    question: str
    answer: str
    provenance: Provenance
    created: datetime
    rejected: str = ""
    history: tuple[PastTurn, ...] = ()
    passages: tuple[Passage, ...] = ()
    system: str = ""
    labels: frozenset[str] = frozenset({"public"})
    status: Status = Status.CANDIDATE
    review: Review | None = None
    scrub: ScrubReport = ScrubReport()
    split: Split = Split.NONE
    earlier: tuple[str, ...] = ()

    @property
    def content_hash(self) -> str:
        """SHA-256 of all that is learned from it, the same on every machine."""
        content = {
            "question": self.question,
            "answer": self.answer,
            "rejected": self.rejected,
            "history": [[turn.question, turn.answer] for turn in self.history],
            "passages": [passage.text for passage in self.passages],
            "system": self.system,
        }
        text = json.dumps(content, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def texts(self) -> list[str]:
        """Every text in it that a person wrote or reads."""
        past = [text for turn in self.history for text in (turn.question, turn.answer)]
        return [*past, self.question, self.answer, self.rejected, self.system]

    def rewritten(self, question: str, answer: str, by: str) -> "TrainingExample":
        """This example with other texts; the former ones stay known by their hash.

        Another answer is that of the person who wrote it.
        """
        source = self.provenance
        if answer != self.answer:
            former = (*source.people, source.author)
            people = tuple(dict.fromkeys(each for each in former if each))
            source = replace(source, author=by, author_role="reviewer", people=people)
        return replace(
            self,
            question=question,
            answer=answer,
            provenance=source,
            earlier=(*self.earlier, self.content_hash),
        )


def example_id(*parts: str) -> str:
    """A short id, the same whenever the same thing is taken in again."""
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()
