"""Files go in, change and go; whatever happens, the collection is right in the end."""

import os
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from backends.base import BackendMisconfigured
from backends.knowledge import ingest as module
from backends.knowledge import writing
from backends.knowledge.edge_store import EdgeStore
from backends.knowledge.embedding import Embedder, Vectors
from backends.knowledge.ingest import Progress, Report, ingest
from backends.knowledge.retriever import Retriever
from backends.knowledge.sources.files import find
from backends.knowledge.store import Identity
from backends.knowledge.teaching import Taught
from backends.knowledge.terms import Terms
from backends.knowledge.writing import Writer

STAFF, PUBLIC = frozenset({"staff"}), frozenset({"public"})
EVERYONE = STAFF | PUBLIC


class Crash(BaseException):
    """Ends an ingestion as a killed process would."""


class FailingEmbedder:
    """Works for some batches, then crashes."""

    def __init__(self, inner: Embedder, batches: int) -> None:
        self._inner = inner
        self._batches = batches
        self.name, self.version = inner.name, inner.version
        self.dimensions = inner.dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        self._batches -= 1
        if self._batches < 0:
            raise Crash
        return self._inner.embed(texts)


def set_batch(monkeypatch: pytest.MonkeyPatch, pieces: int) -> None:
    """Small batches, so that a crash can come between two of them."""
    monkeypatch.setattr(writing, "BATCH", pieces)


