"""Sitemaps: the pages that a site says it has."""

import io
import zlib
from dataclasses import dataclass

from lxml import etree

from backends.knowledge.sources.fetching import FetchFailed

MAX_BYTES = 50 * 2**20  # the protocol's own limit, unpacked
GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Sitemap:
    """Addresses of pages, or of further sitemaps."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()


def parse(data: bytes, most: int) -> Sitemap:
    """At most so many addresses of a sitemap. Raises `FetchFailed`."""
    pages: list[str] = []
    sitemaps: list[str] = []
    try:
        for _, element in etree.iterparse(
            io.BytesIO(_unpacked(data)), resolve_entities=False, no_network=True
        ):
            parent = element.getparent()
            if _tag(element) == "loc" and parent is not None:
                found = pages if _tag(parent) == "url" else sitemaps
                found.append((element.text or "").strip())
            if _tag(element) in ("url", "sitemap"):
                element.clear()
            if max(len(pages), len(sitemaps)) >= most:
                break
    except (etree.XMLSyntaxError, zlib.error) as error:
        raise FetchFailed(f"it is no sitemap that could be read ({error})") from error
    return Sitemap(tuple(filter(None, pages)), tuple(filter(None, sitemaps)))


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(GZIP):
        return data
    unpacker = zlib.decompressobj(wbits=31)
    unpacked = unpacker.decompress(data, MAX_BYTES)
    if unpacker.unconsumed_tail:
        raise FetchFailed(f"it unpacks to more than {MAX_BYTES / 2**20:.0f} MB")
    return unpacked


def _tag(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""
