"""Reads training files that others made: OpenAI chat, preferences, ShareGPT, CSV."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from backends.base import BackendError, PastTurn
from backends.tuning.example import (
    Origin,
    Provenance,
    TrainingExample,
    example_id,
)

ROLES = {"system", "developer", "user", "assistant", "tool", "function"}
SHAREGPT = {"human": "user", "user": "user", "gpt": "assistant", "system": "system"}
MOST_PROBLEMS = 20
LONGEST_CELL = 100_000


class DatasetError(BackendError):
    """A dataset cannot be used as it is; the message names the lines and the fix."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a training file. `learned` is False for a turn of weight 0."""

    role: str
    text: str
    learned: bool = True


def read_examples(
    text: str, name: str, *, consent: str = "", now: datetime | None = None
) -> list[TrainingExample]:
    """The examples of a file, one for each answer to learn.

    `name` is the file's: it tells CSV from JSON lines and goes into the provenance.
    Raises DatasetError with every bad line.
    """
    lines = _csv_rows(text) if name.lower().endswith(".csv") else _json_lines(text)
    examples: list[TrainingExample] = []
    problems: list[str] = []
    at = now or datetime.now(UTC)
    for number, line in lines:
        if isinstance(line, str):
            problems.append(f"line {number}: {line}")
            continue
        try:
            found = _read_line(line)
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            continue
        except (KeyError, TypeError) as error:
            problems.append(f"line {number}: is not formed as it should ({error!r})")
            continue
        for place, example in enumerate(found):
            source = f"{name}:{number}"
            provenance = Provenance(Origin.IMPORTED, source, consent=consent)
            id = example_id(name, str(place), example.content_hash)
            examples.append(replace(example, id=id, provenance=provenance, created=at))
    if problems:
        more = len(problems) - MOST_PROBLEMS
        shown = problems[:MOST_PROBLEMS] + ([f"and {more} more"] if more > 0 else [])
        raise DatasetError(f"{name} cannot be read:\n" + "\n".join(shown))
    if not examples:
        raise DatasetError(f"{name} holds no example; each line should be one")
    return examples


