"""Sets of questions: folders with `passages.jsonl` and `questions.jsonl`.

Passages are {id, text[, heading]}; questions are {id, question, relevant: [passage id]
[, history: [{role, text}]][, answerability]}.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from backends.base import PastTurn
from backends.knowledge.documents import Document, title_from
from backends.knowledge.loaders import parse


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the ids of the passages that answer it.

    `answerable` is None where the set does not say so plainly.
    """

    text: str
    relevant: frozenset[str]
    history: tuple[PastTurn, ...] = ()
    answerable: bool | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A passage of a set; what its title is, its link and heading tell."""

    id: str
    title: str
    text: str

    @property
    def document(self) -> Document:
        """As a page that our loader read."""
        document = parse(self.text.encode(), "passage.md")
        return replace(document, name=self.id, title=self.title)


@dataclass(frozen=True, slots=True)
class QuestionSet:
    name: str
    texts: tuple[Text, ...]
    questions: tuple[Question, ...]

    @property
    def with_answers(self) -> list[Question]:
        return [question for question in self.questions if question.relevant]


def read_sets(folder: Path) -> list[QuestionSet]:
    found = sorted({path.parent for path in folder.rglob("questions.jsonl")})
    return [
        QuestionSet(
            each.name,
            tuple(map(to_text, read_lines(each / "passages.jsonl"))),
            tuple(map(to_question, read_lines(each / "questions.jsonl"))),
        )
        for each in found
    ]


def read_lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def to_text(row: Mapping[str, Any]) -> Text:
    path = urlsplit(row["id"]).path if "://" in row["id"] else ""
    page = " > ".join(title_from(part) for part in path.split("/")[-2:] if part)
    title = " > ".join(filter(None, (page, row.get("heading", ""))))
    return Text(row["id"], title, row["text"])


def to_question(row: Mapping[str, Any]) -> Question:
    turns = [turn["text"] for turn in row.get("history", ())]
    history = tuple(
        PastTurn(asked, answered)
        for asked, answered in zip(turns[::2], turns[1::2], strict=False)
    )
    said = str(row.get("answerability", ""))
    answerable = None
    if "ANSWERABLE" in said:
        answerable = "UNANSWERABLE" not in said
    relevant = frozenset(row["relevant"])
    return Question(row["question"], relevant, history, answerable)
