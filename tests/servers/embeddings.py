"""A server with `/v1/embeddings`, as OpenAI and many others have it."""

import zlib
from collections import deque
from typing import Any

from aiohttp import web

DIMENSIONS = 8


class EmbeddingsServer:
    """Gives each text a vector of its own. A queued reply comes first."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.queued: deque[web.Response] = deque()
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> "EmbeddingsServer":
        app = web.Application()
        app.router.add_post("/v1/embeddings", self._embed)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _embed(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers.get("Authorization", ""))
        if self.queued:
            return self.queued.popleft()
        rows = [
            {"object": "embedding", "index": index, "embedding": vector(text)}
            for index, text in enumerate(body["input"])
        ]
        # Nobody promises the order of the texts.
        answer = {"object": "list", "model": body["model"], "data": rows[::-1]}
        return web.json_response(answer)


def vector(text: str) -> list[float]:
    """Not of length one: that is for the client to mend."""
    number = zlib.crc32(text.encode())
    return [1.0 + (number >> (4 * at) & 15) for at in range(DIMENSIONS)]


def refusal(status: int, message: str, **headers: str) -> web.Response:
    return web.json_response(
        {"error": {"message": message, "type": "refused"}},
        status=status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
