"""A web site whose pages a test writes, and that may misbehave.

async with Website({"/": "<a href='/next'>next</a>"}) as site:
    site.url  # http://127.0.0.1:...
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Page:
    """An answer; `stream` sends that many bytes more, without telling a length."""

    body: str | bytes = ""
    media_type: str = "text/html"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0
    stream: int = 0


class Website:
    """Answers with `pages` by path and query; anything else is not found."""

    def __init__(self, pages: Mapping[str, Page | str] | None = None) -> None:
        self.pages: dict[str, Page | str] = dict(pages or {})
        self.requests: list[str] = []
        self.agents: set[str] = set()
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def pages_asked(self) -> list[str]:
        """The requests without those for robots.txt."""
        return [path for path in self.requests if path != "/robots.txt"]

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path_qs)
        self.agents.add(request.headers.get("User-Agent", ""))
        page = self.pages.get(request.path_qs)
        if page is None:
            return web.Response(status=404)
        if isinstance(page, str):
            page = Page(page)
        await asyncio.sleep(page.seconds)
        body = page.body.encode() if isinstance(page.body, str) else page.body
        headers = {"ETag": f'"{hashlib.sha256(body).hexdigest()[:12]}"', **page.headers}
        if page.stream:
            return await _streamed(request, page.media_type, page.stream)
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=body,
            status=page.status,
            headers=headers,
            content_type=page.media_type,
        )


async def _streamed(
    request: web.Request, media_type: str, size: int
) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = media_type
    response.enable_chunked_encoding()
    await response.prepare(request)
    for _ in range(0, size, 2**16):
        await response.write(b"x" * 2**16)
    await response.write_eof()
    return response
