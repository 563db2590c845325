"""The state of the local workspace: people, channels, messages, threads, reactions."""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

JSON = dict[str, Any]
Kind = Literal["channel", "group", "im", "mpim"]

MENTION = re.compile(r"<@(\w+)>")


class SlackError(Exception):
    """An answer with `ok: false`."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra


@dataclass(frozen=True)
class User:
    """A person, or another bot of the workspace."""

    id: str
    name: str
    admin: bool = False
    owner: bool = False
    bot_id: str | None = None
    locale: str = "en-GB"


@dataclass
class Channel:
    """A public or private channel, a direct message, or a group of people."""

    id: str
    name: str
    kind: Kind
    members: set[str]
    created: int = field(default_factory=lambda: int(time.time()))
    archived: bool = False


@dataclass
class Message:
    """One message as the workspace keeps it."""

    ts: str
    channel: str
    user: str
    text: str
    thread_ts: str | None = None
    subtype: str | None = None
    bot_id: str | None = None
    app_id: str | None = None
    client_msg_id: str | None = None
    blocks: list[JSON] = field(default_factory=list)
    files: list[JSON] = field(default_factory=list)
    metadata: JSON | None = None
    edited: JSON | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts


class Workspace:
    """Everything the fake knows; pure state, without any network."""

    def __init__(self, number: int = 1) -> None:
        self.team_id = f"T{number:08d}"
        self.team_name = "Local" if number == 1 else f"Local {number}"
        self.enterprise_id: str | None = None
        self.app_id = "A00000001"
        first = 1 + (number - 1) * 1_000_000
        self.bot = User(f"U{first:08d}", "curbside", bot_id=f"B{first:08d}")
        self.users: dict[str, User] = {self.bot.id: self.bot}
        self.channels: dict[str, Channel] = {}
        self._messages: dict[str, list[Message]] = {}
        self._numbers = count(first + 1)
        self._last_ts = 0

    def new_id(self, letter: str) -> str:
        return f"{letter}{next(self._numbers):08d}"

    def new_ts(self) -> str:
        """A time stamp that no other message of the workspace has."""
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        seconds, micros = divmod(self._last_ts, 1_000_000)
        return f"{seconds}.{micros:06d}"

    def user(self, key: str) -> User:
        """A person by id or by name."""
        for user in self.users.values():
            if key in (user.id, user.name):
                return user
        raise SlackError("user_not_found")

    def channel(self, key: str) -> Channel:
        """A channel by id or by name, with or without the leading `#`."""
        for channel in self.channels.values():
            if key.removeprefix("#") in (channel.id, channel.name):
                return channel
        raise SlackError("channel_not_found")

    def add_user(
        self,
        name: str,
        *,
        admin: bool = False,
        owner: bool = False,
        bot: bool = False,
        locale: str = "en-GB",
    ) -> User:
        bot_id = self.new_id("B") if bot else None
        user = User(self.new_id("U"), name, admin, owner, bot_id, locale)
        self.users[user.id] = user
        return user

    def add_channel(self, name: str, kind: Kind, members: Iterable[str]) -> Channel:
        letter = {"channel": "C", "group": "G", "im": "D", "mpim": "G"}[kind]
        channel = Channel(self.new_id(letter), name, kind, set(members))
        self.channels[channel.id] = channel
        self._messages[channel.id] = []
        return channel

    def direct(self, users: Iterable[str]) -> Channel:
        """The direct (or group) message of the bot with these people."""
        members = {self.bot.id, *users}
        kind: Kind = "im" if len(members) == 2 else "mpim"
        for channel in self.channels.values():
            if channel.kind == kind and channel.members == members:
                return channel
        names = "-".join(sorted(self.users[user].name for user in members))
        return self.add_channel(f"{kind}-{names}", kind, members)

    def messages(self, channel: str, thread: str | None = None) -> list[Message]:
        """All messages of a channel, or one thread with its root, oldest first."""
        found = self._messages[channel]
        if thread is None:
            return list(found)
        return [m for m in found if thread in (m.ts, m.thread_ts)]

    def message(self, channel: str, ts: str) -> Message:
        for message in self._messages[channel]:
            if message.ts == ts:
                return message
        raise SlackError("message_not_found")

    def reply(self, channel: str, ts: str) -> Message | None:
        """The message with this ts, if it is one inside a thread."""
        found = (m for m in self._messages[channel] if m.ts == ts and m.is_reply)
        return next(found, None)

    def root(self, channel: str, ts: str) -> Message:
        """The first message of a thread; a deleted root takes its thread along."""
        for message in self._messages[channel]:
            if message.ts == ts and not message.is_reply:
                return message
        raise SlackError("thread_not_found")

    def post(self, message: Message) -> Message:
        if message.thread_ts is not None:
            self.root(message.channel, message.thread_ts).thread_ts = message.thread_ts
        self._messages[message.channel].append(message)
        return message

    def edit(self, message: Message, text: str, editor: str) -> None:
        message.text = text
        message.blocks = rich_text(text)
        message.edited = {"user": editor, "ts": self.new_ts()}

    def delete(self, message: Message) -> None:
        self._messages[message.channel].remove(message)


def rich_text(text: str) -> list[JSON]:
    """The block that Slack's own clients add to what a person types."""
    elements: list[JSON] = []
    for index, part in enumerate(MENTION.split(text)):
        if index % 2:
            elements.append({"type": "user", "user_id": part})
        elif part:
            elements.append({"type": "text", "text": part})
    section = {"type": "rich_text_section", "elements": elements}
    return [{"type": "rich_text", "block_id": "b1", "elements": [section]}]
