"""The agent's surface: sessions, the line under a thread, suggested prompts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .access import Access
from .arguments import Arguments
from .workspace import JSON, SlackError, Workspace

STATUSES = frozenset({"active", "processing", "suspended", "closed"})
TITLE_LIMIT = 200
LOADING_MESSAGES = 10
PROMPTS = 4


@dataclass
class Agents:
    """agents.sessions.* and assistant.threads.*"""

    workspace: Workspace
    emit: Callable[[JSON], None]
    statuses: list[JSON] = field(default_factory=list)
    sessions: dict[tuple[str, str], JSON] = field(default_factory=dict)
    prompts: dict[tuple[str, str], JSON] = field(default_factory=dict)
    stop_is_subscribed: bool = True

    def __post_init__(self) -> None:
        self.access = Access(self.workspace)

    def agents_sessions_setStatus(self, arguments: Arguments) -> JSON:  # noqa: N802
        channel = self.access.writable(arguments, "channel_id")
        thread = self._thread(channel.id, arguments)
        status = arguments.required("status")
        if status not in STATUSES:
            raise SlackError("invalid_arguments")
        title = _title(arguments)
        session = self.set_session(channel.id, thread, status, title)
        answer: JSON = {"status": status, "agent_status": status}
        if session["title"]:
            answer["title"] = session["title"]
        if status == "processing" and not self.stop_is_subscribed:
            answer["warning"] = "missing_agent_session_stopped_event_subscription"
        return answer

    def set_session(
        self, channel: str, thread: str, status: str, title: str = ""
    ) -> JSON:
        """The session after it; a title counts only for a new one."""
        new = {"channel": channel, "thread_ts": thread, "title": title}
        session = self.sessions.setdefault((channel, thread), new | {"history": []})
        session["status"] = status
        session["history"].append(status)
        return session

    def agents_sessions_rename(self, arguments: Arguments) -> JSON:
        channel = self.access.writable(arguments, "channel_id")
        thread = self._thread(channel.id, arguments)
        title = _title(arguments)
        if not title:
            raise SlackError("invalid_arguments")
        if (channel.id, thread) not in self.sessions:
            raise SlackError("session_not_found")
        self.sessions[channel.id, thread]["title"] = title
        return {"title": title}

    def assistant_threads_setStatus(self, arguments: Arguments) -> JSON:  # noqa: N802
        channel = self.access.readable(arguments, "channel_id")
        thread = self.workspace.root(channel.id, arguments.required("thread_ts")).ts
        messages = arguments.structure("loading_messages") or []
        if len(messages) > LOADING_MESSAGES:
            raise SlackError("invalid_arguments")
        seen: JSON = {"channel": channel.id, "thread_ts": thread}
        seen |= {"status": arguments.text("status"), "loading_messages": messages}
        self.statuses.append(seen)
        return {}

    def assistant_threads_setTitle(self, arguments: Arguments) -> JSON:  # noqa: N802
        channel = self.access.readable(arguments, "channel_id")
        self.workspace.root(channel.id, arguments.required("thread_ts"))
        if not _title(arguments):
            raise SlackError("invalid_arguments")
        return {}

    def assistant_threads_setSuggestedPrompts(  # noqa: N802
        self, arguments: Arguments
    ) -> JSON:
        channel = self.access.readable(arguments, "channel_id")
        if channel.kind != "im":
            raise SlackError("channel_type_not_supported")
        prompts: Any = arguments.structure("prompts")
        if not isinstance(prompts, list) or not 1 <= len(prompts) <= PROMPTS:
            raise SlackError("invalid_arguments")
        if not all(prompt.get("title") and prompt.get("message") for prompt in prompts):
            raise SlackError("invalid_arguments")
        title = arguments.text("title")
        shown = {"prompts": prompts, "title": title}
        self.prompts[channel.id, arguments.text("thread_ts")] = shown
        return {}

    def _thread(self, channel: str, arguments: Arguments) -> str:
        return self.workspace.root(channel, arguments.required("thread_ts")).ts


def _title(arguments: Arguments) -> str:
    title = arguments.text("title")
    if len(title) > TITLE_LIMIT:
        raise SlackError("invalid_arguments")
    return title
