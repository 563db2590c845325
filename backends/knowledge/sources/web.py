"""A web site: the pages below an address, or those that its sitemap names."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from aiohttp.abc import AbstractResolver
from lxml import etree, html
from yarl import URL

from backends.knowledge.sources import sitemap
from backends.knowledge.sources.base import (
    Item,
    Known,
    Problem,
    SourceUnavailable,
    earlier_stamp,
    names_of,
)
from backends.knowledge.sources.fetching import (
    Fetched,
    Fetcher,
    FetchFailed,
    FetchLimits,
    NotForUs,
    NotNow,
    Sleep,
)
from backends.knowledge.sources.options import MOST_PAGES

MOST_SITEMAPS = 100
MOST_LINKED = 10 * 2**20  # bytes of a page that is searched for links


@dataclass(frozen=True, slots=True)
class SiteLimits:
    """How much of a site is read."""

    pages: int = MOST_PAGES
    fetch: FetchLimits = field(default_factory=FetchLimits)


class WebSite:
    """Reads one site; what it says of its pages and of us is heeded.

    The pages of a sitemap are asked whether they changed. Without a sitemap each page
    has to be fetched, for its links, and what it holds tells whether it changed.
    """

    def __init__(
        self,
        name: str,
        url: str,
        labels: frozenset[str],
        limits: SiteLimits | None = None,
        *,
        allow_private: bool = False,
        resolver: AbstractResolver | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._name = name
        self._url = URL(url)
        self._labels = labels
        self._limits = limits or SiteLimits()
        self._fetcher = partial(
            Fetcher,
            self._limits.fetch,
            allow_private=allow_private,
            resolver=resolver,
            sleep=sleep,
        )
        self._met: set[str] = set()
        self._absent: set[str] = set()
        self._complete = True

    @property
    def name(self) -> str:
        return self._name

    async def items(self, known: Known) -> AsyncIterator[Item | Problem]:
        """The pages. Raises `SourceUnavailable` when the first one cannot be had."""
        self._met, self._absent, self._complete = set(), set(), True
        async with self._fetcher() as fetcher:
            try:
                first = await fetcher.get(self._url)
            except FetchFailed as error:
                raise SourceUnavailable(f"{self._url}: {error}") from error
            found = (
                self._listed(fetcher, first, known)
                if first.is_xml
                else self._linked(fetcher, first)
            )
            async for each in found:
                yield each
        if not self._complete and not self._full():
            reason = "not all pages could be listed, so none is removed this time"
            yield Problem(self._name, reason)

    def gone(self, known: Known) -> list[str]:
        """Nothing while a page that may link to others did not answer."""
        if not self._complete:
            return []
        there = self._met - self._absent
        return [name for name in names_of(self._name, known) if name not in there]

    async def _listed(
        self, fetcher: Fetcher, first: Fetched, known: Known
    ) -> AsyncIterator[Item | Problem]:
        """The pages of a sitemap, and of those that it names."""
        waiting, fetched = deque[URL | Fetched]([first]), 0
        while waiting and fetched < MOST_SITEMAPS:
            following, fetched = waiting.popleft(), fetched + 1
            try:
                page = (
                    await fetcher.get(following)
                    if isinstance(following, URL)
                    else following
                )
                found = await asyncio.to_thread(
                    sitemap.parse, page.data, self._limits.pages + 1
                )
            except FetchFailed as error:
                self._complete = False
                yield Problem(f"{self._name}/{following}", str(error))
                continue
            waiting.extend(_addresses(page.url, found.sitemaps))
            for address in _addresses(page.url, found.pages):
                if self._full():
                    yield self._too_many()
                    return
                if (url := self._new(address)) is not None:
                    yield await self._page(fetcher, url, known)
        self._complete = self._complete and not waiting

    async def _page(self, fetcher: Fetcher, url: URL, known: Known) -> Item | Problem:
        name = self._name_of(url)
        try:
            return self._item(
                fetcher, await fetcher.get(url, earlier_stamp(known, name)), url
            )
        except NotForUs as error:
            self._absent.add(name)
            return Problem(name, str(error))
        except FetchFailed as error:
            return Problem(name, str(error))

    async def _linked(
        self, fetcher: Fetcher, first: Fetched
    ) -> AsyncIterator[Item | Problem]:
        """The first page and those it leads to, each once, however they are linked."""
        below = _folder(first.url)
        waiting = deque([first.url])
        self._new(first.url)
        page: Fetched | None = first
        while waiting:
            url = waiting.popleft()
            try:
                page = page or await fetcher.get(url)
            except NotForUs:
                self._absent.add(self._name_of(url))
                continue
            except FetchFailed as error:
                self._complete = self._complete and not isinstance(error, NotNow)
                yield Problem(self._name_of(url), str(error))
                continue
            links = await asyncio.to_thread(_read_links, page)
            if links.indexed:
                yield self._item(fetcher, page, url)
            for link in links.urls:
                if not (fetcher.same_site(link) and link.path.startswith(below)):
                    continue
                if self._full():
                    yield self._too_many()
                    return
                if (new := self._new(link)) is not None:
                    waiting.append(new)
            page = None

    def _item(self, fetcher: Fetcher, page: Fetched, url: URL) -> Item:
        async def read() -> bytes:
            # It did not change, but the way it is read did.
            return (await fetcher.get(url)).data if page.unchanged else page.data

        return Item(
            name=self._name_of(url),
            place=str(url),
            suffix=page.suffix or ".html",
            labels=self._labels,
            read=read,
            stamp=page.stamp,
            link=str(url),
        )

    def _new(self, url: URL) -> URL | None:
        """The address, unless it was met before or names no page."""
        url = url.with_fragment(None)
        if not url.absolute or url.scheme not in ("http", "https"):
            return None
        name = self._name_of(url)
        if name in self._met:
            return None
        self._met.add(name)
        return url

    def _full(self) -> bool:
        return len(self._met) >= self._limits.pages

    def _too_many(self) -> Problem:
        self._complete = False
        return Problem(
            self._name,
            f"there are more than {self._limits.pages} pages, the rest was left out; "
            "raise `pages` of this source, or name a part of the site",
        )

    def _name_of(self, url: URL) -> str:
        path = url.path.strip("/") or "index"
        return f"{self._name}/{path}" + (f"?{url.query_string}" if url.query else "")


@dataclass(frozen=True, slots=True)
class Links:
    """Where a page leads to, and whether it wants to be found itself."""

    urls: tuple[URL, ...] = ()
    indexed: bool = True


def _read_links(page: Fetched) -> Links:
    if page.suffix != ".html" or len(page.data) > MOST_LINKED:
        return Links()
    try:
        root = html.document_fromstring(page.data)
    except (etree.ParserError, ValueError):
        return Links()
    wish = str(root.xpath("string(//meta[@name='robots']/@content)")).lower()
    base = _joined(page.url, str(root.xpath("string(//base/@href)"))) or page.url
    urls = () if "nofollow" in wish else tuple(_followed(root, base))
    return Links(urls, "noindex" not in wish)


def _followed(root: html.HtmlElement, base: URL) -> Iterator[URL]:
    for element in root.iter("a"):
        if "nofollow" not in (element.get("rel") or ""):
            url = _joined(base, (element.get("href") or "").strip())
            if url is not None:
                yield url


def _addresses(base: URL, given: Sequence[str]) -> Iterator[URL]:
    """What a sitemap names, but for what is no address."""
    yield from filter(None, (_joined(base, each) for each in given))


def _joined(base: URL, address: str) -> URL | None:
    try:
        return base.join(URL(address)).with_fragment(None)
    except ValueError:  # an address that is none
        return None


def _folder(url: URL) -> str:
    """The path that all pages share with the first one: its folder."""
    last = url.path.rpartition("/")[2]
    return url.path.removesuffix(last) if "." in last else url.path
