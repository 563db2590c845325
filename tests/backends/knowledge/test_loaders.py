"""Files of every format become the same kind of document, or say why they cannot."""

import io
import zipfile
from pathlib import Path

import docx
import pytest
from pypdf import PdfWriter

from backends.knowledge.documents import Block, Document, Kind, UnreadableDocument
from backends.knowledge.loaders import decode, load, parse

MARKDOWN = """---
title: "Opening hours"
labels: [public, staff]
date: 2026-01-02
url: https://intranet.example/hours
---

# Opening hours

We are **open** on weekdays.

## Walk-in

- Take a number
- Wait

| Day | Hours |
|---|---|
| Monday | 8 to 11 |

```sh
# not a heading
ring --bell
```

### Children

<!-- a note of the author -->
Come <b>any</b> time.
"""

HTML = """<!doctype html>
<html><head><title>Complaints | The Clinic</title>
<meta name="labels" content="public"><meta name="date" content="2026-03-04">
<style>p { color: red }</style></head>
<body><header><a href="/">Home</a></header><nav><ul><li>Menu</li></ul></nav>
<main><h1>Complaints</h1>
<p>Tell us, or write.<br>We <em>listen</em>.</p>
Loose words <b>count</b> too.
<h2>Steps</h2>
<ol><li>Write<ul><li>by hand</li></ul></li><li>Wait</li></ol>
<table><tr><th>Step</th><th>When</th></tr><tr><td>Answer</td><td>20 | 30 days</td></tr>
</table><pre>call()
  end</pre><div hidden>secret</div><script>alert(1)</script></main>
<footer>Imprint</footer></body></html>"""


def shape(document: Document) -> list[tuple[Kind, tuple[str, ...], str]]:
    return [(block.kind, block.headings, block.text) for block in document.blocks]


def parsed(text: str, name: str) -> Document:
    return parse(text.encode(), name)


def test_reads_markdown_with_its_front_matter() -> None:
    document = parsed(MARKDOWN, "docs/hours.md")

    assert document.title == "Opening hours"
    assert document.labels == {"public", "staff"}
    assert document.date == "2026-01-02"
    assert document.link == "https://intranet.example/hours"
    assert shape(document) == [
        (Kind.TEXT, (), "We are **open** on weekdays."),
        (Kind.LIST, ("Walk-in",), "- Take a number\n- Wait"),
        (Kind.TABLE, ("Walk-in",), "| Day | Hours |\n|---|---|\n| Monday | 8 to 11 |"),
        (Kind.CODE, ("Walk-in",), "```sh\n# not a heading\nring --bell\n```"),
        (Kind.TEXT, ("Walk-in", "Children"), "Come any time."),
    ]


def test_markdown_blocks_know_their_place_in_the_file() -> None:
    document = parsed(MARKDOWN, "hours.md")

    for block in document.blocks[:4]:
        assert document.text[block.start : block.end].strip() == block.text


@pytest.mark.parametrize(
    ("matter", "labels"),
    [
        pytest.param("labels: public", {"public"}, id="one"),
        pytest.param("labels: public, staff", {"public", "staff"}, id="commas"),
        pytest.param(
            "labels:\n  - public\n  - 'staff'", {"public", "staff"}, id="list"
        ),
        pytest.param('labels: ["public"]  # all', {"public"}, id="comment"),
        pytest.param("labels: []", None, id="none"),
        pytest.param("labels:", None, id="empty"),
        pytest.param("title: x", None, id="absent"),
    ],
)
def test_reads_labels_in_every_way_people_write_them(
    matter: str, labels: set[str] | None
) -> None:
    document = parsed(f"---\n{matter}\n---\nText.", "a.md")

    assert document.labels == labels


@pytest.mark.parametrize(
    ("text", "title"),
    [
        pytest.param("# Leave `and` *rota*\n\nText.", "Leave and rota", id="heading"),
        pytest.param("Text.\n\n# Later\n\nMore.", "On call rota", id="late heading"),
        pytest.param("Text.", "On call rota", id="file name"),
    ],
)
def test_a_document_without_a_title_gets_one(text: str, title: str) -> None:
    assert parsed(text, "staff/on-call_rota.md").title == title


def test_reads_html_without_what_surrounds_it() -> None:
    document = parsed(HTML, "complaints.html")

    assert document.title == "Complaints"
    assert document.labels == {"public"}
    assert document.date == "2026-03-04"
    assert shape(document) == [
        (Kind.TEXT, (), "Tell us, or write. We listen."),
        (Kind.TEXT, (), "Loose words count too."),
        (Kind.LIST, ("Steps",), "1. Write\n  - by hand\n2. Wait"),
        (
            Kind.TABLE,
            ("Steps",),
            "| Step | When |\n| --- | --- |\n| Answer | 20 \\| 30 days |",
        ),
        (Kind.CODE, ("Steps",), "```\ncall()\n  end\n```"),
    ]


def test_extracted_blocks_know_their_place_in_the_text() -> None:
    document = parsed(HTML, "complaints.html")

    for block in document.blocks:
        assert document.text[block.start : block.end] == block.text


def test_reads_plain_text_by_paragraphs() -> None:
    document = parsed("One\ntwo.\n\n- first\n- second\n\n\nThree.\n", "notes.txt")

    assert shape(document) == [
        (Kind.TEXT, (), "One\ntwo."),
        (Kind.LIST, (), "- first\n- second"),
        (Kind.TEXT, (), "Three."),
    ]


