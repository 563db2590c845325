"""The one client of OpenAI-compatible servers; nothing else imports `openai`.

Importing that package takes half a second, so it happens on first use, in a thread.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from backends.base import (
    BackendMisconfigured,
    BackendTimeout,
    BackendUnavailable,
    End,
    Text,
    Usage,
)
from backends.chat_failures import (
    FIRST_PAUSE,
    TOO_LONG,
    Failure,
    Refusal,
    garbled,
    judge,
    refusal_of,
    unreachable,
)
from backends.chat_stream import Reading
from backends.chat_types import Completion, Endpoint, ModelInfo, Sampling, Timeouts
from backends.prompt import Message

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream

RETRIES = 2
AFTER_FINISH = 2.0  # seconds to wait for the token counts that follow an answer
NO_CHAT = re.compile(r"embed|rerank|whisper|tts|moderation|dall-e|minilm", re.I)
OPTIONS = ("stream_options", "max_tokens", "temperature", "seed", "stop")


class ChatModel:
    """A model behind a chat API. Raises the errors of `backends.base` only."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts | None = None) -> None:
        self.endpoint = endpoint
        self._timeouts = timeouts or Timeouts()
        self._client: AsyncOpenAI | None = None
        self._connecting = asyncio.Lock()
        self._found = ""  # the model, where the server chooses
        self._headers: dict[str, Any] = {}
        self._unwanted: set[str] = set()  # options that this server does not take

    async def stream(
        self, messages: Sequence[Message], sampling: Sampling | None = None
    ) -> AsyncGenerator[Text | Usage | End, None]:
        """The answer as it comes. Closing the stream cancels the request at once."""
        ends = self.endpoint.shutdown_date
        if ends is not None and ends <= date.today():
            # Not asked: a vendor may let another model answer under the old name.
            raise BackendMisconfigured(
                f"{self.endpoint.name}: {self.endpoint.model} was shut down on {ends}; "
                "choose another `model`"
            )
        wanted = _request(messages, sampling or Sampling())
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._timeouts.total
        attempt = 0
        while True:
            silent = True
            try:
                async with aclosing(self._attempt(wanted, attempt, deadline)) as parts:
                    async for part in parts:
                        silent = False
                        yield part
                return
            except Failure as failure:
                pause = failure.pause
                # Once a person has seen words, another attempt would say them twice.
                if not silent or pause is None or attempt >= RETRIES:
                    raise failure.error from failure.__cause__
                if clock() + pause >= deadline:
                    raise failure.error from failure.__cause__
            attempt += pause > 0
            await asyncio.sleep(pause)

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling | None = None
    ) -> Completion:
        """The whole answer at once."""
        completion = Completion("")
        async with aclosing(self.stream(messages, sampling)) as parts:
            async for part in parts:
                if isinstance(part, Text):
                    completion = replace(completion, text=completion.text + part.delta)
                elif isinstance(part, Usage):
                    completion = replace(completion, usage=part)
                else:
                    completion = replace(completion, reason=part.reason)
        return completion

    async def models(self) -> tuple[ModelInfo, ...]:
        """What the server lists, in its order."""
        try:
            return await self._list()
        except Failure as failure:
            raise failure.error from failure.__cause__

    async def name(self) -> str:
        """The model that answers: the configured one, or the first that can chat."""
        try:
            return await self._name()
        except Failure as failure:
            raise failure.error from failure.__cause__

    async def aclose(self) -> None:
        """Give the connections back."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _attempt(
        self, wanted: Mapping[str, Any], attempt: int, deadline: float
    ) -> AsyncGenerator[Text | Usage | End, None]:
        """One request; each way of failing comes out as a Failure."""
        model = await self._name()
        request = self._acceptable({"model": model, **wanted})
        reading = Reading(replace(self.endpoint, model=model))
        try:
            client = await self._connect()
            async with asyncio.timeout_at(deadline):
                answer: AsyncStream[Any] = await client.chat.completions.create(
                    **request, stream=True, extra_headers=self._headers
                )
            async with answer:
                self._check_type(answer)
                while (chunk := await _next(answer, reading, deadline)) is not None:
                    for part in reading.take(chunk):
                        yield part
        except _foreign_errors() as error:
            if not reading.finished:
                raise self._failure(error, request, attempt) from error
        for last in reading.finish():
            yield last

    def _check_type(self, answer: "AsyncStream[Any]") -> None:
        kind = answer.response.headers.get("content-type", "")
        if "html" in kind:
            raise garbled(
                self.endpoint, "sends a web page; does `base_url` end in /v1?"
            )
        if "json" in kind:
            raise garbled(self.endpoint, "does not stream its answers")

    async def _list(self) -> tuple[ModelInfo, ...]:
        try:
            client = await self._connect()
            async with asyncio.timeout(self._timeouts.read):
                page: Any = await client.models.list(extra_headers=self._headers)
        except _foreign_errors() as error:
            raise self._failure(error, {}, 0) from error
        except AttributeError:  # where the SDK expects a page and gets a web page
            page = None
        listed = getattr(page, "data", None)
        if not isinstance(listed, list):
            raise garbled(
                self.endpoint,
                "lists no models but sends something else; does `base_url` end in /v1?",
            )
        return tuple(
            ModelInfo(model.id, _date(getattr(model, "shutdown_date", None)))
            for model in listed
            if isinstance(getattr(model, "id", None), str)
        )

    async def _name(self) -> str:
        if not self.endpoint.model and not self._found:
            self._found = _first_chat(await self._list(), self.endpoint)
        return self.endpoint.model or self._found

    async def _connect(self) -> "AsyncOpenAI":
        async with self._connecting:
            if self._client is None:
                self._client = await asyncio.to_thread(self._make_client)
            return self._client

    def _make_client(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI, Omit, Timeout

        key = self.endpoint.api_key
        times = self._timeouts
        client = AsyncOpenAI(
            base_url=self.endpoint.base_url,
            # None would make it look for OPENAI_API_KEY, which is not for this server.
            api_key=key or "none",
            timeout=Timeout(times.read, connect=times.connect),
            max_retries=0,
        )
        self._headers = {} if key else {"Authorization": Omit()}
        _ = client.chat.completions, client.models  # they import much on first use
        return client

    def _acceptable(self, request: dict[str, Any]) -> dict[str, Any]:
        """The request as this server takes it, by what it refused before."""
        taken = {k: v for k, v in request.items() if k not in self._unwanted}
        if "max_tokens" in request and "max_tokens" in self._unwanted:
            taken["max_completion_tokens"] = request["max_tokens"]
        return taken

    def _failure(
        self, error: Exception, request: Mapping[str, Any], attempt: int
    ) -> Failure:
        """Our error for one of the SDK's, and what can be learnt from it."""
        import openai

        endpoint = replace(self.endpoint, model=request.get("model", ""))
        if isinstance(error, (TimeoutError, openai.APITimeoutError)):
            return Failure(BackendTimeout(f"{endpoint.name}: {self._late(error)}"))
        if isinstance(error, openai.APIConnectionError):
            return unreachable(endpoint, error.__cause__, attempt)
        if not isinstance(error, openai.APIError):
            return garbled(endpoint, f"sends what is no valid answer ({error})")
        refusal = refusal_of(error)
        if refusal.status in (400, 422) and self._learn(refusal, error.param, request):
            return Failure(BackendMisconfigured(refusal.text), 0)
        failure = judge(refusal, endpoint, attempt)
        if refusal.status == 404 and self._found and not self.endpoint.model:
            # The server was restarted with another model: look again.
            self._found, failure.pause = "", FIRST_PAUSE
        return failure

    def _late(self, error: Exception) -> str:
        server, times = self.endpoint.server, self._timeouts
        if isinstance(error, TimeoutError):
            return f"{server} did not finish within {times.total:g} s"
        if type(error.__cause__).__name__ in ("ConnectTimeout", "PoolTimeout"):
            return f"no connection to {server} within {times.connect:g} s"
        return f"{server} was silent for {times.read:g} s"

    def _learn(
        self, refusal: Refusal, param: str | None, request: Mapping[str, Any]
    ) -> bool:
        """Whether the server refused an option that we can do without."""
        if TOO_LONG.search(refusal.message):
            return False
        for option in OPTIONS:
            named = param == option or re.search(rf"\b{option}\b", refusal.message)
            if named and option in request:
                self._unwanted.add(option)
                return True
        return False


def _request(messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
    request: dict[str, Any] = {
        "messages": [message.as_dict() for message in messages],
        "stream_options": {"include_usage": True},
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
    }
    return {key: value for key, value in request.items() if value is not None}


async def _next(
    answer: "AsyncStream[Any]", reading: Reading, deadline: float
) -> Any | None:
    if reading.finished:
        now = asyncio.get_running_loop().time()
        deadline = min(deadline, now + AFTER_FINISH)
    async with asyncio.timeout_at(deadline):
        return await anext(answer, None)


def _foreign_errors() -> tuple[type[Exception], ...]:
    from openai import OpenAIError

    # ValueError: the SDK leaves broken JSON and broken UTF-8 as they are.
    return (OpenAIError, TimeoutError, ValueError)


def _first_chat(listed: Sequence[ModelInfo], endpoint: Endpoint) -> str:
    for model in listed:
        if not NO_CHAT.search(model.id):
            return model.id
    raise Failure(
        BackendUnavailable(
            f"{endpoint.name}: {endpoint.server} lists no chat model; set `model`"
        )
    )


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
