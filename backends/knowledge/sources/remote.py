"""Files of any `fsspec` URL: S3, Google Cloud Storage, SFTP, a zip, git."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from backends.knowledge.documents import UnreadableDocument
from backends.knowledge.loaders import MAX_BYTES, check_size
from backends.knowledge.sources.base import (
    FOLDER_LABELS,
    STAFF,
    Item,
    Known,
    Problem,
    SourceUnavailable,
    names_of,
)
from backends.knowledge.sources.files import hidden

VERSIONS = (
    *("ETag", "etag", "md5Hash", "content_md5", "CRC", "hex", "sha"),
    *("LastModified", "last_modified", "mtime", "updated", "modified", "created"),
)
"""What file systems call that which changes with a file, the best ones first."""

USER = re.compile(r"(?<=://)[^/@]*@")


class RemoteFiles:
    """The files below a URL. Their drivers are packages that the user chooses.

    Labels go by the first folder, as they do on this machine, unless some are given.
    """

    def __init__(
        self,
        name: str,
        url: str,
        labels: frozenset[str] = frozenset(),
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._name = name
        self._url = url
        self._labels = labels
        self._max_bytes = max_bytes
        self._seen: set[str] = set()

    @property
    def name(self) -> str:
        return self._name

    async def items(self, known: Known) -> AsyncIterator[Item | Problem]:
        """The files in the order of their paths."""
        self._seen = set()
        system, root, found = await asyncio.to_thread(self._list)
        # Without a user and password, which a URL may hold.
        shown = USER.sub("", self._url).rstrip("/")
        for path, info in sorted(found.items()):
            below = PurePosixPath(path.removeprefix(root).strip("/") or path)
            if hidden(below.parts) or info.get("type") == "directory":
                continue
            folder = below.parts[0] if len(below.parts) > 1 else ""
            name = f"{self._name}/{below}"
            self._seen.add(name)
            yield Item(
                name=name,
                place=f"{shown}/{below}",
                suffix=below.suffix.lower(),
                labels=self._labels or FOLDER_LABELS.get(folder, STAFF),
                read=partial(
                    self._guarded,
                    partial(_read, system, path, info, name, self._max_bytes),
                    name,
                ),
                stamp=stamp_of(info),
            )

    def gone(self, known: Known) -> list[str]:
        ours = names_of(self._name, known)
        return [name for name in ours if name not in self._seen]

    def _list(self) -> tuple[Any, str, Mapping[str, Mapping[str, Any]]]:
        if re.search(r"(^|::)https?://", self._url):
            raise SourceUnavailable(
                "an archive on a web site is not read; download it, and name the file"
            )
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise SourceUnavailable(
                "URLs are read with packages that are not installed; "
                "pip install 'curbside[sources]'"
            ) from error
        try:
            # A driver that was used before would list what it found then.
            system, root = url_to_fs(self._url, skip_instance_cache=True)
            found = system.find(root, detail=True)
            if not found and not system.exists(root):
                raise FileNotFoundError(f"there is nothing at {root!r}")
        except ImportError as error:
            raise SourceUnavailable(
                f"its kind of URL needs a driver: {error}; pip install it"
            ) from error
        except Exception as error:  # each driver has errors of its own
            said = USER.sub("", f"{type(error).__name__}: {error}")
            raise SourceUnavailable(f"it cannot be listed ({said})") from error
        return system, str(root), found

    async def _guarded(self, read: Callable[[], bytes], name: str) -> bytes:
        try:
            return await asyncio.to_thread(read)
        except UnreadableDocument:
            raise
        except Exception as error:  # each driver has errors of its own
            said = USER.sub("", f"{type(error).__name__}: {error}")
            raise UnreadableDocument(f"{name!r} cannot be opened ({said})") from error


def _read(
    system: Any, path: str, info: Mapping[str, Any], name: str, most: int
) -> bytes:
    check_size(int(info.get("size") or 0), name, most)
    with system.open(path, "rb") as file:
        data: bytes = file.read(most + 1)
    check_size(len(data), name, most)  # an archive may tell another size
    return data


def stamp_of(info: Mapping[str, Any]) -> str:
    """Size and version of a file; empty where the file system tells no version."""
    version = next((info[key] for key in VERSIONS if info.get(key)), None)
    return "" if version is None else f"{info.get('size')} {version}"
