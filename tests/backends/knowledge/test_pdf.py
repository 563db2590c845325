"""Text of PDF files: pages, headings by their type, paragraphs, lists, tables."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from backends.knowledge.documents import Document, Kind
from backends.knowledge.loaders import load, parse

HANDBOOK = Path(__file__).parents[3] / "examples" / "handbook"


@dataclass(frozen=True)
class Drawn:
    """A line of text at a place on a page."""

    x: float
    y: float
    text: str
    size: float = 10


def pdf(*pages: list[Drawn]) -> bytes:
    """A PDF of the plainest kind, every line drawn by itself."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects.append(
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} "
        "/MediaBox [0 0 600 800] >>".encode()
    )
    objects.append(
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica "
        b"/Encoding /WinAnsiEncoding >>"
    )
    for number, lines in enumerate(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /Resources << /Font << /F 3 0 R >> >> "
            f"/Contents {5 + 2 * number} 0 R >>".encode()
        )
        stream = "\n".join(
            f"BT /F {line.size} Tf 1 0 0 1 {line.x} {line.y} Tm ({line.text}) Tj ET"
            for line in lines
        ).encode("cp1252")
        length = f"<< /Length {len(stream)} >>".encode()
        objects.append(length + b" stream\n" + stream + b"\nendstream")
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    return (
        out
        + f"xref\n0 {size}\n0000000000 65535 f \n{table}".encode()
        + f"trailer << /Size {size} /Root 1 0 R >>\n".encode()
        + f"startxref\n{len(out)}\n%%EOF".encode()
    )


def paragraph(y: float, *lines: str, x: float = 50) -> list[Drawn]:
    return [Drawn(x, y - 14 * number, text) for number, text in enumerate(lines)]


def shape(document: Document) -> list[tuple[Kind, tuple[str, ...], str]]:
    return [(block.kind, block.headings, block.text) for block in document.blocks]


def test_larger_type_makes_headings() -> None:
    document = parse(
        pdf(
            [
                Drawn(50, 700, "Fees", 20),
                *paragraph(670, "All prices are in dollars,", "and include tax."),
                Drawn(50, 620, "Letters", 14),
                *paragraph(600, "A letter is 20 dollars."),
                Drawn(50, 570, "Copies", 14),
                *paragraph(550, "A copy is free, the first time."),
            ]
        ),
        "leaflet.pdf",
    )

    assert shape(document) == [
        (Kind.TEXT, ("Fees",), "All prices are in dollars, and include tax."),
        (Kind.TEXT, ("Fees", "Letters"), "A letter is 20 dollars."),
        (Kind.TEXT, ("Fees", "Copies"), "A copy is free, the first time."),
    ]


def test_a_gap_ends_a_paragraph_and_a_hyphen_does_not() -> None:
    lines = [
        *paragraph(700, "Whoever finds something lost hands it in at the recep-"),
        *paragraph(686, "tion desk.", "It is kept for 30 days."),
        *paragraph(640, "Wallets go into the safe."),
    ]

    document = parse(pdf(lines), "lost.pdf")

    assert [block.text for block in document.blocks] == [
        "Whoever finds something lost hands it in at the reception desk. "
        "It is kept for 30 days.",
        "Wallets go into the safe.",
    ]


def test_reads_lists() -> None:
    lines = [
        *paragraph(700, "You need the following things from us here:"),
        *paragraph(680, "• a card that shows who you are and", "  that is valid"),
        *paragraph(650, "• the form", x=50),
    ]

    document = parse(pdf(lines), "needs.pdf")

    assert shape(document)[1] == (
        Kind.LIST,
        (),
        "- a card that shows who you are and that is valid\n- the form",
    )


def test_puts_the_cells_of_a_table_side_by_side() -> None:
    """Cells that take two lines are centred beside the others, as programs do."""
    lines = [
        *paragraph(700, "What it costs, and how long we need for it, in days."),
        *[Drawn(x, 660, text, 9) for x, text in ((50, "Form"), (250, "Price"))],
        Drawn(50, 640, "Sick note for an", 9),
        Drawn(50, 626, "employer", 9),
        Drawn(250, 633, "$20", 9),
        *[Drawn(x, 606, text, 9) for x, text in ((50, "Report"), (250, "$140"))],
        *paragraph(570, "Prices are the same for all who come to us."),
    ]

    document = parse(pdf(lines), "prices.pdf")

    assert shape(document)[1:] == [
        (
            Kind.TABLE,
            (),
            "| Form | Price |\n| --- | --- |\n| Sick note for an employer | $20 |\n"
            "| Report | $140 |",
        ),
        (Kind.TEXT, (), "Prices are the same for all who come to us."),
    ]


def test_leaves_out_what_stands_on_every_page_and_knows_the_page() -> None:
    pages = [
        [
            Drawn(50, 780, "The Clinic | Leaflet", 8),
            *paragraph(700, f"{word} has something of its own.", f"{word} ends."),
            Drawn(50, 20, f"Page {number} of 3", 8),
        ]
        for number, word in enumerate(("One", "Another", "The last"), 1)
    ]

    document = parse(pdf(*pages), "leaflet.pdf")

    assert [(block.page, block.text) for block in document.blocks] == [
        (1, "One has something of its own. One ends."),
        (2, "Another has something of its own. Another ends."),
        (3, "The last has something of its own. The last ends."),
    ]


def test_a_sentence_goes_on_over_the_page() -> None:
    document = parse(
        pdf(paragraph(100, "This sentence goes on"), paragraph(700, "over the page.")),
        "long.pdf",
    )

    (block,) = document.blocks
    assert (block.page, block.text) == (1, "This sentence goes on over the page.")


@pytest.mark.parametrize(
    ("name", "heading", "text"),
    [
        pytest.param(
            "public/fees-and-billing.pdf",
            "Visits without insurance",
            "| Standard visit, 15 minutes | $85 |",
            id="table",
        ),
        pytest.param(
            "staff/emergency-trolley-and-cardiac-arrest.pdf",
            "Checks",
            "| First of the month | Drug box exchanged if anything expires within "
            "60 days | Clinical pharmacist |",
            id="cells of several lines",
        ),
        pytest.param(
            "staff/vaccination-schedule.pdf",
            "Before each vaccination",
            "5. Clean your hands. Gloves are not needed.",
            id="list",
        ),
    ],
)
def test_reads_the_handbook(name: str, heading: str, text: str) -> None:
    document = load(HANDBOOK / name, name)

    assert any(
        text in block.text for block in document.blocks if heading in block.headings
    )
