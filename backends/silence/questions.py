"""Question sets: JSONL lines that say of each question whether documents answer it."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from backends.base import BackendMisconfigured, PastTurn


class Question(BaseModel):
    """A line: `question`, and `answerable` or the `document` that answers it (null for
    none); `history` holds the questions before it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    question: str = Field(min_length=1)
    answerable: bool
    history: list[str] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _by_its_document(cls, row: Any) -> Any:
        if isinstance(row, dict) and "answerable" not in row:
            for key in ("document", "relevant"):
                if key in row:
                    return {**row, "answerable": bool(row[key])}
        return row

    @property
    def turns(self) -> tuple[PastTurn, ...]:
        return tuple(PastTurn(asked, "") for asked in self.history)


def read_questions(path: Path) -> list[Question]:
    """The questions of a file. Raises BackendMisconfigured, which names the line."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BackendMisconfigured(f"{path} cannot be read: {error}") from error
    questions = []
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            questions.append(Question.model_validate(json.loads(text)))
        except (ValueError, ValidationError) as error:
            raise BackendMisconfigured(
                f'line {number} of {path} is not {{"question": …, "answerable": …}}: '
                f"{str(error).splitlines()[0]}"
            ) from error
    return questions