def _json_lines(text: str) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    stripped = text.lstrip("\ufeff \t\r\n")
    if stripped.startswith("["):
        # ShareGPT files are one list; its entries are counted instead of lines.
        try:
            entries = json.loads(stripped)
        except (ValueError, RecursionError) as error:
            yield 1, f"is no JSON list: {error}"
            return
        for number, entry in enumerate(entries, 1):
            yield number, entry if isinstance(entry, dict) else "is no object"
        return
    # Not `splitlines`: it also parts at what may stand within a text.
    for number, line in enumerate(text.lstrip("\ufeff").split("\n"), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, f"is no JSON: {error}"
            continue
        yield number, entry if isinstance(entry, dict) else "is no object"


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    known = {(name or "").strip().lower() for name in rows.fieldnames or ()}
    if not {"question", "answer"} <= known:
        yield 1, "the first line must name the columns `question` and `answer`"
        return
    try:
        for row in rows:
            cells = {
                str(key).strip().lower(): value or "" for key, value in row.items()
            }
            # The library's own limit is one for the whole program.
            if any(len(cell) > LONGEST_CELL for cell in cells.values()):
                yield rows.line_num, f"is no CSV: a cell is over {LONGEST_CELL:,} long"
            else:
                yield rows.line_num, cells
    except csv.Error as error:
        yield rows.line_num, f"is no CSV: {error}"


def _read_line(line: Mapping[str, Any]) -> list[TrainingExample]:
    """Whatever form it has. Raises ValueError, which says what is wrong."""
    readers: Sequence[tuple[str, Callable[[Mapping[str, Any]], list[TrainingExample]]]]
    readers = (
        ("messages", _chat),
        ("preferred_output", _preference),
        ("conversations", _sharegpt),
        ("question", _pair),
        ("prompt", _completion),
    )
    for key, reader in readers:
        if key in line:
            return reader(line)
    raise ValueError(
        "has none of `messages` (chat), `preferred_output` (preference), "
        "`conversations` (ShareGPT), `question` and `answer`"
    )


def _chat(line: Mapping[str, Any]) -> list[TrainingExample]:
    messages = [_message(each) for each in _list(line, "messages")]
    found = list(_answers(messages))
    if not any(message.role == "assistant" for message in messages):
        raise ValueError("no message has the role `assistant`; add the answer")
    return found


def _message(entry: Any) -> Said:
    if not isinstance(entry, dict):
        raise ValueError("a message is no object with `role` and `content`")
    role, content = entry.get("role"), entry.get("content")
    if role not in ROLES:
        raise ValueError(f"role {role!r} is unknown; use system, user or assistant")
    if isinstance(content, list):
        content = "".join(
            part.get("text", "") for part in content if isinstance(part, dict)
        )
    if role in ("tool", "function") or entry.get("tool_calls"):
        raise ValueError("calls of tools cannot be learned here; leave the line out")
    if not isinstance(content, str) or not content.strip():
        raise ValueError(f"a message of the {role} is empty")
    weight = entry.get("weight", 1)
    if weight not in (0, 1):
        raise ValueError(f"weight is {weight!r}; it must be 0 or 1")
    return Said("system" if role == "developer" else role, content, bool(weight))


def _answers(messages: Sequence[Said]) -> Iterator[TrainingExample]:
    """An example for each answer to learn; one of weight 0 is only history."""
    system = "\n\n".join(m.text for m in messages if m.role == "system")
    asked: list[str] = []
    past: list[PastTurn] = []
    for message in messages:
        if message.role == "user":
            asked.append(message.text)
        elif message.role == "assistant":
            if not asked:
                raise ValueError("an answer comes before any question")
            question = "\n\n".join(asked)
            if message.learned:
                yield _new(question, message.text, tuple(past), system=system)
            past.append(PastTurn(question, message.text))
            asked = []
    if asked:
        raise ValueError("the last message is not the assistant's; add the answer")


def _preference(line: Mapping[str, Any]) -> list[TrainingExample]:
    given = line.get("input")
    if not isinstance(given, dict):
        raise ValueError("`input` must be an object with `messages`")
    messages = [_message(each) for each in _list(given, "messages")]
    good = [_message(each) for each in _list(line, "preferred_output")]
    bad = [_message(each) for each in _list(line, "non_preferred_output")]
    if len(good) != 1 or len(bad) != 1:
        raise ValueError("each output must be one message of the assistant")
    whole = list(_answers([*messages, replace(good[0], learned=True)]))
    return [replace(whole[-1], rejected=bad[0].text)]


def _sharegpt(line: Mapping[str, Any]) -> list[TrainingExample]:
    messages = []
    for entry in _list(line, "conversations"):
        speaker = entry.get("from") if isinstance(entry, dict) else None
        if speaker not in SHAREGPT:
            raise ValueError(f"from {speaker!r} is unknown; use human, gpt or system")
        messages.append(
            _message({"role": SHAREGPT[speaker], "content": entry["value"]})
        )
    return list(_answers(messages))


def _pair(line: Mapping[str, Any]) -> list[TrainingExample]:
    question, answer = line.get("question"), line.get("answer")
    for name, value in (("question", question), ("answer", answer)):
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"`{name}` is empty")
    labels = line.get("labels") or "public"
    names = labels.split(",") if isinstance(labels, str) else labels
    example = _new(str(question), str(answer), system=str(line.get("system") or ""))
    return [
        replace(
            example,
            rejected=str(line.get("rejected") or ""),
            labels=frozenset(str(name).strip() for name in names),
        )
    ]


def _completion(line: Mapping[str, Any]) -> list[TrainingExample]:
    prompt, answer = line["prompt"], line.get("completion")
    if isinstance(prompt, list) and isinstance(answer, list):
        return _chat({"messages": [*prompt, *answer]})
    return _pair({"question": prompt, "answer": answer})


def _list(line: Mapping[str, Any], key: str) -> list[Any]:
    value = line.get(key)
    if not isinstance(value, list) or not value:
        raise ValueError(f"`{key}` must be a list that is not empty")
    return value


def _new(
    question: str, answer: str, history: tuple[PastTurn, ...] = (), *, system: str = ""
) -> TrainingExample:
    return TrainingExample(
        id="",
        question=question.strip(),
        answer=answer.strip(),
        provenance=Provenance(Origin.IMPORTED),
        created=datetime.min.replace(tzinfo=UTC),
        history=history,
        system=system,
    )
