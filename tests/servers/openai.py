"""A local OpenAI-compatible server with scripted answers and faults, for real clients.

    server = OpenAIServer()
    await server.start()
    server.script(Reply("Hello."), Reply(status=500))     # the next two requests
    server.answer = lambda asked: f"You said {asked.question}"        # all others

`python tests/servers/openai.py --port 8700` starts it by itself: it then answers from
the numbered passages in the prompt, so that a demo needs no model.
"""

import argparse
import asyncio
import json
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

JSON = dict[str, Any]

PASSAGE = re.compile(
    r"^\[(\d+)\] .*\n((?:(?!^\[\d+\] |</passages>).*\n?)*)", re.MULTILINE
)
FIXED = re.compile(r"reply with exactly this sentence and nothing else: (.+)")
SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")
WORD = re.compile(r"[a-z0-9]{3,}")
HTML = "<!doctype html><html><body>Please sign in</body></html>"


@dataclass(frozen=True)
class Reply:
    """An answer and what goes wrong with it; `text` is streamed in `pieces`.

    `stall_after` and `cut_after` count pieces. `body` is sent as it is, instead of all
    else. `message` and `code` belong to a status of 400 or more.
    """

    text: str = ""
    pieces: int = 4
    delay: float = 0.0
    first_delay: float = 0.0
    finish: str | None = "stop"
    usage: bool = True
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "something is wrong"
    code: str | int | None = None
    param: str | None = None
    body: str | None = None
    content_type: str = "text/event-stream"
    refusal: str = ""
    reasoning: str = ""
    stall_after: int | None = None
    cut_after: int | None = None
    error_after: int | None = None
    stall_at_end: bool = False


@dataclass
class Asked:
    """A chat request as it came in, and whether its client left before the end."""

    body: JSON
    headers: dict[str, str]
    at: float
    left: bool = False
    left_at: float = 0.0

    @property
    def messages(self) -> list[JSON]:
        messages: list[JSON] = self.body.get("messages", [])
        return messages

    @property
    def question(self) -> str:
        """The last message."""
        return str(self.messages[-1]["content"]) if self.messages else ""

    @property
    def system(self) -> str:
        return str(self.messages[0]["content"]) if self.messages else ""


class Cut(Exception):
    """We closed the connection in the middle of an answer."""


Answer = Callable[[Asked], Reply | str]


