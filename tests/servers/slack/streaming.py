"""Streamed messages: chat.startStream, .appendStream and .stopStream."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .access import Access
from .arguments import Arguments
from .blocks import MARKDOWN_LIMIT, check_message
from .payloads import Payloads
from .workspace import JSON, Message, SlackError, Workspace, rich_text

MODES = frozenset({"timeline", "plan", "dense"})
TASK_STATES = frozenset({"pending", "in_progress", "complete", "error"})
CHUNKS = frozenset({"markdown_text", "task_update", "plan_update", "blocks"})
SECONDS = 300.0
"""How long Slack lets a message grow, steady traffic or not."""


@dataclass
class Stream:
    """A message that grows. `mode` is set by the first content, for good."""

    message: Message
    began: float
    mode: str = ""
    ended: str = ""
    pieces: list[JSON] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What a person reads of it, without the steps."""
        return "".join(piece["text"] for piece in self.pieces if "text" in piece)

    def add_text(self, text: str) -> None:
        if not (self.pieces and "text" in self.pieces[-1]):
            self.pieces.append({"text": ""})
        self.pieces[-1]["text"] += text

    def add(self, chunk: JSON) -> None:
        if chunk["type"] == "markdown_text":
            self.add_text(chunk["text"])
        elif chunk["type"] == "blocks":
            self.pieces.append({"blocks": chunk["blocks"]})
        elif chunk["type"] == "plan_update":
            self._replace("plan", "", chunk)
        else:
            self._replace("task", chunk["id"], chunk)

    def _replace(self, kind: str, id_: str, chunk: JSON) -> None:
        """A step keeps its place; what is said of it anew stands instead of before."""
        for piece in self.pieces:
            if piece.get("kind") == kind and piece["id"] == id_:
                piece["chunk"] |= chunk
                return
        self.pieces.append({"kind": kind, "id": id_, "chunk": dict(chunk)})

    def blocks(self) -> list[JSON]:
        """The message in blocks, in the order in which it came."""
        found: list[JSON] = []
        for piece in self.pieces:
            if "text" in piece:
                found += rich_text(piece["text"])
            elif "blocks" in piece:
                found += piece["blocks"]
            elif piece["kind"] == "task":
                found.append(_task_card(piece["chunk"]))
        return [block | {"block_id": f"b{n + 1}"} for n, block in enumerate(found)]


