"""Reads what a chat API streams: its chunks in, ours out."""

from collections.abc import Iterator
from typing import Any

from backends.base import (
    BackendRefused,
    BackendUnavailable,
    End,
    EndReason,
    Text,
    Usage,
)
from backends.chat_failures import FIRST_PAUSE, Failure, garbled
from backends.chat_types import Endpoint

CUT_OFF = frozenset({"length", "max_tokens", "model_length"})
DECLINED = frozenset({"content_filter", "refusal", "safety"})
BROKEN = frozenset({"error", "abort", "cancelled", "tool_calls", "function_call"})


class Reading:
    """One answer while it is read. Servers send odd things: nothing is believed."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._aloud = WithoutThinking()
        self._usage: Usage | None = None
        self._refusal = ""
        self._reason = ""

    @property
    def finished(self) -> bool:
        """Whether the server said why the answer ended; before that it is cut off."""
        return bool(self._reason)

    def take(self, chunk: Any) -> Iterator[Text]:
        """The text in one chunk of the server."""
        self._count(getattr(chunk, "usage", None))
        choices = getattr(chunk, "choices", None)
        if not isinstance(choices, list):
            raise garbled(self._endpoint, "streams what is no chat completion")
        for choice in choices[:1]:
            delta = getattr(choice, "delta", None)
            content = getattr(delta, "content", None)
            if isinstance(content, str) and (text := self._aloud.feed(content)):
                yield Text(text)
            refusal = getattr(delta, "refusal", None)
            self._refusal += refusal if isinstance(refusal, str) else ""
            reason = getattr(choice, "finish_reason", None)
            self._reason = reason if isinstance(reason, str) else self._reason

    def finish(self) -> Iterator[Text | Usage | End]:
        """After the last chunk: the token counts and the end."""
        if not self._reason:
            raise Failure(
                BackendUnavailable(
                    f"{self._endpoint.name}: the answer of {self._endpoint.server} "
                    "broke off (no finish_reason)"
                ),
                FIRST_PAUSE,
            )
        if rest := self._aloud.finish():
            yield Text(rest)
        if self._usage is not None:
            yield self._usage
        yield End(self._end())

    def _end(self) -> EndReason:
        if self._refusal or self._reason in DECLINED:
            said = self._refusal or f"finish_reason {self._reason!r}"
            message = f"{self._endpoint.name}: the model declines ({said})"
            raise Failure(BackendRefused(message))
        if self._reason in BROKEN:
            raise garbled(
                self._endpoint, f"gave the answer up (finish_reason {self._reason!r})"
            )
        return EndReason.LENGTH if self._reason in CUT_OFF else EndReason.COMPLETE

    def _count(self, usage: Any) -> None:
        read = getattr(usage, "prompt_tokens", None)
        written = getattr(usage, "completion_tokens", None)
        if isinstance(read, int) and isinstance(written, int):
            self._usage = Usage(read, written)


class WithoutThinking:
    """Drops a `<think>…</think>` that leads an answer.

    Reasoning models write it where their server does not take it apart.
    """

    OPEN, CLOSE = "<think>", "</think>"

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def feed(self, delta: str) -> str:
        if self._state == "answer":
            return delta
        self._held += delta
        if self._state == "start":
            self._held = self._held.lstrip()
            if self.OPEN.startswith(self._held[: len(self.OPEN)]):
                if len(self._held) < len(self.OPEN):
                    return ""
                self._state = "thinking"
            else:
                return self._release()
        if self._state == "thinking":
            _, closed, rest = self._held.partition(self.CLOSE)
            if not closed:
                self._held = self._held[-len(self.CLOSE) :]
                return ""
            self._held, self._state = rest, "after"
        self._held = self._held.lstrip()
        return self._release() if self._held else ""

    def finish(self) -> str:
        """What looked like the start of a thought and was none."""
        return self._release() if self._state == "start" else ""

    def _release(self) -> str:
        text, self._held, self._state = self._held, "", "answer"
        return text
