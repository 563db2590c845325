"""A small OpenAI-compatible server for trials: one base, many adapters, on any machine.

One question at a time, no batches: for a team's work use vLLM, which takes the same
adapters and the same calls. It listens on loopback unless told otherwise.
"""

import asyncio
import json
import logging
import threading
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

from aiohttp import web

from backends.tuning.generating import JSON, LONGEST, Asked, Generator
from backends.tuning.run import TrainingError

log = logging.getLogger(__name__)


class Server:
    """The HTTP side: the calls of OpenAI's chat API, and vLLM's for adapters."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._turns = ThreadPoolExecutor(1, "generate")

    def app(self) -> web.Application:
        """The application, for aiohttp's runner."""
        app = web.Application(client_max_size=4 * 2**20)
        app.router.add_get("/health", self._health)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/load_lora_adapter", self._load)
        app.router.add_post("/v1/unload_lora_adapter", self._unload)
        return app

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _models(self, request: web.Request) -> web.Response:
        models = [
            {"id": name, "object": "model", "created": 0, "owned_by": "curbside"}
            for name in self._generator.models()
        ]
        return web.json_response({"object": "list", "data": models})

    async def _load(self, request: web.Request) -> web.Response:
        return await self._change(
            request,
            lambda body: self._generator.add(body["lora_name"], body["lora_path"]),
        )

    async def _unload(self, request: web.Request) -> web.Response:
        return await self._change(
            request, lambda body: self._generator.drop(body["lora_name"])
        )

    async def _change(
        self, request: web.Request, change: Callable[[JSON], None]
    ) -> web.Response:
        try:
            body = await request.json()
            await self._in_turn(lambda: change(body))
        except TrainingError as error:
            return _error(400, str(error))
        except (ValueError, KeyError, TypeError) as error:
            return _error(400, f"the request is wrong: {error!r}")
        return web.json_response({"status": "ok"})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        try:
            asked = _checked(await request.json())
        except (ValueError, KeyError, TypeError) as error:
            return _error(400, f"the request is wrong: {error}")
        if asked.model not in self._generator.models():
            known = ", ".join(self._generator.models())
            return _error(
                404,
                f"the model {asked.model!r} is not loaded; loaded: {known}",
                "model_not_found",
            )
        if asked.stream:
            return await self._streamed(request, asked)
        return await self._whole(asked)

    async def _whole(self, asked: Asked) -> web.Response:
        text, end = "", JSON()
        async with aclosing(self._generate(asked)) as saying:
            async for said in saying:
                if isinstance(said, str):
                    text += said
                else:
                    end = said
        if "error" in end:
            return _error(500, end["error"])
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": end["finish"]}
        return web.json_response(
            _envelope(asked, "chat.completion")
            | {"choices": [choice], "usage": _usage(end)}
        )

    async def _streamed(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        head = _envelope(asked, "chat.completion.chunk")
        first: JSON = {"role": "assistant", "content": ""}
        await _send(response, head, first)
        async with aclosing(self._generate(asked)) as saying:
            async for said in saying:
                if isinstance(said, str):
                    await _send(response, head, {"content": said})
                elif "error" in said:
                    body = {"message": said["error"], "type": "server_error"}
                    await _event(response, {"error": body})
                else:
                    await _send(response, head, {}, said["finish"])
                    if asked.usage:
                        last = head | {"choices": [], "usage": _usage(said)}
                        await _event(response, last)
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _generate(self, asked: Asked) -> AsyncGenerator[str | JSON, None]:
        """The text as it comes, then how it ended. Closing it stops the model."""
        loop = asyncio.get_running_loop()
        said: asyncio.Queue[str | JSON] = asyncio.Queue()
        stopped = threading.Event()

        def tell(item: str | JSON) -> None:
            loop.call_soon_threadsafe(said.put_nowait, item)

        def work() -> None:
            try:
                tell(self._generator.answer(asked, tell, stopped))
            except Exception as error:  # whoever asked is to hear of it
                tell({"error": f"{type(error).__name__}: {error}"})

        working = loop.run_in_executor(self._turns, work)
        try:
            while True:
                item = await said.get()
                yield item
                if not isinstance(item, str):
                    break
        finally:
            stopped.set()
            await asyncio.shield(working)

    async def _in_turn(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._turns, work)


async def serve(base: str, adapters: Mapping[str, str], host: str, port: int) -> None:
    """Load a base with its adapters, and serve them until cancelled."""
    generator = Generator(base)
    await asyncio.to_thread(generator.load)
    for name, folder in adapters.items():
        await asyncio.to_thread(generator.add, name, folder)
    runner = web.AppRunner(Server(generator).app(), shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise TrainingError(
                f"cannot listen on {host}:{port}: {error.strerror}; choose another port"
            ) from error
        address = runner.addresses[0]
        names = ", ".join(generator.models())
        log.info("serving %s at http://%s:%d/v1", names, address[0], address[1])
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _checked(body: JSON) -> Asked:
    messages = body["messages"]
    if not isinstance(messages, list) or not messages:
        raise ValueError("`messages` must be a list that is not empty")
    for message in messages:
        if not isinstance(message.get("content"), str):
            raise ValueError("`content` must be text")
    longest = body.get("max_completion_tokens") or body.get("max_tokens") or LONGEST
    return Asked(
        model=str(body["model"]),
        messages=messages,
        stream=bool(body.get("stream")),
        max_tokens=max(1, int(longest)),
        temperature=float(body.get("temperature") or 0.0),
        seed=body.get("seed"),
        usage=bool((body.get("stream_options") or {}).get("include_usage")),
    )


async def _send(
    response: web.StreamResponse, head: JSON, delta: JSON, finish: str | None = None
) -> None:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    await _event(response, head | {"choices": [choice]})


async def _event(response: web.StreamResponse, body: JSON) -> None:
    await response.write(f"data: {json.dumps(body)}\n\n".encode())


def _envelope(asked: Asked, kind: str) -> JSON:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex[:12]}",
        "object": kind,
        "created": int(time.time()),
        "model": asked.model,
    }


def _usage(end: JSON) -> JSON:
    total = end["prompt_tokens"] + end["completion_tokens"]
    counts = ("prompt_tokens", "completion_tokens")
    return {key: end[key] for key in counts} | {"total_tokens": total}


def _error(status: int, message: str, code: str | None = None) -> web.Response:
    body = {"message": message, "type": "invalid_request_error", "code": code}
    return web.json_response({"error": body}, status=status)