class OpenAIServer:
    """Serves `/v1/models` and `/v1/chat/completions` on 127.0.0.1.

    `models` maps a name to its shutdown date. Requests with an option in `rejects` get
    a 400, with another key than `api_key` a 401, for an unknown model a 404.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.models: dict[str, str | None] = {"house-model": None}
        self.api_key: str | None = None
        self.rejects: set[str] = set()
        self.lists_models = True
        self.answer: Answer = from_passages
        self.requests: list[Asked] = []
        self.listings = 0
        self._script: deque[Reply] = deque()
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> None:
        """Serve; a second start after `stop` keeps the port."""
        app = web.Application()
        app.router.add_get("/v1/models", self._list)
        app.router.add_post("/v1/chat/completions", self._chat)
        # Cancelled handlers are how we see that a client left.
        self._runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> "OpenAIServer":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def script(self, *replies: Reply | str) -> None:
        """What the next requests get, before `answer` is asked again."""
        self._script.extend(
            Reply(reply) if isinstance(reply, str) else reply for reply in replies
        )

    @property
    def left(self) -> int:
        """Requests whose client went away before the end."""
        return sum(asked.left for asked in self.requests)

    async def wait_for(self, what: Callable[[], Any], timeout: float = 5.0) -> None:
        """Wait until `what()` is true; TimeoutError when it never is."""
        end = time.monotonic() + timeout
        while not what():
            if time.monotonic() > end:
                raise TimeoutError(f"nothing in {timeout} s")
            await asyncio.sleep(0.005)

    def _denied(self, request: web.Request) -> web.Response | None:
        sent = request.headers.get("Authorization", "")
        if self.api_key is None or sent == f"Bearer {self.api_key}":
            return None
        return _error(401, f"Incorrect API key provided: {sent}", "invalid_api_key")

    async def _list(self, request: web.Request) -> web.StreamResponse:
        self.listings += 1
        if denied := self._denied(request):
            return denied
        if not self.lists_models:
            return _error(404, "Not Found")
        listed = [
            {"id": name, "object": "model", "created": 1, "owned_by": "house"}
            | ({"shutdown_date": date} if date else {})
            for name, date in self.models.items()
        ]
        return web.json_response({"object": "list", "data": listed})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(await request.json(), dict(request.headers), time.monotonic())
        self.requests.append(asked)
        if denied := self._denied(request):
            return denied
        if self._script:
            reply = self._script.popleft()
        elif refused := self._refused(asked.body):
            return refused
        else:
            given = self.answer(asked)
            reply = Reply(given) if isinstance(given, str) else given
        try:
            await asyncio.sleep(reply.first_delay)
            return await self._reply(request, asked.body, reply)
        except Cut:
            return web.Response()
        except (asyncio.CancelledError, ConnectionResetError):
            asked.left, asked.left_at = True, time.monotonic()
            raise

    def _refused(self, body: JSON) -> web.Response | None:
        model = body.get("model")
        if model not in self.models:
            message = f"The model `{model}` does not exist."
            return _error(404, message, "model_not_found")
        for option in sorted(self.rejects & body.keys()):
            message = f"Unsupported parameter: '{option}' is not supported here."
            return _error(400, message, "unsupported_parameter", option)
        return None

    async def _reply(
        self, request: web.Request, body: JSON, reply: Reply
    ) -> web.StreamResponse:
        if reply.body is not None:
            return web.Response(
                text=reply.body,
                status=reply.status,
                headers=reply.headers,
                content_type=reply.content_type,
            )
        if reply.status >= 400:
            answer = _error(reply.status, reply.message, reply.code, reply.param)
            answer.headers.update(reply.headers)
            return answer
        if not body.get("stream"):
            return web.json_response(_whole(body, reply))
        return await _stream(request, body, reply)


def _error(
    status: int, message: str, code: str | int | None = None, param: str | None = None
) -> web.Response:
    error = {"message": message, "type": "error", "code": code, "param": param}
    return web.json_response({"error": error}, status=status)


def _usage(body: JSON, text: str) -> JSON:
    read = sum(len(str(m.get("content", "")).split()) for m in body["messages"])
    written = len(text.split())
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }


def _whole(body: JSON, reply: Reply) -> JSON:
    message = {"role": "assistant", "content": reply.text}
    choice = {"index": 0, "message": message, "finish_reason": reply.finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [choice],
        "usage": _usage(body, reply.text),
    }


async def _stream(request: web.Request, body: JSON, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": reply.content_type})
    await response.prepare(request)

    async def send(**fields: Any) -> None:
        chunk = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": body["model"],
            **fields,
        }
        await response.write(f"data: {json.dumps(chunk)}\n\n".encode())

    async def delta(finish: str | None = None, **fields: str) -> None:
        choice = {"index": 0, "delta": fields, "finish_reason": finish}
        await send(choices=[choice])

    await delta(role="assistant", content="")
    if reply.reasoning:
        await delta(reasoning_content=reply.reasoning)
    for number, piece in enumerate(cut(reply.text, reply.pieces)):
        await _interrupt(request, response, reply, number)
        await delta(content=piece)
        await asyncio.sleep(reply.delay)
    await _interrupt(request, response, reply, reply.pieces)
    if reply.refusal:
        await delta(refusal=reply.refusal)
    if reply.finish:
        await delta(finish=reply.finish)
    if reply.stall_at_end:
        await asyncio.sleep(3600)
    if reply.usage and (body.get("stream_options") or {}).get("include_usage"):
        await send(choices=[], usage=_usage(body, reply.text))
    await response.write(b"data: [DONE]\n\n")
    return response


async def _interrupt(
    request: web.Request, response: web.StreamResponse, reply: Reply, number: int
) -> None:
    """The fault that is due before this piece."""
    if number == reply.stall_after:
        await asyncio.sleep(3600)
    if number == reply.error_after:
        error = {"message": reply.message, "code": reply.code, "type": "error"}
        await response.write(f"data: {json.dumps({'error': error})}\n\n".encode())
    if number == reply.cut_after and request.transport is not None:
        request.transport.close()
        raise Cut


def cut(text: str, pieces: int) -> list[str]:
    """`text` in that many pieces of about the same length."""
    size = max(1, -(-len(text) // pieces))
    return [text[start : start + size] for start in range(0, len(text), size)]


def from_passages(asked: Asked) -> Reply:
    """Answers with the passage's sentence that shares most words with the question.

    A follow-up is short of words, so those of the question before count a little too.
    """
    text, _, question = asked.question.rpartition("Question:")
    wanted = set(WORD.findall((question or asked.question).lower()))
    people = [m["content"] for m in asked.messages[:-1] if m["role"] == "user"]
    before = set(WORD.findall(people[-1].lower())) if people else set()
    best, said = 0, ""
    for number, passage in PASSAGE.findall(text):
        for sentence in SENTENCE.findall(passage):
            words = set(WORD.findall(sentence.lower()))
            common = 2 * len(wanted & words) + len(before & words)
            if common > best:
                best, said = common, f"{sentence.strip(' *-|')} [{number}]"
    fixed = FIXED.search(asked.system)
    if not said and fixed:
        said = fixed[1]
    return Reply(said or f"You asked: {question.strip() or asked.question}", pieces=8)


async def serve(port: int) -> None:
    server = OpenAIServer(port)
    server.answer = lambda asked: slowly(from_passages(asked))
    async with server:
        sys.stdout.write(f"base_url  {server.base_url}\nmodels    house-model\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def slowly(reply: Reply) -> Reply:
    """As fast as a small model: it is to be seen how an answer grows."""
    return Reply(reply.text, pieces=max(1, len(reply.text) // 5), delay=0.03)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="openai", description=__doc__)
    parser.add_argument("--port", type=int, default=8700)
    try:
        asyncio.run(serve(parser.parse_args().port))
    except KeyboardInterrupt:
        sys.exit(130)
