"""Files and folders of this machine."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from backends.base import BackendMisconfigured
from backends.knowledge.loaders import MAX_BYTES, read_bytes
from backends.knowledge.sources.base import (
    FOLDER_LABELS,
    STAFF,
    Item,
    Known,
    Problem,
    SourceUnavailable,
)

SETTLED_SECONDS = 2
"""A file that was written to just now may be written to again with the same time."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file, and its name in the collection: root folder and path below it."""

    path: Path
    name: str
    folder: str = ""


class LocalFiles:
    """The files under some roots; each root's documents begin with its name.

    `name` is for a single root that is to be called otherwise than its folder.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        name: str = "",
        folder_labels: Mapping[str, frozenset[str]] = FOLDER_LABELS,
        default_labels: frozenset[str] = STAFF,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._paths = paths
        self._name = name
        self._folder_labels = folder_labels
        self._default_labels = default_labels
        self._max_bytes = max_bytes
        self._found: list[Found] = []

    @property
    def name(self) -> str:
        return self._name or ", ".join(map(str, self._paths))

    async def items(self, known: Known) -> AsyncIterator[Item | Problem]:
        """The files in the order of their names, each once."""
        self._found = await asyncio.to_thread(find, self._paths, self._name)
        for found in self._found:
            yield Item(
                name=found.name,
                place=str(found.path.resolve()),
                suffix=found.path.suffix.lower(),
                labels=self._folder_labels.get(found.folder, self._default_labels),
                read=partial(self._read, found),
                stamp=stamp_of(found.path),
            )

    async def _read(self, found: Found) -> bytes:
        arguments = found.path, found.name, self._max_bytes
        return await asyncio.to_thread(read_bytes, *arguments)

    def gone(self, known: Known) -> list[str]:
        """Documents of these roots without a file, and files known by another name.

        Another machine may keep a folder of the same name: what it still has stays.
        """
        names = {found.name for found in self._found}
        places = {str(found.path.resolve()) for found in self._found}
        roots = [path.resolve() for path in self._paths if path.is_dir()]
        gone = []
        for record in known.values():
            here = any(
                record.name.startswith(f"{self._name or root.name}/") for root in roots
            )
            place = Path(record.source)
            if "://" in record.source:
                continue
            missing = not place.exists() or any(map(place.is_relative_to, roots))
            if record.name not in names and (
                record.source in places or (here and missing)
            ):
                gone.append(record.name)
        return sorted(gone)


def require(paths: Sequence[Path]) -> None:
    """Raise BackendMisconfigured for a path that is not there."""
    for path in paths:
        if not path.exists():
            raise BackendMisconfigured(f"there is no file or folder {str(path)!r}")


def find(paths: Sequence[Path], name: str = "") -> list[Found]:
    """The files under the roots, each once, hidden ones left out."""
    found: dict[Path, Found] = {}
    for path in paths:
        root = path.resolve()
        if not root.exists():
            raise SourceUnavailable(f"there is no file or folder {str(path)!r}")
        if root.is_file():
            full = f"{name or root.parent.name}/{root.name}"
            found.setdefault(root, Found(root, full))
            continue
        for file in sorted(root.rglob("*")):
            below = file.relative_to(root)
            if not hidden(below.parts) and file.is_file():
                folder = below.parts[0] if len(below.parts) > 1 else ""
                full = f"{name or root.name}/{below.as_posix()}"
                found.setdefault(file.resolve(), Found(file, full, folder))
    return list(found.values())


def hidden(parts: Sequence[str]) -> bool:
    """Whether a path is hidden, or a lock file of Office's."""
    return any(part.startswith((".", "~$")) for part in parts)


def stamp_of(path: Path) -> str:
    """Size and time of the last change; empty while that may be just now."""
    try:
        status = path.stat()
    except OSError:
        return ""
    if time.time() - status.st_mtime < SETTLED_SECONDS:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"
