"""A folder for one process at a time, and a note that says which."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from backends.knowledge.store import StoreInUse

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class FolderLock:
    """Held until `release`, or until the process ends, in whichever way.

    The engine has a lock of its own, but takes it too late: opening a folder that is in
    use fails, and damages what the other process has there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._note = folder / "owner.json"
        self._file = -1

    def acquire(self) -> None:
        """Raises `StoreInUse`, naming the process that holds the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(file)
        except OSError as error:
            os.close(file)
            raise StoreInUse(
                f"the document store in {str(self._folder)!r} is held by "
                f"{self._owner()}; stop that process first, let it do the work, or "
                "set CURBSIDE_QDRANT_URL: a Qdrant server serves more than one"
            ) from error
        self._file = file
        self._sign()

    def release(self) -> None:
        if self._file >= 0:
            self._note.unlink(missing_ok=True)
            os.close(self._file)
            self._file = -1

    def _sign(self) -> None:
        note = {
            "pid": os.getpid(),
            "program": Path(sys.argv[0]).name,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._note.write_text(json.dumps(note), encoding="utf-8")

    def _owner(self) -> str:
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            return f"process {note['pid']} ({note['program']}, since {note['since']})"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"


def _lock(file: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
