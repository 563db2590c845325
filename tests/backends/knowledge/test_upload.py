"""Files that people attach are read in a process of their own, or refused."""

import sys
from pathlib import Path

import pytest

from backends.knowledge.documents import UnreadableDocument
from backends.knowledge.loaders import Limits, Page, read_upload

HANDBOOK = Path(__file__).parents[3] / "examples" / "handbook"


async def test_reads_pages() -> None:
    data = (HANDBOOK / "public" / "fees-and-billing.pdf").read_bytes()

    upload = await read_upload("fees.pdf", "application/pdf", data)

    assert [page.number for page in upload.pages][:2] == [1, 2]
    assert upload.title
    assert upload.pages[0].text in upload.text


async def test_keeps_headings_where_a_format_has_no_pages() -> None:
    upload = await read_upload(
        "a.md", "text/markdown", b"# Keys\n\n## Where\n\nRoom.\n\n## When\n\nAt nine."
    )

    assert upload.title == "Keys"
    assert upload.pages == (Page(None, "# Where\n\nRoom.\n\n# When\n\nAt nine."),)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("hours.md", "application/octet-stream"),
        ("hours", "text/markdown; charset=utf-8"),
        ("hours.log", "text/x-log"),
    ],
)
async def test_knows_a_type_by_name_or_media_type(name: str, media_type: str) -> None:
    upload = await read_upload(name, media_type, b"We close at six.")

    assert upload.text == "We close at six."


async def test_refuses_what_nothing_reads() -> None:
    with pytest.raises(UnreadableDocument, match=r"'cat\.png' is of a type"):
        await read_upload("cat.png", "image/png", b"\x89PNG")


async def test_refuses_what_is_too_large() -> None:
    with pytest.raises(UnreadableDocument, match="more than the 1 MB allowed"):
        await read_upload("a.txt", "text/plain", b"x" * 2**21, Limits(bytes=2**20))


async def test_gives_up_what_takes_too_long() -> None:
    with pytest.raises(UnreadableDocument, match="was given up: it took more than"):
        await read_upload("a.txt", "text/plain", b"x", Limits(seconds=0.001))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory")
async def test_gives_up_what_takes_too_much_memory() -> None:
    data = b"word\n\n" * 2**20

    with pytest.raises(UnreadableDocument, match="MB of memory"):
        await read_upload("a.txt", "text/plain", data, Limits(memory=2**28))
