"""The Web API of the local workspace, one method of `WebApi` for each of Slack's."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .arguments import Arguments, page
from .payloads import KINDS, Payloads
from .workspace import JSON, Channel, Message, SlackError, Workspace

POST_LIMIT = 40_000
UPDATE_LIMIT = 4_000
MARKDOWN_LIMIT = 12_000
SECTION_LIMIT = 3_000

HISTORY = "channels:history,groups:history,im:history,mpim:history"
READ = "channels:read,groups:read,im:read,mpim:read"
SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.delete": "chat:write",
    "chat.postEphemeral": "chat:write",
    "assistant.threads.setStatus": "chat:write",
    "conversations.history": HISTORY,
    "conversations.replies": HISTORY,
    "conversations.info": READ,
    "users.conversations": READ,
    "conversations.open": "im:write,mpim:write",
    "users.info": "users:read",
    "bots.info": "users:read",
    "team.info": "team:read",
    "reactions.add": "reactions:write",
}


@dataclass
class WebApi:
    """Carries out Web API calls on a workspace; events go out through `emit`."""

    workspace: Workspace
    payloads: Payloads
    emit: Callable[[JSON], None]
    statuses: list[JSON] = field(default_factory=list)
    ephemerals: list[JSON] = field(default_factory=list)
    views: list[JSON] = field(default_factory=list)
    triggers: set[str] = field(default_factory=set)

    def find(self, method: str) -> Callable[[Arguments], JSON]:
        """The method of this class that carries out e.g. `chat.postMessage`."""
        found = getattr(self, method.replace(".", "_"), None)
        if found is None or "." not in method:
            raise SlackError("unknown_method", req_method=method)
        carry_out: Callable[[Arguments], JSON] = found
        return carry_out

    def auth_test(self, arguments: Arguments) -> JSON:
        bot = self.workspace.bot
        return {
            "url": "https://local.slack.test/",
            "team": "Local",
            "user": bot.name,
            "team_id": self.workspace.team_id,
            "user_id": bot.id,
            "bot_id": bot.bot_id,
            "is_enterprise_install": False,
        }

    def chat_postMessage(self, arguments: Arguments) -> JSON:  # noqa: N802
        channel = self._writable(arguments)
        message = Message(
            ts=self.workspace.new_ts(),
            channel=channel.id,
            user=self.workspace.bot.id,
            bot_id=self.workspace.bot.bot_id,
            app_id=self.workspace.app_id,
            text=_text(arguments, POST_LIMIT),
            thread_ts=arguments.text("thread_ts") or None,
            blocks=_blocks(arguments),
            metadata=arguments.structure("metadata"),
        )
        self.workspace.post(message)
        self.emit(self.payloads.message_event(message))
        view = self.payloads.message(message, metadata=True)
        return {"channel": channel.id, "ts": message.ts, "message": view}

    def chat_update(self, arguments: Arguments) -> JSON:
        channel = self._writable(arguments)
        message = self._own(channel, arguments.required("ts"), "cant_update_message")
        text = _text(arguments, UPDATE_LIMIT)
        before = self.payloads.nested(message)
        self.workspace.edit(message, text, self.workspace.bot.id)
        message.blocks = _blocks(arguments)
        if metadata := arguments.structure("metadata"):
            message.metadata = metadata
        self.emit(self.payloads.changed_event(message, before))
        view = self.payloads.message(message, metadata=True)
        kept = (
            "type",
            "user",
            "text",
            "team",
            "bot_id",
            "blocks",
            "edited",
            "metadata",
        )
        return {
            "channel": channel.id,
            "ts": message.ts,
            "text": text,
            "message": {key: view[key] for key in kept if key in view},
        }

    def chat_delete(self, arguments: Arguments) -> JSON:
        channel = self._writable(arguments)
        message = self._own(channel, arguments.required("ts"), "cant_delete_message")
        before = self.payloads.nested(message)
        self.workspace.delete(message)
        self.emit(self.payloads.deleted_event(message, before))
        return {"channel": channel.id, "ts": message.ts}

    def chat_postEphemeral(self, arguments: Arguments) -> JSON:  # noqa: N802
        channel = self._writable(arguments)
        user = self.workspace.user(arguments.required("user")).id
        if user not in channel.members:
            raise SlackError("user_not_in_channel")
        text = _text(arguments, POST_LIMIT)
        thread = arguments.text("thread_ts") or None
        seen = {"channel": channel.id, "user": user, "text": text, "thread_ts": thread}
        self.ephemerals.append(seen)
        return {"message_ts": self.workspace.new_ts()}

    def chat_getPermalink(self, arguments: Arguments) -> JSON:  # noqa: N802
        channel = self._readable(arguments)
        ts = self.workspace.message(channel.id, arguments.required("message_ts")).ts
        path = f"archives/{channel.id}/p{ts.replace('.', '')}"
        link = f"https://local.slack.test/{path}"
        return {"channel": channel.id, "permalink": link}

    def conversations_replies(self, arguments: Arguments) -> JSON:
        channel = self._readable(arguments)
        if reply := self.workspace.reply(channel.id, arguments.required("ts")):
            return self._list([reply], arguments, 1000)
        root = self.workspace.root(channel.id, arguments.required("ts"))
        replies = self.workspace.messages(channel.id, root.ts)[1:]
        # The root stands first whatever the window: so does Slack's answer.
        return self._list([root, *_window(replies, arguments)], arguments, 1000)

    def conversations_history(self, arguments: Arguments) -> JSON:
        channel = self._readable(arguments)
        top = [m for m in self.workspace.messages(channel.id) if not m.is_reply]
        newest_first = _window(top, arguments)[::-1]
        answer = self._list(newest_first, arguments, 100)
        return answer | {"pin_count": 0}

    def conversations_info(self, arguments: Arguments) -> JSON:
        channel = self._visible(arguments)
        view = self.payloads.channel(channel)
        if channel.kind != "im":
            view["is_member"] = self.workspace.bot.id in channel.members
        if arguments.flag("include_num_members"):
            view["num_members"] = len(channel.members)
        return {"channel": view}

    def conversations_open(self, arguments: Arguments) -> JSON:
        names = arguments.required("users", "users_list_not_supplied").split(",")
        people = [self.workspace.user(name).id for name in names]
        return {"channel": {"id": self.workspace.direct(people).id}}

    def users_info(self, arguments: Arguments) -> JSON:
        user = self.workspace.user(arguments.required("user", "user_not_found"))
        return {"user": self.payloads.user(user)}

    def users_conversations(self, arguments: Arguments) -> JSON:
        wanted = arguments.text("types", "public_channel").split(",")
        names = ("public_channel", "private_channel", "im", "mpim")
        kinds = {
            kind for kind, name in zip(KINDS, names, strict=True) if name in wanted
        }
        found = [
            self.payloads.channel(channel)
            for channel in self.workspace.channels.values()
            if channel.kind in kinds and self.workspace.bot.id in channel.members
            if not (channel.archived and arguments.flag("exclude_archived"))
        ]
        items, cursor = page(found, arguments, 100)
        return {"channels": items, "response_metadata": {"next_cursor": cursor}}

    def reactions_add(self, arguments: Arguments) -> JSON:
        channel = self._readable(arguments)
        ts = arguments.required("timestamp", "message_not_found")
        message = self.workspace.message(channel.id, ts)
        name = arguments.required("name", "invalid_name")
        users = message.reactions.setdefault(name, [])
        if self.workspace.bot.id in users:
            raise SlackError("already_reacted")
        users.append(self.workspace.bot.id)
        bot = self.workspace.bot.id
        event = self.payloads.reaction_event("reaction_added", message, bot, name)
        self.emit(event)
        return {}

    def assistant_threads_setStatus(self, arguments: Arguments) -> JSON:  # noqa: N802
        channel = self._readable(arguments, "channel_id")
        thread = self.workspace.root(channel.id, arguments.required("thread_ts")).ts
        status = {"channel": channel.id, "thread_ts": thread}
        self.statuses.append(status | {"status": arguments.text("status")})
        return {}

    def views_open(self, arguments: Arguments) -> JSON:
        trigger = arguments.required("trigger_id")
        if trigger not in self.triggers:
            raise SlackError("expired_trigger_id")
        self.triggers.remove(trigger)
        return self._view(arguments)

    def views_publish(self, arguments: Arguments) -> JSON:
        self.workspace.user(arguments.required("user_id"))
        return self._view(arguments)

    def bots_info(self, arguments: Arguments) -> JSON:
        wanted = arguments.required("bot", "bot_not_found")
        for user in self.workspace.users.values():
            if user.bot_id == wanted:
                profile = self.payloads.bot_profile(user)
                return {"bot": profile | {"user_id": user.id}}
        raise SlackError("bot_not_found")

    def team_info(self, arguments: Arguments) -> JSON:
        team = {"id": self.workspace.team_id, "name": "Local", "domain": "local"}
        return {"team": team}

    def _view(self, arguments: Arguments) -> JSON:
        given = arguments.structure("view")
        if not isinstance(given, dict) or given.get("type") not in {"modal", "home"}:
            raise SlackError("invalid_arguments")
        team, bot = self.workspace.team_id, self.workspace.bot.bot_id
        view = given | {"id": self.workspace.new_id("V"), "team_id": team}
        view |= {"app_id": self.workspace.app_id, "bot_id": bot, "hash": "1.1"}
        self.views.append(view)
        return {"view": view}

    def _list(self, found: list[Message], arguments: Arguments, default: int) -> JSON:
        metadata = arguments.flag("include_all_metadata")
        views = [self.payloads.message(m, metadata=metadata) for m in found]
        items, cursor = page(views, arguments, default)
        answer: JSON = {"messages": items, "has_more": bool(cursor)}
        if cursor:
            answer["response_metadata"] = {"next_cursor": cursor}
        return answer

    def _visible(self, arguments: Arguments, name: str = "channel") -> Channel:
        """A channel that the bot may know of: public, or it is in there."""
        key = arguments.required(name, "channel_not_found")
        channel = self.workspace.channel(key)
        if channel.kind != "channel" and self.workspace.bot.id not in channel.members:
            raise SlackError("channel_not_found")
        return channel

    def _readable(self, arguments: Arguments, name: str = "channel") -> Channel:
        channel = self._visible(arguments, name)
        if self.workspace.bot.id not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def _writable(self, arguments: Arguments) -> Channel:
        channel = self._visible(arguments)
        if channel.archived:
            raise SlackError("is_archived")
        return self._readable(arguments)

    def _own(self, channel: Channel, ts: str, error: str) -> Message:
        message = self.workspace.message(channel.id, ts)
        if message.user != self.workspace.bot.id:
            raise SlackError(error)
        return message


def _text(arguments: Arguments, limit: int) -> str:
    markdown = arguments.text("markdown_text")
    text = arguments.text("text")
    if markdown and (text or arguments.structure("blocks")):
        raise SlackError("markdown_text_conflict")
    if len(text) > limit or len(markdown) > MARKDOWN_LIMIT:
        raise SlackError("msg_too_long")
    if not (text or markdown or arguments.structure("blocks")):
        raise SlackError("no_text")
    return text or markdown


def _blocks(arguments: Arguments) -> list[JSON]:
    blocks: list[JSON] = arguments.structure("blocks") or []
    sections = [block["text"] for block in blocks if block.get("type") == "section"]
    if len(blocks) > 50 or any(len(s["text"]) > SECTION_LIMIT for s in sections):
        raise SlackError("invalid_blocks")
    return blocks


def _window(found: list[Message], arguments: Arguments) -> list[Message]:
    """The messages between `oldest` and `latest`, the ends only if `inclusive`."""
    oldest = float(arguments.text("oldest") or 0)
    latest = float(arguments.text("latest") or "inf")
    ends = {oldest, latest} if arguments.flag("inclusive") else set()
    return [m for m in found if oldest < float(m.ts) < latest or float(m.ts) in ends]
