"""Office files are zip archives: opened with care, or refused with the reason."""

import io
import zipfile

from backends.knowledge.documents import UnreadableDocument

# A small archive can unpack to more than the memory holds.
MAX_UNPACKED = 500 * 2**20
OLD_FORMAT = b"\xd0\xcf\x11\xe0"  # .doc, .xls, .ppt, and files with a password


def check_archive(data: bytes, name: str, program: str) -> None:
    """Raises `UnreadableDocument` for what no library should be given."""
    suffix = name.rpartition(".")[2]
    if data.startswith(OLD_FORMAT):
        raise UnreadableDocument(
            f"{name!r} is encrypted or in the old .{suffix[:-1]} format; "
            f"save it as .{suffix} without a password"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise damaged(name, program, error) from error
    if unpacked > MAX_UNPACKED:
        most = MAX_UNPACKED / 2**20
        raise UnreadableDocument(
            f"{name!r} unpacks to more than {most:.0f} MB; split it"
        )


def damaged(name: str, program: str, error: Exception) -> UnreadableDocument:
    return UnreadableDocument(
        f"{name!r} is damaged or no {program} file ({error}); "
        f"open it in {program} and save it again"
    )


def not_installed(name: str, error: ImportError) -> UnreadableDocument:
    return UnreadableDocument(
        f"{name!r} is read with a package that is not installed ({error.name}); "
        "pip install 'curbside[formats]'"
    )
