"""A dataset frozen for training: two files and a manifest that names their hashes."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from backends.tuning.example import Split, Status, TrainingExample
from backends.tuning.reading import DatasetError

MANIFEST = "manifest.json"
FILES = {Split.TRAIN: "train.jsonl", Split.HELD_OUT: "held-out.jsonl"}

_EXAMPLE = TypeAdapter(TrainingExample)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A frozen dataset. `hash` is that of all its contents, in order."""

    folder: Path
    hash: str
    train: tuple[TrainingExample, ...]
    held_out: tuple[TrainingExample, ...]
    counts: Mapping[str, int] = field(default_factory=dict)


def dump_example(example: TrainingExample) -> str:
    """An example as one line of JSON."""
    return _EXAMPLE.dump_json(example).decode()


def load_example(text: str | bytes) -> TrainingExample:
    """Read back what `dump_example` wrote."""
    return _EXAMPLE.validate_json(text)


def freeze(examples: Iterable[TrainingExample], root: Path) -> Snapshot:
    """Write the approved examples of both parts into a folder named by their hash.

    The same examples give the same folder. Raises DatasetError without any.
    """
    approved = sorted(
        (each for each in examples if each.status is Status.APPROVED),
        key=lambda each: each.id,
    )
    parts = {part: [each for each in approved if each.split is part] for part in FILES}
    if not parts[Split.TRAIN]:
        raise DatasetError(
            "there is nothing to train on: approve examples, then run "
            "`curbside dataset split`"
        )
    texts = {
        part: "".join(f"{dump_example(each)}\n" for each in found)
        for part, found in parts.items()
    }
    hashes = {FILES[part]: _sha256(text) for part, text in texts.items()}
    # Who reviewed it and when is no part of what is learned.
    content = [f"{part}:{each.content_hash}" for part in FILES for each in parts[part]]
    whole = _sha256("\n".join(content))
    folder = root / whole[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for part, text in texts.items():
        (folder / FILES[part]).write_text(text, encoding="utf-8")
    manifest = {
        "hash": whole,
        "files": hashes,
        "examples": {FILES[part]: len(found) for part, found in parts.items()},
        "origins": _origins(approved),
        "frozen": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    _write_last(folder / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    return load(folder)


def load(folder: Path) -> Snapshot:
    """Read a frozen dataset. Raises DatasetError when it is not as it was frozen."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        texts = {
            name: (folder / name).read_text(encoding="utf-8") for name in FILES.values()
        }
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{folder} is no frozen dataset ({error}); make one with "
            "`curbside dataset freeze`"
        ) from error
    changed = [
        name for name, text in texts.items() if _sha256(text) != manifest["files"][name]
    ]
    if changed:
        raise DatasetError(
            f"{folder / changed[0]} was changed after it was frozen; freeze anew "
            "instead: what a model learned must stay known"
        )
    train, held_out = (
        tuple(load_example(line) for line in texts[name].split("\n") if line)
        for name in FILES.values()
    )
    return Snapshot(folder, manifest["hash"], train, held_out, manifest["examples"])


def as_data(example: TrainingExample) -> Mapping[str, object]:
    """An example as plain data, for a table of a state."""
    data: Mapping[str, object] = _EXAMPLE.dump_python(example, mode="json")
    return data


def from_data(data: Mapping[str, object]) -> TrainingExample:
    """Read back what `as_data` made."""
    return _EXAMPLE.validate_python(dict(data))


def hash_of(texts: Sequence[str]) -> str:
    """Names the texts of a pre-training."""
    return _sha256("\x1e".join(texts))


def _origins(examples: Sequence[TrainingExample]) -> dict[str, int]:
    origins: dict[str, int] = {}
    for example in examples:
        name = example.provenance.origin.value
        origins[name] = origins.get(name, 0) + 1
    return origins


def _write_last(path: Path, text: str) -> None:
    """The manifest makes a folder whole: it is there entirely or not at all."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


__all__ = [
    "Snapshot",
    "as_data",
    "dump_example",
    "freeze",
    "from_data",
    "hash_of",
    "load",
    "load_example",
]