@pytest.fixture
async def store(
    tmp_path: Path, embedder: Embedder, terms: Terms
) -> AsyncIterator[EdgeStore]:
    opened = await EdgeStore.open(tmp_path / "store", Identity.of(embedder, terms))
    yield opened
    await opened.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a public and two staff documents."""
    folder = tmp_path / "handbook"
    write(folder / "public" / "hours.md", "# Hours\n\nWe close at six.")
    write(folder / "staff" / "keys.md", "# Keys\n\nKeys hang in room four.")
    write(folder / "rota.txt", "The rota hangs in the kitchen.")
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


async def texts(store: EdgeStore, embedder: Embedder) -> dict[str, str]:
    """Everything that can be found, by document."""
    found = await Retriever(store, embedder).search("hangs", (), EVERYONE, 50)
    return {passage.document: passage.text for passage in found}


async def test_takes_in_a_folder(
    store: EdgeStore, embedder: Embedder, root: Path
) -> None:
    report = await ingest([root], store, embedder)

    assert report == Report(
        added=[
            "handbook/public/hours.md",
            "handbook/rota.txt",
            "handbook/staff/keys.md",
        ],
        passages=3,
    )
    assert await texts(store, embedder) == {
        "handbook/public/hours.md": "We close at six.",
        "handbook/rota.txt": "The rota hangs in the kitchen.",
        "handbook/staff/keys.md": "Keys hang in room four.",
    }


async def test_a_second_time_changes_nothing(
    store: EdgeStore, embedder: Embedder, root: Path
) -> None:
    await ingest([root], store, embedder)
    before = embedder.embedded  # type: ignore[attr-defined]

    report = await ingest([root], store, embedder)

    assert (len(report.unchanged), report.passages) == (3, 0)
    assert embedder.embedded == before  # type: ignore[attr-defined]


async def test_takes_in_what_changed_and_came_and_drops_what_went(
    store: EdgeStore, embedder: Embedder, root: Path
) -> None:
    await ingest([root], store, embedder)
    write(root / "public" / "hours.md", "# Hours\n\nWe close at seven.")
    write(root / "staff" / "new.md", "Something hangs here.")
    (root / "rota.txt").unlink()

    report = await ingest([root], store, embedder)

    assert report.changed == ["handbook/public/hours.md"]
    assert report.added == ["handbook/staff/new.md"]
    assert report.removed == ["handbook/rota.txt"]
    assert report.unchanged == ["handbook/staff/keys.md"]
    found = await texts(store, embedder)
    assert found["handbook/public/hours.md"] == "We close at seven."
    assert "handbook/rota.txt" not in found
    assert await store.count() == 3


async def test_other_roots_are_left_alone(
    store: EdgeStore, embedder: Embedder, root: Path, tmp_path: Path
) -> None:
    write(tmp_path / "wiki" / "a.md", "A page that hangs elsewhere.")
    await ingest([root, tmp_path / "wiki"], store, embedder)

    report = await ingest([tmp_path / "wiki"], store, embedder)

    assert report.removed == []
    assert len(await store.documents()) == 4


async def test_one_bad_file_does_not_stop_the_rest(
    store: EdgeStore, embedder: Embedder, root: Path
) -> None:
    (root / "broken.pdf").write_bytes(b"%PDF nonsense")
    (root / "picture.png").write_bytes(b"PNG")

    report = await ingest([root], store, embedder)

    assert len(report.added) == 3
    assert [name for name, _ in report.skipped] == [
        "handbook/broken.pdf",
        "handbook/picture.png",
    ]
    assert "damaged PDF" in report.skipped[0][1]
    assert "type that is not read" in report.skipped[1][1]


async def test_a_file_that_broke_keeps_its_earlier_version(
    store: EdgeStore, embedder: Embedder, root: Path
) -> None:
    await ingest([root], store, embedder)
    write(root / "rota.txt", "")

    report = await ingest([root], store, embedder)

    assert report.removed == []
    ((name, reason),) = report.skipped
    assert name == "handbook/rota.txt"
    assert reason.endswith("its earlier version stays")
    assert "kitchen" in (await texts(store, embedder))["handbook/rota.txt"]


@pytest.mark.parametrize(
    ("path", "text", "labels"),
    [
        pytest.param("public/a.md", "Text.", PUBLIC, id="folder"),
        pytest.param("public/deep/a.md", "Text.", PUBLIC, id="folder above"),
        pytest.param("deep/public/a.md", "Text.", STAFF, id="folder below the first"),
        pytest.param("a.md", "Text.", STAFF, id="no folder"),
        pytest.param("other/a.md", "Text.", STAFF, id="another folder"),
        pytest.param(
            "public/a.md", "---\nlabels: staff\n---\nText.", STAFF, id="front matter"
        ),
        pytest.param(
            "a.md",
            "---\nlabels: board\n---\nText.",
            frozenset({"board"}),
            id="own label",
        ),
    ],
)
async def test_gives_each_document_its_labels(
    store: EdgeStore,
    embedder: Embedder,
    tmp_path: Path,
    path: str,
    text: str,
    labels: frozenset[str],
) -> None:
    write(tmp_path / "wiki" / path, text)

    await ingest([tmp_path / "wiki"], store, embedder)

    records = await store.documents()
    assert records[f"wiki/{path}"].labels == labels
    found = Retriever(store, embedder)
    assert await found.search("text", (), labels, 3)
    assert not await found.search("text", (), frozenset({"others"}), 3)


async def test_other_labels_for_a_folder_count_as_a_change(
    store: EdgeStore, embedder: Embedder, root: Path
) -> None:
    await ingest([root], store, embedder)

    report = await ingest([root], store, embedder, folder_labels={})

    assert report.changed == ["handbook/public/hours.md"]
    assert await Retriever(store, embedder).search("six", (), PUBLIC, 3) == []


async def test_a_new_loader_reads_everything_again(
    store: EdgeStore, embedder: Embedder, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ingest([root], store, embedder)
    monkeypatch.setattr(module, "LOADER_VERSION", "next")

    report = await ingest([root], store, embedder)

    assert len(report.changed) == 3
    assert await store.count() == 3


async def test_tells_how_far_it_is(
    store: EdgeStore, embedder: Embedder, root: Path
) -> None:
    seen: list[Progress] = []

    await ingest([root], store, embedder, seen.append)

    assert seen[-1] == Progress(3, 3, "handbook/staff/keys.md", 3)
    assert [step.done for step in seen] == sorted(step.done for step in seen)


@pytest.mark.parametrize("batches", [0, 1, 2])
async def test_a_crash_is_put_right_by_running_again(
    store: EdgeStore,
    embedder: Embedder,
    tmp_path: Path,
    batches: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_batch(monkeypatch, 2)
    page = tmp_path / "wiki" / "page.md"
    old = "\n\n".join(f"## Part {n}\n\nOld part {n} hangs." for n in range(5))
    write(page, old)
    await ingest([page.parent], store, embedder)
    write(page, old.replace("Old", "New"))

    with pytest.raises(Crash):
        await ingest([page.parent], store, FailingEmbedder(embedder, batches))
    during = await texts(store, embedder)
    again = await ingest([page.parent], store, embedder)

    assert "wiki/page.md" in during
    assert again.changed == ["wiki/page.md"]
    assert await store.count() == 5
    found = await Retriever(store, embedder).search("part", (), STAFF, 9)
    assert all(passage.text.startswith("New") for passage in found)


async def test_a_crash_and_then_the_old_text_again_leaves_nothing_of_the_new(
    store: EdgeStore,
    embedder: Embedder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_batch(monkeypatch, 1)
    page = tmp_path / "wiki" / "page.md"
    write(page, "# A\n\nOld.\n\n# B\n\nOld.")
    await ingest([page.parent], store, embedder)
    write(page, "# A\n\nNew.\n\n# B\n\nNew.")
    with pytest.raises(Crash):
        await ingest([page.parent], store, FailingEmbedder(embedder, 1))
    write(page, "# A\n\nOld.\n\n# B\n\nOld.")

    await ingest([page.parent], store, embedder)

    assert await store.count() == 2


async def test_a_first_ingestion_that_crashed_leaves_no_orphans(
    store: EdgeStore,
    embedder: Embedder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_batch(monkeypatch, 1)
    page = tmp_path / "wiki" / "page.md"
    write(page, "# A\n\nOne.\n\n# B\n\nTwo.")
    with pytest.raises(Crash):
        await ingest([page.parent], store, FailingEmbedder(embedder, 1))
    assert await store.count() == 1
    page.unlink()

    report = await ingest([page.parent], store, embedder)

    assert report.removed == ["wiki/page.md"]
    assert await store.count() == 0


async def test_a_moved_folder_stays_the_same_documents(
    store: EdgeStore, embedder: Embedder, root: Path, tmp_path: Path
) -> None:
    await ingest([root], store, embedder)
    moved = tmp_path / "elsewhere" / "handbook"
    shutil.move(root, moved)
    (moved / "rota.txt").unlink()

    report = await ingest([moved], store, embedder)

    assert report.removed == ["handbook/rota.txt"]
    assert len(await store.documents()) == 2
    assert await store.count() == 2


async def test_a_folder_of_the_same_name_elsewhere_keeps_its_documents(
    store: EdgeStore, embedder: Embedder, root: Path, tmp_path: Path
) -> None:
    await ingest([root], store, embedder)
    write(tmp_path / "other" / "handbook" / "more.md", "More hangs.")

    report = await ingest([tmp_path / "other" / "handbook"], store, embedder)

    assert report.removed == []
    assert len(await store.documents()) == 4


async def test_two_files_of_one_name_are_told_apart_by_a_person(
    store: EdgeStore, embedder: Embedder, root: Path, tmp_path: Path
) -> None:
    twin = tmp_path / "other" / "handbook"
    write(twin / "rota.txt", "Another rota.")

    report = await ingest([root, twin], store, embedder)

    ((name, reason),) = report.skipped
    assert name == "handbook/rota.txt"
    assert "rename a folder" in reason


async def test_a_file_by_itself_is_not_taken_twice(
    store: EdgeStore, embedder: Embedder, root: Path
) -> None:
    await ingest([root], store, embedder)

    report = await ingest([root / "staff" / "keys.md"], store, embedder)

    assert report.added == ["staff/keys.md"]
    assert report.removed == ["handbook/staff/keys.md"]
    assert await store.count() == 3


def test_finds_each_file_once_and_no_hidden_ones(root: Path) -> None:
    write(root / ".git" / "notes.md", "hidden")
    write(root / "staff" / "~$keys.docx", "a lock of Word's")

    found = find([root, root / "staff", root / "rota.txt"])

    assert [source.name for source in found] == [
        "handbook/public/hours.md",
        "handbook/rota.txt",
        "handbook/staff/keys.md",
    ]


async def test_a_root_that_is_not_there_removes_nothing(
    store: EdgeStore, embedder: Embedder, root: Path
) -> None:
    """A drive that is not mounted must not empty the collection."""
    await ingest([root], store, embedder)

    with pytest.raises(BackendMisconfigured, match="no file or folder"):
        await ingest([root / "unmounted"], store, embedder)

    assert len(await store.documents()) == 3


async def test_a_file_with_the_content_of_another_is_named_and_left_out(
    store: EdgeStore, embedder: Embedder, root: Path
) -> None:
    write(root / "staff" / "keys copy.md", "# Keys\n\nKeys hang in room four.")
    write(root / "public" / "keys.md", "# Keys\n\nKeys hang in room four.")

    for _ in range(2):
        report = await ingest([root], store, embedder)

        assert report.skipped == [
            (
                "handbook/staff/keys.md",
                "it has the same content as 'handbook/staff/keys copy.md'; remove one",
            )
        ]
        assert len(await store.documents()) == 4


async def test_what_became_the_same_as_another_is_not_found_as_it_was(
    store: EdgeStore, embedder: Embedder, root: Path
) -> None:
    write(root / "staff" / "spare.md", "# Spare\n\nThe spare hangs in the shed.")
    await ingest([root], store, embedder)
    write(root / "staff" / "spare.md", "# Keys\n\nKeys hang in room four.")

    for _ in range(2):
        report = await ingest([root], store, embedder)

        assert [name for name, _ in report.skipped] == ["handbook/staff/spare.md"]
        found = await texts(store, embedder)
        assert not any("shed" in text for text in found.values())


async def test_what_was_read_before_is_known_by_size_and_time(
    store: EdgeStore, embedder: Embedder, root: Path
) -> None:
    settle(root)
    await ingest([root], store, embedder)
    keys = root / "staff" / "keys.md"
    status = keys.stat()
    keys.write_text("# Keys\n\nKeys hang in room nine.")
    os.utime(keys, ns=(status.st_atime_ns, status.st_mtime_ns))

    unread = await ingest([root], store, embedder)
    os.utime(keys, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    read = await ingest([root], store, embedder)

    assert len(unread.unchanged) == 3
    assert read.changed == ["handbook/staff/keys.md"]


async def test_a_file_written_just_now_is_read_however_it_looks(
    store: EdgeStore, embedder: Embedder, root: Path
) -> None:
    await ingest([root], store, embedder)
    keys = root / "staff" / "keys.md"
    status = keys.stat()
    keys.write_text("# Keys\n\nKeys hang in room nine.")
    os.utime(keys, ns=(status.st_atime_ns, status.st_mtime_ns))

    report = await ingest([root], store, embedder)

    assert report.changed == ["handbook/staff/keys.md"]


async def test_a_touched_file_is_read_once_more_and_then_known_again(
    store: EdgeStore, embedder: Embedder, root: Path
) -> None:
    settle(root)
    await ingest([root], store, embedder)
    settle(root, hours=2)

    report = await ingest([root], store, embedder)

    assert len(report.unchanged) == 3
    stamps = {record.stamp for record in (await store.documents()).values()}
    assert all(str((root / "rota.txt").stat().st_mtime_ns) in stamp for stamp in stamps)


def settle(root: Path, hours: int = 1) -> None:
    """As if the files had been written some hours ago."""
    then = time.time() - hours * 3600
    for path in root.rglob("*.*"):
        os.utime(path, (then, then))


async def test_a_thousand_unchanged_documents_are_not_embedded_and_quick(
    store: EdgeStore, embedder: Embedder, tmp_path: Path
) -> None:
    root = tmp_path / "wiki"
    for number in range(1_000):
        write(root / f"{number // 100}" / f"{number}.md", f"# N {number}\n\nText.")
    settle(root)
    await ingest([root], store, embedder)
    before = embedder.embedded  # type: ignore[attr-defined]

    begun = time.process_time()
    report = await ingest([root], store, embedder)

    assert len(report.unchanged) == 1_000
    assert embedder.embedded == before  # type: ignore[attr-defined]
    assert time.process_time() - begun < 2


async def test_a_folder_of_that_name_does_not_forget_what_was_taught(
    store: EdgeStore, embedder: Embedder, tmp_path: Path, terms: Terms
) -> None:
    taught = Taught("Who has keys?", "Ann.", STAFF, "ann").prepared()
    await Writer(store, embedder, terms).write([taught])
    write(tmp_path / "taught" / "a.md", "A page.")

    report = await ingest([tmp_path / "taught"], store, embedder)

    assert report.removed == []
    assert len(await store.documents()) == 2
