"""E-mails (.eml): who wrote what to whom, and when; attachments by name only."""

from collections.abc import Iterator
from dataclasses import replace
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime

from backends.knowledge.documents import (
    Block,
    Document,
    Kind,
    UnreadableDocument,
    laid_out,
    title_from,
)
from backends.knowledge.formats import html, plain

HEADERS = ("From", "To", "Cc", "Date")
ENCRYPTED = (
    "multipart/encrypted",
    "application/pkcs7-mime",
    "application/x-pkcs7-mime",
)


def read(data: bytes, name: str) -> Document:
    try:
        message = BytesParser(policy=policy.default).parsebytes(data)
        return _document(message, name)
    except (MessageError, LookupError, ValueError, AttributeError) as error:
        raise UnreadableDocument(
            f"{name!r} is no e-mail that could be read ({error}); save it again as .eml"
        ) from error


def _document(message: EmailMessage, name: str) -> Document:
    if not any(message[header] for header in HEADERS):
        raise UnreadableDocument(f"{name!r} is no e-mail; it has no sender and no date")
    if message.get_content_type() in ENCRYPTED:
        raise UnreadableDocument(f"{name!r} is encrypted; save a copy that is not")
    title = " ".join(str(message["Subject"] or "").split()) or title_from(name)
    body, placed = laid_out([*_head(message), *_body(message, name)])
    return Document(name, title, body, placed, date=_date(message))


def _head(message: EmailMessage) -> Iterator[Block]:
    lines = [
        f"- {header}: {' '.join(str(message[header]).split())}"
        for header in HEADERS
        if message[header]
    ]
    attached = [part.get_filename() or "" for part in message.iter_attachments()]
    if names := ", ".join(filter(None, attached)):
        lines.append(f"- Attached: {names}")
    yield Block("\n".join(lines), Kind.LIST)


def _body(message: EmailMessage, name: str) -> Iterator[Block]:
    part = message.get_body(("plain", "html"))
    if part is None:
        return
    text = str(part.get_content()).replace("\r\n", "\n")
    if not text.strip():
        return
    read = html.read if part.get_content_subtype() == "html" else plain.read_text
    for block in read(text, name).blocks:
        yield replace(block, start=0, end=0)


def _date(message: EmailMessage) -> str:
    try:
        return parsedate_to_datetime(str(message["Date"])).date().isoformat()
    except (TypeError, ValueError):
        return ""
