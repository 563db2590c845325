"""A local HTTP server that speaks Qdrant's REST, for the real remote client.

It reads each request with the client's own models and answers from the client's local
mode, so what a request means is not our invention.

    async with QdrantServer() as server:
        client = AsyncQdrantClient(url=server.url)
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from pydantic import BaseModel
from qdrant_client import AsyncQdrantClient, models

COLLECTION = "/collections/{name}"
Answer = Callable[[str, Any], Awaitable[Any]]


class QdrantServer:
    """A server without collections; `failures` are the statuses of its next answers."""

    def __init__(self, api_key: str | None = None) -> None:
        self.failures: deque[int] = deque()
        self.delay = 0.0
        self.indexed: dict[tuple[str, str], Any] = {}
        self.created: dict[str, models.CreateCollection] = {}
        self.requests: list[str] = []
        self._api_key = api_key
        self._local = AsyncQdrantClient(":memory:")
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
        await self._local.close()

    async def start(self) -> None:
        """Listen; after `stop` again on the same port, with the same points."""
        app = web.Application(client_max_size=64 * 2**20)
        routes: dict[tuple[str, str], Answer] = {
            ("GET", "/collections"): self._collections,
            ("GET", "/aliases"): self._aliases,
            ("POST", "/collections/aliases"): self._change_aliases,
            ("GET", f"{COLLECTION}/exists"): self._exists,
            ("PUT", COLLECTION): self._create,
            ("DELETE", COLLECTION): self._drop,
            ("PUT", f"{COLLECTION}/index"): self._index,
            ("PUT", f"{COLLECTION}/points"): self._upsert,
            ("POST", f"{COLLECTION}/points"): self._retrieve,
            ("POST", f"{COLLECTION}/points/delete"): self._delete,
            ("POST", f"{COLLECTION}/points/query"): self._query,
            ("POST", f"{COLLECTION}/points/query/batch"): self._query_batch,
            ("POST", f"{COLLECTION}/points/scroll"): self._scroll,
            ("POST", f"{COLLECTION}/points/count"): self._count,
        }
        for (method, path), answer in routes.items():
            app.router.add_route(method, path, self._handler(answer))
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def forget_points(self, name: str) -> None:
        """Leave a collection that is empty, as another program would have made it."""
        everything = models.FilterSelector(filter=models.Filter())
        await self._local.delete(name, everything)

    def _handler(
        self, answer: Answer
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            self.requests.append(f"{request.method} {request.path}")
            await asyncio.sleep(self.delay)
            if self._api_key and request.headers.get("api-key") != self._api_key:
                return _failed(401, "Must provide an API key")
            if self.failures:
                return _failed(self.failures.popleft(), "scripted failure")
            body = await request.json() if request.can_read_body else {}
            try:
                result = await answer(request.match_info.get("name", ""), body)
            except ValueError as error:
                return _failed(404 if "not found" in str(error) else 400, str(error))
            except FileExistsError as error:
                return _failed(409, str(error))
            return _answered(result)

        return handle

    async def _exists(self, name: str, body: Any) -> Any:
        return {"exists": await self._local.collection_exists(name)}

    async def collections(self) -> set[str]:
        """The names of the collections there are, without aliases."""
        answer = await self._local.get_collections()
        return {each.name for each in answer.collections}

    async def _collections(self, name: str, body: Any) -> Any:
        return await self._local.get_collections()

    async def _aliases(self, name: str, body: Any) -> Any:
        return await self._local.get_aliases()

    async def _change_aliases(self, name: str, body: Any) -> Any:
        asked = models.ChangeAliasesOperation.model_validate(body)
        return await self._local.update_collection_aliases(asked.actions)

    async def _create(self, name: str, body: Any) -> Any:
        if await self._local.collection_exists(name):
            raise FileExistsError(f"Collection `{name}` already exists!")
        asked = self.created[name] = models.CreateCollection.model_validate(body)
        return await self._local.create_collection(
            name,
            vectors_config=asked.vectors,
            sparse_vectors_config=asked.sparse_vectors,
        )

    async def _drop(self, name: str, body: Any) -> Any:
        return await self._local.delete_collection(name)

    async def _index(self, name: str, body: Any) -> Any:
        asked = models.CreateFieldIndex.model_validate(body)
        self.indexed[name, asked.field_name] = asked.field_schema
        return {"operation_id": 0, "status": "completed"}

    async def _upsert(self, name: str, body: Any) -> Any:
        asked = models.PointsList.model_validate(body)
        return await self._local.upsert(name, asked.points)

    async def _retrieve(self, name: str, body: Any) -> Any:
        asked = models.PointRequest.model_validate(body)
        return await self._local.retrieve(
            name, asked.ids, asked.with_payload, asked.with_vector or False
        )

    async def _delete(self, name: str, body: Any) -> Any:
        asked = models.FilterSelector.model_validate(body)
        return await self._local.delete(name, asked)

    async def _query(self, name: str, body: Any) -> Any:
        asked = models.QueryRequest.model_validate(body)
        return await self._local.query_points(
            name,
            query=asked.query,
            using=asked.using,
            prefetch=asked.prefetch,
            query_filter=asked.filter,
            limit=asked.limit or 10,
            with_payload=asked.with_payload or False,
            with_vectors=asked.with_vector or False,
        )

    async def _query_batch(self, name: str, body: Any) -> Any:
        asked = models.QueryRequestBatch.model_validate(body)
        return await self._local.query_batch_points(name, asked.searches)

    async def _scroll(self, name: str, body: Any) -> Any:
        asked = models.ScrollRequest.model_validate(body)
        records, following = await self._local.scroll(
            name,
            scroll_filter=asked.filter,
            limit=asked.limit or 10,
            offset=asked.offset,
            with_payload=asked.with_payload or False,
            with_vectors=asked.with_vector or False,
        )
        return {"points": records, "next_page_offset": following}

    async def _count(self, name: str, body: Any) -> Any:
        asked = models.CountRequest.model_validate(body)
        return await self._local.count(name, asked.filter)


def _answered(result: Any) -> web.Response:
    return web.json_response({"result": _plain(result), "status": "ok", "time": 0.001})


def _failed(status: int, reason: str) -> web.Response:
    return web.json_response({"status": {"error": reason}, "time": 0.0}, status=status)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return json.loads(value.model_dump_json(exclude_none=True))
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
