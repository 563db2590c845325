"""Office files, data and e-mails become documents, or say why they cannot."""

import io
import json
import sys
import zipfile
from datetime import date, datetime

import pytest

from backends.knowledge.documents import Document, Kind, UnreadableDocument
from backends.knowledge.loaders import parse

openpyxl = pytest.importorskip("openpyxl", reason="needs the extra [formats]")
pptx = pytest.importorskip("pptx", reason="needs the extra [formats]")


def shape(document: Document) -> list[tuple[Kind, tuple[str, ...], str]]:
    return [(block.kind, block.headings, block.text) for block in document.blocks]


def workbook(sheets: dict[str, list[list[object]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
        for cells in sheet.iter_rows():
            for cell in cells:
                if cell.value == 0.125:
                    cell.number_format = "0.0%"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def deck() -> bytes:
    show = pptx.Presentation()
    show.core_properties.title = "Fire drill"
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "At the alarm"
    frame = slide.placeholders[1].text_frame
    frame.text = "Leave"
    inner = frame.add_paragraph()
    inner.text, inner.level = "by the stairs", 1
    slide.notes_slide.notes_text_frame.text = "Pause here."
    second = show.slides.add_slide(show.slide_layouts[5])
    second.shapes.title.text = "Meeting points"
    inches = pptx.util.Inches(1)
    rows = second.shapes.add_table(2, 2, inches, inches, inches, inches).table
    for cell, text in zip(
        rows.iter_cells(), ["Wing", "Point", "A", "Oak"], strict=True
    ):
        cell.text = text
    out = io.BytesIO()
    show.save(out)
    return out.getvalue()


MAIL = b"""From: Ann <ann@clinic.example>
To: team@clinic.example
Subject: =?utf-8?q?New_caf=C3=A9_hours?=
Date: Fri, 20 Nov 2026 09:00:00 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

The caf=E9 opens at nine.

It closes at two.
--b
Content-Type: application/pdf; name="menu.pdf"
Content-Disposition: attachment; filename="menu.pdf"

x
--b--
"""


def test_reads_sheets() -> None:
    data = workbook(
        {
            "Phones": [["name", "ext"], ["Ada", 210], [None, None], ["Bo", 211.5]],
            "Rates": [["day", "rate"], [datetime(2026, 1, 2), 0.125]],
            "Times": [["when", "open"], [date(2026, 1, 3), True]],
        }
    )

    document = parse(data, "staff/phone-list.xlsx")

    assert document.title == "Phone list"
    assert shape(document) == [
        (
            Kind.TABLE,
            ("Phones",),
            "| name | ext |\n| --- | --- |\n| Ada | 210 |\n| Bo | 211.5 |",
        ),
        (
            Kind.TABLE,
            ("Rates",),
            "| day | rate |\n| --- | --- |\n| 2026-01-02 | 12.5% |",
        ),
        (
            Kind.TABLE,
            ("Times",),
            "| when | open |\n| --- | --- |\n| 2026-01-03 | yes |",
        ),
    ]


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_rows_of_500_columns_are_lists_that_name_their_columns(suffix: str) -> None:
    header = [f"field {n}" for n in range(500)]
    rows = [header, ["A-1", *[""] * 498, "last"], ["A-2", "x", *[""] * 498]]
    data = (
        workbook({"S": [[cell or None for cell in row] for row in rows]})
        if suffix == "xlsx"
        else "\n".join(",".join(row) for row in rows).encode()
    )

    document = parse(data, f"wide.{suffix}")

    assert shape(document) == [
        (Kind.LIST, ("A-1",), "- field 0: A-1\n- field 499: last"),
        (Kind.LIST, ("A-2",), "- field 0: A-2\n- field 1: x"),
    ]


def test_reads_slides() -> None:
    document = parse(deck(), "drill.pptx")

    assert document.title == "Fire drill"
    assert shape(document) == [
        (Kind.LIST, ("At the alarm",), "- Leave\n  - by the stairs"),
        (Kind.TEXT, ("At the alarm", "Notes"), "Pause here."),
        (
            Kind.TABLE,
            ("Meeting points",),
            "| Wing | Point |\n| --- | --- |\n| A | Oak |",
        ),
    ]
    assert [block.page for block in document.blocks] == [1, 1, 2]


def test_reads_json_under_its_keys() -> None:
    value = {
        "title": "Clinic",
        "open": True,
        "phones": [{"name": "Ada", "ext": 210}, {"name": "Bo", "ext": None}],
        "rooms": {"12": {"floor": 2, "tags": ["quiet", "north"]}},
        "faq": [{"question": "Where?", "answers": ["Here."]}, {"question": "When?"}],
    }

    document = parse(json.dumps(value).encode(), "clinic.json")

    assert document.title == "Clinic"
    assert shape(document) == [
        (Kind.LIST, (), "- title: Clinic\n- open: yes"),
        (
            Kind.TABLE,
            ("phones",),
            "| name | ext |\n| --- | --- |\n| Ada | 210 |\n| Bo |  |",
        ),
        (Kind.LIST, ("rooms", "12"), "- floor: 2"),
        (Kind.LIST, ("rooms", "12", "tags"), "- quiet\n- north"),
        (Kind.LIST, ("faq", "Where?"), "- question: Where?"),
        (Kind.LIST, ("faq", "Where?", "answers"), "- Here."),
        (Kind.LIST, ("faq", "When?"), "- question: When?"),
    ]


def test_reads_lines_of_json() -> None:
    document = parse(b'{"a": 1, "b": 2}\n\n{"a": 3, "b": 4}\n', "rows.jsonl")

    assert shape(document) == [
        (Kind.TABLE, (), "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |")
    ]


def test_reads_mails() -> None:
    document = parse(MAIL, "mail.eml")

    assert document.title == "New café hours"
    assert document.date == "2026-11-20"
    assert shape(document) == [
        (
            Kind.LIST,
            (),
            "- From: Ann <ann@clinic.example>\n- To: team@clinic.example\n"
            "- Date: Fri, 20 Nov 2026 09:00:00 +0100\n- Attached: menu.pdf",
        ),
        (Kind.TEXT, (), "The café opens at nine."),
        (Kind.TEXT, (), "It closes at two."),
    ]


def test_reads_mails_that_are_html() -> None:
    data = (
        b"From: a@b.example\nSubject: S\nContent-Type: text/html\n\n"
        b"<h1>Hours</h1><p>Nine to two.</p>"
    )

    assert shape(parse(data, "mail.eml"))[1:] == [(Kind.TEXT, (), "Nine to two.")]


def broken_sheet() -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook({"S": [["a"], ["b"]]}))) as whole,
        zipfile.ZipFile(out, "w") as part,
    ):
        for entry in whole.namelist():
            data = whole.read(entry)
            cut = "sheet1" in entry
            part.writestr(entry, data[: len(data) // 2] if cut else data)
    return out.getvalue()


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(6):
            archive.writestr(f"xl/{number}.xml", bytes(100 * 2**20))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        pytest.param("a.xlsx", b"\xd0\xcf\x11\xe0", "without a password", id="xls"),
        pytest.param("a.pptx", b"\xd0\xcf\x11\xe0", "without a password", id="ppt"),
        pytest.param("a.xlsx", b"PK\x03\x04", "damaged", id="damaged"),
        pytest.param("a.pptx", b"PK\x03\x04", "damaged", id="damaged slides"),
        pytest.param("a.pptx", workbook({"S": [["a"]]}), "damaged", id="no slides"),
        pytest.param("a.xlsx", deck(), "damaged", id="no sheets"),
        pytest.param("a.docx", deck(), "damaged", id="no text"),
        pytest.param("a.xlsx", broken_sheet(), "damaged", id="broken sheet"),
        pytest.param("a.xlsx", bomb(), "more than 500 MB", id="zip bomb"),
        pytest.param("a.pptx", bomb(), "more than 500 MB", id="zip bomb, slides"),
        pytest.param("a.xlsx", workbook({"S": []}), "no text", id="empty"),
        pytest.param(
            "a.xlsx",
            workbook({"S": [["only a title"]]}),
            "a header and rows",
            id="title",
        ),
        pytest.param("a.json", b"{", "not proper JSON", id="json"),
        pytest.param("a.json", b"{}", "no text", id="empty json"),
        pytest.param("a.json", b"[" * 10**6, "nested too deeply", id="deep json"),
        pytest.param("a.jsonl", b"1\n{", "line 2, is not proper", id="jsonl"),
        pytest.param("a.eml", b"Hello", "no e-mail", id="no mail"),
        pytest.param(
            "a.eml",
            b"From: a@b.c\nContent-Type: application/pkcs7-mime\n\nx",
            "is encrypted",
            id="encrypted mail",
        ),
    ],
)
def test_says_what_is_wrong_with_a_file_and_what_helps(
    name: str, data: bytes, reason: str
) -> None:
    with pytest.raises(UnreadableDocument, match=reason) as refused:
        parse(data, f"handbook/{name}")

    assert f"'handbook/{name}'" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "data", "module"),
    [("a.xlsx", workbook({"S": [["a"]]}), "openpyxl"), ("a.pptx", deck(), "pptx")],
)
def test_names_the_package_that_is_missing(
    name: str, data: bytes, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(UnreadableDocument, match=r"pip install 'curbside\[formats\]'"):
        parse(data, name)
