"""Files of URLs are listed, told apart, read within limits, and known again."""

import sys
import zipfile
from pathlib import Path

import pytest

from backends.knowledge.documents import UnreadableDocument
from backends.knowledge.sources.base import Item, SourceUnavailable
from backends.knowledge.sources.remote import RemoteFiles
from backends.knowledge.store import DocumentRecord

fsspec = pytest.importorskip("fsspec", reason="needs the extra [sources]")
MemoryFileSystem = pytest.importorskip("fsspec.implementations.memory").MemoryFileSystem

STAFF, PUBLIC = frozenset({"staff"}), frozenset({"public"})


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "wiki.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("public/hours.md", "We close at six.")
        file.writestr("keys.md", "Room four.")
        file.writestr(".git/config", "hidden")
        file.writestr("large.txt", b"x" * 2**21)
    return path


async def read(source: RemoteFiles) -> dict[str, Item]:
    return {
        item.name: item async for item in source.items({}) if isinstance(item, Item)
    }


async def test_reads_a_zip(archive: Path) -> None:
    source = RemoteFiles("wiki", f"zip://::{archive}")

    items = await read(source)

    assert list(items) == ["wiki/keys.md", "wiki/large.txt", "wiki/public/hours.md"]
    hours = items["wiki/public/hours.md"]
    assert await hours.read() == b"We close at six."
    assert (hours.labels, hours.suffix) == (PUBLIC, ".md")
    assert items["wiki/keys.md"].labels == STAFF
    known = {name: DocumentRecord(name, "d") for name in ("wiki/keys.md", "wiki/old")}
    assert source.gone(known | {"other/a": DocumentRecord("other/a", "d")}) == [
        "wiki/old"
    ]


async def test_knows_a_file_by_its_version(archive: Path) -> None:
    first = await read(RemoteFiles("wiki", f"zip://::{archive}"))
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("public/hours.md", "We close at two.")
        file.writestr("keys.md", "Room four.")

    second = await read(RemoteFiles("wiki", f"zip://::{archive}"))

    assert first["wiki/keys.md"].stamp == second["wiki/keys.md"].stamp != ""
    changed = "wiki/public/hours.md"
    assert first[changed].stamp != second[changed].stamp


async def test_reads_part_of_a_file_system() -> None:
    system = fsspec.filesystem("memory")
    system.pipe({"/team/docs/a.md": b"A", "/team/docs/b/c.md": b"C", "/x.md": b"X"})

    items = await read(RemoteFiles("wiki", "memory://team/docs", PUBLIC))

    assert list(items) == ["wiki/a.md", "wiki/b/c.md"]
    assert items["wiki/b/c.md"].place == "memory://team/docs/b/c.md"
    assert items["wiki/b/c.md"].labels == PUBLIC


async def test_refuses_a_file_that_is_too_large(archive: Path) -> None:
    source = RemoteFiles("wiki", f"zip://::{archive}", max_bytes=2**20)

    items = await read(source)

    with pytest.raises(UnreadableDocument, match="more than the 1 MB allowed"):
        await items["wiki/large.txt"].read()


async def test_a_file_that_vanished_cannot_be_opened() -> None:
    system = fsspec.filesystem("memory")
    system.pipe("/gone/a.md", b"A")
    items = await read(RemoteFiles("wiki", "memory://gone"))
    system.rm("/gone/a.md")

    with pytest.raises(UnreadableDocument, match=r"'wiki/a\.md' cannot be opened"):
        await items["wiki/a.md"].read()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("zip://::/no/such.zip", "cannot be listed", id="no archive"),
        pytest.param("memory://no/such", "there is nothing at", id="no folder"),
        pytest.param("nosuch://x", "Protocol not known", id="no protocol"),
        pytest.param("s3://bucket/docs", "pip install it", id="no driver"),
        pytest.param("zip::https://x.example/a.zip", "download it", id="on the web"),
    ],
)
async def test_says_why_a_url_cannot_be_listed(url: str, reason: str) -> None:
    with pytest.raises(SourceUnavailable, match=reason):
        await read(RemoteFiles("wiki", url))


async def test_never_shows_a_password() -> None:
    source = RemoteFiles("wiki", "sftp://ann:secret@127.0.0.1:1/docs")

    with pytest.raises(SourceUnavailable) as refused:
        await read(source)

    assert "secret" not in str(refused.value)


async def test_names_the_packages_that_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)

    with pytest.raises(SourceUnavailable, match=r"pip install 'curbside\[sources\]'"):
        await read(RemoteFiles("wiki", "memory://team"))


class Listed(MemoryFileSystem):  # type: ignore[misc,valid-type]
    """Remembers what it listed, as the drivers of FTP, GitHub and Azure do."""

    protocol = "listed"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix("listed:/")

    def find(self, path: str, **given: object) -> dict[str, dict[str, object]]:
        if path not in self.dircache:
            self.dircache[path] = super().find(path, **given)
        found: dict[str, dict[str, object]] = self.dircache[path]
        return found


async def test_finds_what_is_new_though_its_driver_remembers() -> None:
    fsspec.register_implementation("listed", Listed, clobber=True)
    source = RemoteFiles("wiki", "listed://pages")
    Listed().pipe("/pages/a.md", b"A")
    assert list(await read(source)) == ["wiki/a.md"]

    Listed().pipe("/pages/b.md", b"B")

    assert list(await read(source)) == ["wiki/a.md", "wiki/b.md"]
