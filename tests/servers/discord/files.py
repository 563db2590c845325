"""Files of a local Discord: taken in with a message, given out for a time."""

import mimetypes
from collections.abc import Callable
from typing import Any

from aiohttp import web

from .errors import ApiError
from .faults import BASE, CALL, answer
from .model import Channel, Message, Payload
from .payloads import seal
from .state import DiscordState

FILE_LIMIT = 10 * 2**20
MOST_FILES = 10


class Files:
    """Keeps what was uploaded, and serves it under addresses that end."""

    def __init__(self, state: DiscordState, api_url: Callable[[], str]) -> None:
        self.uploads: dict[int, bytes] = {}
        self._state = state
        self._api_url = api_url

    def add_to(self, app: web.Application) -> None:
        path = "/attachments/{channel}/{attachment}/{name}"
        app.router.add_get(path, self.attachment)
        app.router.add_post(BASE + "/attachments/refresh-urls", self.renewed)

    def with_uploads(
        self, request: web.Request, channel: Channel, message: Message | None = None
    ) -> Payload:
        """The message body with its files: those sent along, and those it keeps."""
        call = request[CALL]
        asked: Payload = dict(call.body or {})
        listed = {str(file.get("id")): file for file in asked.get("attachments") or ()}
        files = [
            f for f in (message.attachments if message else ()) if f["id"] in listed
        ]
        if len(files) + len(call.files) > MOST_FILES:
            raise ApiError(40005)
        for index, upload in enumerate(call.files):
            described = listed.get(str(index), {}).get("description")
            kept = self.keep(channel.id, upload["filename"], upload["content"])
            files.append(kept | {"description": described})
        if "attachments" in asked or call.files:
            asked["attachments"] = files
        return asked

    def keep(self, channel_id: int, name: str, content: bytes, **more: Any) -> Payload:
        if len(content) > FILE_LIMIT:
            raise ApiError(40005)
        id = self._state.clock.next_id()
        self.uploads[id] = content
        root = self._api_url().removesuffix(BASE)
        kind = mimetypes.guess_type(name)[0]
        if name.endswith(".md"):
            kind = "text/markdown"
        return {
            "id": str(id),
            "filename": name,
            "size": len(content),
            "url": f"{root}/attachments/{channel_id}/{id}/{name}",
            "content_type": with_charset(kind),
        } | more

    async def renewed(self, request: web.Request) -> web.Response:
        """Addresses that had expired, as they work again."""
        end = f"{int(self._state.clock.now() + self._state.cdn_seconds):x}"
        fresh = []
        for url in request[CALL].body["attachment_urls"]:
            bare = url.partition("?")[0]
            signed = f"{bare}?ex={end}&hm={seal(bare.split('/')[-2], end)}"
            fresh.append({"original": url, "refreshed": signed})
        return answer({"refreshed_urls": fresh}, 200)

    async def attachment(self, request: web.Request) -> web.Response:
        id, end = request.match_info["attachment"], request.query.get("ex", "")
        if request.query.get("hm") != seal(id, end):
            return gone()
        if int(end, 16) < self._state.clock.now():
            return gone()
        if int(id) not in self.uploads:
            return gone()
        return web.Response(body=self.uploads[int(id)])


def with_charset(kind: str | None) -> str | None:
    return f"{kind}; charset=utf-8" if kind and kind.startswith("text/") else kind


def gone() -> web.Response:
    return web.Response(status=404, text="This content is no longer available.")
