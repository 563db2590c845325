"""Fetches pages of one web site: politely, within limits, never from where it must not.

Every address is checked, also after a redirect, and every answer has a limit of size
and time. A page that cannot be had raises `FetchFailed` with the reason.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from backends.base import BackendError
from backends.knowledge.loaders import MEDIA_TYPES
from backends.knowledge.sources.address_guard import (
    AddressRefused,
    GuardedResolver,
    require_public_literal,
)
from backends.knowledge.sources.robots import Robots

USER_AGENT = "curbside"
REDIRECTS = 5
GONE = (404, 410)
UNCHANGED = 304
LOGIN = re.compile(r"/(login|log-in|signin|sign-in|sso|oauth2?|saml)\b", re.IGNORECASE)
XML_TYPES = ("application/xml", "text/xml")
GZIP_TYPES = ("application/gzip", "application/x-gzip")

Sleep = Callable[[float], Awaitable[None]]


class FetchFailed(BackendError):
    """A page was not fetched; the message says why."""


class NotNow(FetchFailed):
    """The site did not answer, or not well; later it may."""


class NotForUs(FetchFailed):
    """It is gone, of another site or type, or robots.txt forbids it.

    Where it was only linked, nobody wants to hear of it.
    """


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one page may take; `delay` is the pause between two requests, in seconds."""

    bytes: int = 50 * 2**20
    seconds: float = 30
    delay: float = 1.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer; `data` is empty where the page is `unchanged` since the stamp.

    The stamp tells the type too: of an unchanged page the site need not say it.
    """

    url: URL
    media_type: str
    data: bytes = field(repr=False)
    stamp: str = ""
    unchanged: bool = False

    @property
    def suffix(self) -> str:
        return MEDIA_TYPES.get(self.media_type, "")

    @property
    def is_xml(self) -> bool:
        return self.media_type in (*XML_TYPES, *GZIP_TYPES)


class Fetcher:
    """A session with one site, which is that of the first page it fetched."""

    def __init__(
        self,
        limits: FetchLimits,
        *,
        allow_private: bool = False,
        resolver: AbstractResolver | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._limits = limits
        self._private = allow_private
        self._resolver = resolver
        self._sleep = sleep
        self._site: URL | None = None
        self._robots: dict[URL, Robots] = {}
        self._session: aiohttp.ClientSession | None = None
        self._next = 0.0

    async def __aenter__(self) -> Self:
        guarded = None if self._private else GuardedResolver(self._resolver)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=guarded or self._resolver),
            timeout=aiohttp.ClientTimeout(total=self._limits.seconds),
            headers={"User-Agent": USER_AGENT},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, url: URL, stamp: str = "") -> Fetched:
        """A page of the site. Raises `FetchFailed`."""
        for _ in range(REDIRECTS + 1):
            robots = await self._robots_of(url)
            if not robots.allows(url):
                raise NotForUs("robots.txt of the site forbids it")
            await self._pause(robots)
            answer = await self._request(url, stamp)
            if isinstance(answer, Fetched):
                self._site = self._site or url.origin()
                return answer
            url = answer
        raise FetchFailed("it redirects without end")

    def same_site(self, url: URL) -> bool:
        """Whether a URL belongs to the site; the same host by https does."""
        if not url.absolute or url.scheme not in ("http", "https"):
            return False
        site = self._site
        if site is None:
            return True
        return url.origin() in (site, site.with_scheme("https").with_port(None))

    async def _request(self, url: URL, stamp: str) -> Fetched | URL:
        """The page, or where it redirects to."""
        self._check(url)
        assert self._session is not None
        tag = stamp.partition(" ")[2]
        headers = {"If-None-Match": tag} if tag else {}
        try:
            async with self._session.get(
                url, headers=headers, allow_redirects=False
            ) as response:
                if 300 <= response.status < 400 and response.status != UNCHANGED:
                    return _redirection(response)
                return await self._read(response, stamp)
        except TimeoutError as error:
            seconds = self._limits.seconds
            raise NotNow(f"it did not come within {seconds:g} s") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise _explained(error) from error

    def _check(self, url: URL) -> None:
        if not self.same_site(url):
            raise NotForUs(f"it leads to another site, {url.host}")
        try:
            if not self._private:
                require_public_literal(url.host or "")
        except AddressRefused as error:
            raise FetchFailed(str(error)) from error

    async def _read(self, response: aiohttp.ClientResponse, stamp: str) -> Fetched:
        status, url = response.status, response.url
        if status == UNCHANGED and stamp:
            media_type = stamp.partition(" ")[0]
            return Fetched(url, media_type, b"", stamp, unchanged=True)
        if status in (401, 403):
            raise FetchFailed(f"it needs a login (status {status})")
        if status != 200:
            kind = NotForUs if status in GONE else NotNow
            raise kind(f"the site answers with status {status}")
        media_type = response.content_type
        if media_type not in {*MEDIA_TYPES, *XML_TYPES, *GZIP_TYPES}:
            raise NotForUs(f"{media_type} is not a type that is read")
        data = await _limited(response, self._limits.bytes)
        if media_type in ("text/html", "application/xhtml+xml") and _asks_login(data):
            raise FetchFailed("it needs a login (the page asks for a password)")
        tag = response.headers.get("ETag", "")
        return Fetched(url, media_type, data, f"{media_type} {tag}" if tag else "")

    async def _robots_of(self, url: URL) -> Robots:
        """The rules of a site, fetched once; a site without any allows everything."""
        self._check(url)
        site = url.origin()
        if site not in self._robots:
            self._robots[site] = await self._fetch_robots(site)
        return self._robots[site]

    async def _fetch_robots(self, site: URL) -> Robots:
        assert self._session is not None
        try:
            async with self._session.get(
                site / "robots.txt", allow_redirects=False
            ) as response:
                if response.status >= 500:
                    raise NotNow(f"its robots.txt has status {response.status}")
                if response.status != 200:
                    return Robots.none()
                return Robots.read(await _limited(response, Robots.MAX_BYTES))
        except TimeoutError as error:
            raise NotNow("its robots.txt did not come in time") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise _explained(error) from error

    async def _pause(self, robots: Robots) -> None:
        now = asyncio.get_running_loop().time()
        if self._next > now:
            await self._sleep(self._next - now)
        delay = max(self._limits.delay, robots.delay)
        self._next = max(now, self._next) + delay


def _explained(error: Exception) -> FetchFailed:
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
        refused = isinstance(cause, AddressRefused)
        return FetchFailed(str(cause)) if refused else NotNow(f"no answer ({cause})")
    return NotNow(f"it cannot be fetched ({error})")


def _redirection(response: aiohttp.ClientResponse) -> URL:
    target = response.headers.get("Location", "")
    if not target:
        raise FetchFailed("it redirects to nowhere")
    url = response.url.join(URL(target)).with_fragment(None)
    if LOGIN.search(url.path):
        raise FetchFailed("it needs a login (it redirects to one)")
    return url


async def _limited(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body, unpacked; an answer may be longer than it says, or tell no length."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(2**16):
        size += len(part)
        if size > most:
            raise FetchFailed(f"it has more than the {most / 2**20:.0f} MB allowed")
        parts.append(part)
    return b"".join(parts)


def _asks_login(data: bytes) -> bool:
    """Whether a page asks for a password and has nothing much to say besides."""
    return (
        len(data) < 2**16
        and re.search(rb"<input[^>]+type\s*=\s*[\"']?password", data, re.IGNORECASE)
        is not None
    )
