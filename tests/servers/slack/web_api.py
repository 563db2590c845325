"""The Web API of the local workspace, one Python method for each of Slack's."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .access import Access, blocks_of, text_of
from .agents import Agents
from .arguments import Arguments, page
from .blocks import check_message
from .directory import Directory
from .files import Files
from .payloads import Payloads
from .streaming import Streaming
from .views import Triggers, Views
from .workspace import JSON, Message, SlackError, Workspace

POST_LIMIT = 40_000
UPDATE_LIMIT = 4_000
UPDATED = frozenset(
    {"type", "user", "text", "team", "bot_id", "blocks", "edited", "metadata"}
)

HISTORY = "channels:history,groups:history,im:history,mpim:history"
READ = "channels:read,groups:read,im:read,mpim:read"
SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.delete": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.startStream": "chat:write",
    "chat.appendStream": "chat:write",
    "chat.stopStream": "chat:write",
    "agents.sessions.setStatus": "chat:write",
    "agents.sessions.rename": "chat:write",
    "assistant.threads.setStatus": "chat:write",
    "assistant.threads.setTitle": "assistant:write",
    "assistant.threads.setSuggestedPrompts": "assistant:write",
    "conversations.history": HISTORY,
    "conversations.replies": HISTORY,
    "conversations.info": READ,
    "conversations.list": READ,
    "conversations.members": READ,
    "users.conversations": READ,
    "conversations.open": "im:write,mpim:write",
    "files.info": "files:read",
    "files.list": "files:read",
    "users.info": "users:read",
    "users.list": "users:read",
    "usergroups.list": "usergroups:read",
    "usergroups.users.list": "usergroups:read",
    "bots.info": "users:read",
    "team.info": "team:read",
    "reactions.add": "reactions:write",
    "reactions.remove": "reactions:write",
    "reactions.get": "reactions:read",
}


@dataclass
class WebApi:
    """Carries out Web API calls on a workspace; events go out through `emit`."""

    workspace: Workspace
    payloads: Payloads
    emit: Callable[[JSON], None]
    ephemerals: list[JSON] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.access = Access(self.workspace)
        self.agents = Agents(self.workspace, self.emit)
        self.directory = Directory(self.workspace, self.payloads)
        self.files = Files(self.workspace)
        self.streaming = Streaming(self.workspace, self.payloads, self.emit)
        self.streaming.set_session = self._set_session
        self.modals = Views(self.workspace)
        self._parts = (
            *(self, self.agents, self.directory, self.files),
            *(self.streaming, self.modals),
        )

    @property
    def statuses(self) -> list[JSON]:
        """Each line under a thread that was set."""
        return self.agents.statuses

    @property
    def views(self) -> list[JSON]:
        """Each modal that was opened."""
        return self.modals.opened

    @property
    def triggers(self) -> Triggers:
        return self.modals.triggers

    def find(self, method: str) -> Callable[[Arguments], JSON]:
        """The Python method that carries out e.g. `chat.postMessage`."""
        name = method.replace(".", "_")
        for part in self._parts:
            found: Callable[[Arguments], JSON] | None = getattr(part, name, None)
            if found is not None and "." in method:
                return found
        raise SlackError("unknown_method", req_method=method)

    def chat_postMessage(self, arguments: Arguments) -> JSON:  # noqa: N802
        channel = self.access.writable(arguments)
        message = Message(
            ts=self.workspace.new_ts(),
            channel=channel.id,
            user=self.workspace.bot.id,
            bot_id=self.workspace.bot.bot_id,
            app_id=self.workspace.app_id,
            text=text_of(arguments, POST_LIMIT),
            thread_ts=arguments.text("thread_ts") or None,
            blocks=blocks_of(arguments),
            metadata=arguments.structure("metadata"),
        )
        self.workspace.post(message)
        self.emit(self.payloads.message_event(message))
        view = self.payloads.message(message, metadata=True)
        return {"channel": channel.id, "ts": message.ts, "message": view}

    def chat_update(self, arguments: Arguments) -> JSON:
        channel = self.access.writable(arguments)
        ts = arguments.required("ts")
        message = self.access.own(channel, ts, "cant_update_message")
        if self.streaming.growing(channel.id, ts):
            raise SlackError("streaming_state_conflict")
        text = text_of(arguments, UPDATE_LIMIT)
        blocks = blocks_of(arguments)
        before = self.payloads.nested(message)
        self.workspace.edit(message, text, self.workspace.bot.id)
        message.blocks = blocks
        if metadata := arguments.structure("metadata"):
            message.metadata = metadata
        self.emit(self.payloads.changed_event(message, before))
        view = self.payloads.message(message, metadata=True)
        return {
            "channel": channel.id,
            "ts": message.ts,
            "text": text,
            "message": {key: view[key] for key in UPDATED if key in view},
        }

    def chat_delete(self, arguments: Arguments) -> JSON:
        channel = self.access.writable(arguments)
        ts = arguments.required("ts")
        message = self.access.own(channel, ts, "cant_delete_message")
        before = self.payloads.nested(message)
        self.workspace.delete(message)
        self.emit(self.payloads.deleted_event(message, before))
        return {"channel": channel.id, "ts": message.ts}

    def chat_postEphemeral(self, arguments: Arguments) -> JSON:  # noqa: N802
        channel = self.access.writable(arguments)
        user = self.workspace.user(arguments.required("user")).id
        if user not in channel.members:
            raise SlackError("user_not_in_channel")
        text = text_of(arguments, POST_LIMIT)
        thread = arguments.text("thread_ts") or None
        seen: JSON = {"channel": channel.id, "user": user}
        seen |= {"text": text, "thread_ts": thread}
        if blocks := blocks_of(arguments):
            seen["blocks"] = blocks
        self.ephemerals.append(seen)
        return {"message_ts": self.workspace.new_ts()}

    def chat_getPermalink(self, arguments: Arguments) -> JSON:  # noqa: N802
        channel = self.access.readable(arguments)
        ts = self.workspace.message(channel.id, arguments.required("message_ts")).ts
        path = f"archives/{channel.id}/p{ts.replace('.', '')}"
        link = f"https://local.slack.test/{path}"
        return {"channel": channel.id, "permalink": link}

    def conversations_replies(self, arguments: Arguments) -> JSON:
        channel = self.access.readable(arguments)
        if reply := self.workspace.reply(channel.id, arguments.required("ts")):
            return self._list([reply], arguments, 1000)
        root = self.workspace.root(channel.id, arguments.required("ts"))
        replies = self.workspace.messages(channel.id, root.ts)[1:]
        # The root stands first whatever the window: so does Slack's answer.
        return self._list([root, *_window(replies, arguments)], arguments, 1000)

    def conversations_history(self, arguments: Arguments) -> JSON:
        channel = self.access.readable(arguments)
        top = [m for m in self.workspace.messages(channel.id) if not m.is_reply]
        newest_first = _window(top, arguments)[::-1]
        answer = self._list(newest_first, arguments, 100)
        return answer | {"pin_count": 0}

    def reactions_add(self, arguments: Arguments) -> JSON:
        message, users = self._reactions(arguments)
        bot, name = self.workspace.bot.id, arguments.text("name")
        if bot in users:
            raise SlackError("already_reacted")
        users.append(bot)
        self.emit(self.payloads.reaction_event("reaction_added", message, bot, name))
        return {}

    def reactions_remove(self, arguments: Arguments) -> JSON:
        message, users = self._reactions(arguments)
        bot, name = self.workspace.bot.id, arguments.text("name")
        if bot not in users:
            raise SlackError("no_reaction")
        users.remove(bot)
        self.emit(self.payloads.reaction_event("reaction_removed", message, bot, name))
        return {}

    def reactions_get(self, arguments: Arguments) -> JSON:
        channel = self.access.readable(arguments)
        ts = arguments.required("timestamp", "message_not_found")
        message = self.workspace.message(channel.id, ts)
        view = self.payloads.message(message)
        return {"type": "message", "channel": channel.id, "message": view}

    def blocks_validate(self, arguments: Arguments) -> JSON:
        check_message(arguments.structure("blocks") or [])
        return {}

    def _reactions(self, arguments: Arguments) -> tuple[Message, list[str]]:
        channel = self.access.readable(arguments)
        ts = arguments.required("timestamp", "message_not_found")
        message = self.workspace.message(channel.id, ts)
        name = arguments.required("name", "invalid_name")
        return message, message.reactions.setdefault(name, [])

    def _set_session(self, channel: str, thread: str, status: str) -> None:
        self.agents.set_session(channel, thread, status)

    def _list(self, found: list[Message], arguments: Arguments, default: int) -> JSON:
        metadata = arguments.flag("include_all_metadata")
        views = [self.payloads.message(m, metadata=metadata) for m in found]
        items, cursor = page(views, arguments, default)
        answer: JSON = {"messages": items, "has_more": bool(cursor)}
        if cursor:
            answer["response_metadata"] = {"next_cursor": cursor}
        return answer


def _window(found: list[Message], arguments: Arguments) -> list[Message]:
    """The messages between `oldest` and `latest`, the ends only if `inclusive`."""
    oldest = float(arguments.text("oldest") or 0)
    latest = float(arguments.text("latest") or "inf")
    ends = {oldest, latest} if arguments.flag("inclusive") else set()
    return [m for m in found if oldest < float(m.ts) < latest or float(m.ts) in ends]