@dataclass
class Streaming:
    """The three methods, and the streams there are."""

    workspace: Workspace
    payloads: Payloads
    emit: Callable[[JSON], None]
    seconds: float = SECONDS
    streams: dict[tuple[str, str], Stream] = field(default_factory=dict)
    set_session: Callable[[str, str, str], None] = lambda channel, thread, status: None

    def __post_init__(self) -> None:
        self.access = Access(self.workspace)

    def chat_startStream(self, arguments: Arguments) -> JSON:  # noqa: N802
        channel = self.access.writable(arguments)
        thread = arguments.text("thread_ts") or None
        if thread is not None:
            self.workspace.root(channel.id, thread)
        elif channel.kind == "im":
            raise SlackError("invalid_thread_ts")
        if channel.kind != "im":
            if not arguments.text("recipient_team_id"):
                raise SlackError("missing_recipient_team_id")
            if not arguments.text("recipient_user_id"):
                raise SlackError("missing_recipient_user_id")
        if arguments.text("task_display_mode", "timeline") not in MODES:
            raise SlackError("invalid_arguments")
        bot = self.workspace.bot
        message = Message(
            ts=self.workspace.new_ts(),
            channel=channel.id,
            user=bot.id,
            bot_id=bot.bot_id,
            app_id=self.workspace.app_id,
            text="",
            thread_ts=thread,
        )
        stream = Stream(message, time.monotonic())
        _append(stream, arguments, needed=False)
        self.workspace.post(message)
        self.streams[channel.id, message.ts] = stream
        self.emit(self.payloads.message_event(message))
        return {"channel": channel.id, "ts": message.ts}

    def chat_appendStream(self, arguments: Arguments) -> JSON:  # noqa: N802
        stream = self._growing(arguments)
        _append(stream, arguments, needed=True)
        return {"channel": stream.message.channel, "ts": stream.message.ts}

    def chat_stopStream(self, arguments: Arguments) -> JSON:  # noqa: N802
        stream = self._growing(arguments)
        blocks = arguments.structure("blocks")
        blocks = check_message(blocks) if blocks else []
        status = arguments.text("session_status")
        if status and status not in {"active", "processing", "suspended", "closed"}:
            raise SlackError("invalid_arguments")
        before = self.payloads.nested(stream.message)
        _append(stream, arguments, needed=False)
        if blocks:
            stream.pieces.append({"blocks": blocks})
        _show(stream)
        stream.ended = "message_not_in_streaming_state"
        message = stream.message
        if metadata := arguments.structure("metadata"):
            message.metadata = metadata
        if status:
            self.set_session(message.channel, message.thread_ts or "", status)
        self.emit(self.payloads.changed_event(message, before))
        view = self.payloads.message(message, metadata=True)
        return {"channel": message.channel, "ts": message.ts, "message": view}

    def stop_in(self, channel: str, thread: str) -> list[str]:
        """A person pressed Stop: the streams there end; their time stamps."""
        stopped = []
        for (place, ts), stream in self.streams.items():
            here = place == channel and stream.message.thread_ts == thread
            if here and not self._ended(stream):
                stream.ended = "stopped_by_user"
                stopped.append(ts)
        return stopped

    def growing(self, channel: str, ts: str) -> bool:
        """Whether a message is a stream that has not ended."""
        stream = self.streams.get((channel, ts))
        return stream is not None and not self._ended(stream)

    def _growing(self, arguments: Arguments) -> Stream:
        channel = self.access.writable(arguments)
        message = self.workspace.message(channel.id, arguments.required("ts"))
        if message.user != self.workspace.bot.id:
            raise SlackError("message_not_owned_by_app")
        stream = self.streams.get((channel.id, message.ts))
        if stream is None:
            raise SlackError("message_not_in_streaming_state")
        if ended := self._ended(stream):
            raise SlackError(ended)
        return stream

    def _ended(self, stream: Stream) -> str:
        if not stream.ended and time.monotonic() - stream.began > self.seconds:
            stream.ended = "message_not_in_streaming_state"
        return stream.ended


def _append(stream: Stream, arguments: Arguments, *, needed: bool) -> None:
    text, chunks = arguments.text("markdown_text"), arguments.structure("chunks")
    if not (text or chunks):
        if needed:
            raise SlackError("no_text")
        return
    mode = "chunks" if chunks else "text"
    if (text and chunks) or stream.mode not in ("", mode):
        raise SlackError("streaming_mode_mismatch")
    if len(text) > MARKDOWN_LIMIT:
        raise SlackError("msg_too_long")
    checked = [_check(chunk) for chunk in chunks or []]
    stream.mode = mode
    if text:
        stream.add_text(text)
    for chunk in checked:
        stream.add(chunk)
    _show(stream)


def _show(stream: Stream) -> None:
    stream.message.text = stream.text
    stream.message.blocks = stream.blocks()


def _check(chunk: Any) -> JSON:
    if not isinstance(chunk, dict) or chunk.get("type") not in CHUNKS:
        raise SlackError("invalid_chunks")
    kind = chunk["type"]
    needed = {
        "markdown_text": ("text",),
        "plan_update": ("title",),
        "task_update": ("id", "title", "status"),
        "blocks": ("blocks",),
    }[kind]
    if not all(chunk.get(name) for name in needed):
        raise SlackError("invalid_chunks")
    if kind == "markdown_text" and len(chunk["text"]) > MARKDOWN_LIMIT:
        raise SlackError("msg_too_long")
    if kind == "task_update" and chunk["status"] not in TASK_STATES:
        raise SlackError("invalid_chunks")
    if kind == "blocks":
        return chunk | {"blocks": check_message(chunk["blocks"])}
    checked: JSON = chunk
    return checked


def _task_card(task: JSON) -> JSON:
    kept = {key: task[key] for key in ("title", "status", "sources") if task.get(key)}
    card = {"type": "task_card", "task_id": task["id"]} | kept
    for name in ("details", "output"):
        if task.get(name):
            card[name] = rich_text(task[name])[0]
    return card
