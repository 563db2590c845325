"""Files that are made to cost too much are refused, by number or by the process."""

import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from backends.knowledge.documents import UnreadableDocument
from backends.knowledge.edge_store import EdgeStore
from backends.knowledge.embedding import Embedder
from backends.knowledge.ingest import ingest
from backends.knowledge.loaders import Limits, read_upload
from backends.knowledge.store import Identity
from backends.knowledge.terms import Terms

PDF = "damaged PDF|was given up|holds no text"


def pdf(content: bytes) -> bytes:
    """A page that is small in the file, and large when it is unpacked."""
    packed = zlib.compress(content, 9)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream"
        % (len(packed), packed),
    ]
    out, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%sendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + (
        b"xref\n0 5\n0000000000 65535 f \n%strailer<</Size 5/Root 1 0 R>>\n"
        b"startxref\n%d\n%%%%EOF" % (table, len(out))
    )


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        pytest.param(
            "deep.html", lambda: b"<div>" * 10**6 + b"x", "nested too deeply", id="html"
        ),
        pytest.param(
            "deep.html",
            lambda: b"<p>a" + b"<b>" * 300 + b"x" + b"</b>" * 300 + b"<p>after",
            "nested too deeply",
            id="html that would lose its end",
        ),
        pytest.param(
            "deep.json", lambda: b'{"a":' * 10**6, "nested too deeply", id="json"
        ),
        pytest.param("a.pdf", lambda: pdf(bytes(2 * 10**8)), PDF, id="pdf"),
        pytest.param(
            "loop.pdf",
            lambda: pdf(b"").replace(b"/Kids[3 0 R]", b"/Kids[2 0 R]"),
            PDF,
            id="pdf that holds itself",
        ),
        pytest.param(
            "a.txt", lambda: b"x" * (50 * 2**20 + 1), "50 MB allowed", id="text"
        ),
    ],
)
async def test_is_refused(name: str, make: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason) as refused:
        await read_upload(name, "", make(), Limits(seconds=30))

    assert f"'{name}'" in str(refused.value)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory")
async def test_one_that_ends_its_reader_does_not_stop_the_others(
    tmp_path: Path, embedder: Embedder, terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "wiki"
    root.mkdir()
    for number in range(20):
        (root / f"{number:02}.md").write_text(f"# Page {number}\n\nText.")
    (root / "10-bomb.csv").write_bytes(b"a,b,c\n" * 3_000_000)
    store = await EdgeStore.open(tmp_path / "store", Identity.of(embedder, terms))
    limits = Limits(memory=2**28, seconds=30)

    report = await ingest([root], store, embedder, limits=limits)

    await store.close()
    assert len(report.added) == 20
    ((name, reason),) = report.skipped
    assert name == "wiki/10-bomb.csv"
    assert "was given up: it took more than 256 MB of memory" in reason