@pytest.mark.parametrize("mark", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_reads_rows_with_their_header(mark: str) -> None:
    rows = [["name", "extension"], ["Ada", "210"], ["", ""], ["Grace", "211"]]
    text = "\n".join(mark.join(row) for row in rows)

    document = parsed(text, "phones.csv")

    table = "| name | extension |\n| --- | --- |\n| Ada | 210 |\n| Grace | 211 |"
    assert shape(document) == [(Kind.TABLE, (), table)]


def word_file() -> bytes:
    file = docx.Document()
    file.add_heading("Sharps", level=0)
    file.add_paragraph("For any injury.")
    file.add_heading("At once", level=1)
    file.add_paragraph("Wash", style="List Number")
    file.add_paragraph("Report", style="List Number")
    table = file.add_table(rows=2, cols=2)
    for cell, text in zip(
        [cell for row in table.rows for cell in row.cells],
        ["Form", "By", "F-13", "end of\nshift"],
        strict=True,
    ):
        cell.text = text
    file.add_heading("Why", level=2)
    file.add_paragraph("Because.")
    out = io.BytesIO()
    file.save(out)
    return out.getvalue()


def test_reads_word_files_in_their_order() -> None:
    document = parse(word_file(), "sharps.docx")

    assert document.title == "Sharps"
    assert shape(document) == [
        (Kind.TEXT, (), "For any injury."),
        (Kind.LIST, ("At once",), "1. Wash\n2. Report"),
        (
            Kind.TABLE,
            ("At once",),
            "| Form | By |\n| --- | --- |\n| F-13 | end of shift |",
        ),
        (Kind.TEXT, ("At once", "Why"), "Because."),
    ]


def blank_pdf(password: str = "") -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def unpacking_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(6):
            archive.writestr(f"word/{number}.xml", bytes(100 * 2**20))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        pytest.param("a.md", b"", "empty; fill it", id="empty"),
        pytest.param("a.txt", b" \n\t ", "empty; fill it", id="only spaces"),
        pytest.param("a.md", b"---\ntitle: x\n---\n", "no text", id="no text"),
        pytest.param("a.html", b"<nav>Menu</nav>", "no text", id="only a menu"),
        pytest.param("a.html", b"<!-- -->", "no", id="only a comment"),
        pytest.param("a.csv", b"name,room\n", "no text", id="only a header"),
        pytest.param("a.txt", b"\x00\x01\x02PK", "save it as UTF-8", id="binary"),
        pytest.param("a.txt", b"\x81\x8d caf\xe9", "save it as UTF-8", id="encoding"),
        pytest.param("a.pdf", b"%PDF-1.4 broken", "damaged PDF", id="damaged pdf"),
        pytest.param("a.pdf", b"no pdf at all", "damaged PDF", id="no pdf"),
        pytest.param("a.pdf", blank_pdf(), "ocrmypdf", id="scan"),
        pytest.param("a.pdf", blank_pdf("x"), "needs a password", id="encrypted pdf"),
        pytest.param("a.docx", b"PK\x03\x04 broken", "damaged", id="damaged docx"),
        pytest.param(
            "a.docx", b"\xd0\xcf\x11\xe0 old", "without a password", id="old word"
        ),
        pytest.param("a.docx", unpacking_bomb(), "more than 500 MB", id="zip bomb"),
        pytest.param("a.xyz", b"text", "convert it to one of .csv", id="unknown type"),
    ],
)
def test_says_what_is_wrong_with_a_file_and_what_helps(
    name: str, data: bytes, reason: str
) -> None:
    with pytest.raises(UnreadableDocument, match=reason) as refused:
        parse(data, f"handbook/{name}")

    assert f"'handbook/{name}'" in str(refused.value)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param("Café".encode(), "Café", id="utf-8"),
        pytest.param("\ufeffCafé".encode(), "Café", id="utf-8 with mark"),
        pytest.param("Café".encode("utf-16"), "Café", id="utf-16"),
        pytest.param("Café – 5 €".encode("cp1252"), "Café – 5 €", id="windows-1252"),
        pytest.param(b"a\r\nb\rc", "a\nb\nc", id="line ends"),
    ],
)
def test_reads_what_programs_write(data: bytes, text: str) -> None:
    assert decode(data, "a.txt") == text


def test_refuses_files_that_are_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    path.write_bytes(b"x" * 2_000_000)

    with pytest.raises(UnreadableDocument, match=r"1\.9 MB, more than the 1 MB"):
        load(path, "large.txt", max_bytes=2**20)


def test_a_file_that_vanished_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDocument, match="cannot be opened"):
        load(tmp_path / "gone.txt", "gone.txt")


def test_a_block_is_plain_data() -> None:
    assert Block("text") == Block("text")


@pytest.mark.parametrize("declared", ["shift_jis", '"Shift_JIS"'])
def test_believes_what_a_page_says_of_its_encoding(declared: str) -> None:
    page = f"<meta charset={declared}><p>\u55b6\u696d\u6642\u9593</p>".encode(
        "shift_jis"
    )

    assert parse(page, "a.html").text == "\u55b6\u696d\u6642\u9593"


def test_a_page_that_names_no_real_encoding_is_read_all_the_same() -> None:
    page = "<meta charset=nonsense><p>Caf\u00e9</p>".encode("cp1252")

    assert parse(page, "a.html").text == "Caf\u00e9"
