"""The contract of a source: it lists what there is now, and tells what is gone."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from backends.base import BackendError
from backends.knowledge.store import DocumentRecord

STAFF = frozenset({"staff"})
FOLDER_LABELS: Mapping[str, frozenset[str]] = {"public": frozenset({"public"})}

Known = Mapping[str, DocumentRecord]


class SourceUnavailable(BackendError):
    """A source cannot be listed now; what it held stays in the collection."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file of a source.

    `stamp` tells, without reading it, that a file is the one that was read before; it
    is empty where nothing can tell that. `labels` are those of a file that names none.
    """

    name: str
    place: str
    suffix: str
    labels: frozenset[str]
    read: Callable[[], Awaitable[bytes]]
    stamp: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something of a source that cannot be read, and the reason."""

    name: str
    reason: str


def earlier_stamp(known: Known, name: str) -> str:
    """The stamp that a source gave to a file when it was read."""
    return known[name].stamp.partition("\n")[0] if name in known else ""


def names_of(source: str, known: Known) -> list[str]:
    """The documents of a source that is not of this machine.

    A folder of the same name may have been taken in by hand.
    """
    return sorted(
        name
        for name, record in known.items()
        if name.startswith(f"{source}/") and not Path(record.source).is_absolute()
    )


class Source(Protocol):
    """Part of a collection that is kept like the files of one place."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    def items(self, known: Known) -> AsyncIterator[Item | Problem]:
        """All that is there, in an order that stays. Raises `SourceUnavailable`."""
        ...

    def gone(self, known: Known) -> list[str]:
        """Documents of this source that are no more, when `items` has ended."""
        ...
