"""What a local Discord is made of: its records, and the bits they carry."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntFlag
from typing import Any

Payload = dict[str, Any]

DISCORD_EPOCH_MS = 1_420_070_400_000

TEXT_CHANNEL, DM_CHANNEL, PUBLIC_THREAD, FORUM = 0, 1, 11, 15
DEFAULT_MESSAGE, REPLY, COMMAND_ANSWER, MENU_ANSWER = 0, 19, 20, 23

SUPPRESS_EMBEDS, HAS_THREAD, EPHEMERAL, LOADING = 1 << 2, 1 << 5, 1 << 6, 1 << 7
VOICE, SNAPSHOT, COMPONENTS_V2 = 1 << 13, 1 << 14, 1 << 15

TAG_REQUIRED = 1 << 4
"""A flag of forums: each post must carry a tag."""


class Permission(IntFlag):
    """The permission bits that something here looks at."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    SEND_MESSAGES_IN_THREADS = 1 << 38


EVERYONE = (
    Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
)


class Intent(IntFlag):
    """The gateway intents that decide which events a session hears."""

    NONE = 0
    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    MESSAGE_CONTENT = 1 << 15


PRIVILEGED = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT


@dataclass
class User:
    id: int
    name: str
    bot: bool = False
    accepts_dms: bool = True


@dataclass
class Role:
    id: int
    name: str
    permissions: int
    mentionable: bool = False


@dataclass
class Guild:
    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, list[int]] = field(default_factory=dict)
    """User id to the ids of the roles that the user holds."""


@dataclass
class Tag:
    """What a post in a forum can be marked with."""

    id: int
    name: str
    moderated: bool = False


@dataclass
class Channel:
    id: int
    type: int
    name: str = ""
    guild_id: int | None = None
    parent_id: int | None = None
    owner_id: int | None = None
    recipient_id: int | None = None
    archived: bool = False
    locked: bool = False
    members: set[int] = field(default_factory=set)
    denied: dict[int, int] = field(default_factory=dict)
    """Id of a user or role to the permission bits that the channel takes away."""
    allowed: dict[int, int] = field(default_factory=dict)
    """Id of a user or role to the permission bits that the channel gives."""
    tags: list[Tag] = field(default_factory=list)
    """What a forum offers."""
    applied: list[int] = field(default_factory=list)
    """The ids of the tags that a post carries."""
    flags: int = 0
    last_message_id: int | None = None

    @property
    def is_thread(self) -> bool:
        return self.type == PUBLIC_THREAD


@dataclass
class Message:
    id: int
    channel_id: int
    author_id: int
    content: str
    time: float
    type: int = DEFAULT_MESSAGE
    flags: int = 0
    edited: float | None = None
    nonce: str | int | None = None
    reference: Payload | None = None
    mentions: list[int] = field(default_factory=list)
    mention_roles: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    pinged: set[str] = field(default_factory=set)
    """Whom the message notified: ids of users and roles, "everyone", "here"."""
    attachments: list[Payload] = field(default_factory=list)
    embeds: list[Payload] = field(default_factory=list)
    components: list[Payload] = field(default_factory=list)
    allowed_mentions: Payload | None = None
    stickers: list[Payload] = field(default_factory=list)
    snapshots: list[Payload] = field(default_factory=list)
    reactions: dict[str, set[int]] = field(default_factory=dict)
    interaction_id: int | None = None
    edits: list[str] = field(default_factory=list)
    """Every text the message has had before the present one."""

    @property
    def ephemeral(self) -> bool:
        """Whether only one person sees it."""
        return bool(self.flags & EPHEMERAL)

    @property
    def v2(self) -> bool:
        """Whether it is made of components alone."""
        return bool(self.flags & COMPONENTS_V2)


@dataclass
class Interaction:
    id: int
    token: str
    user_id: int
    channel_id: int
    time: float
    type: int = 2
    name: str = ""
    source_id: int | None = None
    answered: bool = False
    answer_type: int = 0
    original_id: int | None = None
    modal: Payload | None = None
    choices: list[Payload] = field(default_factory=list)
    """The suggestions that were shown while the person typed."""
    message_ids: list[int] = field(default_factory=list)


class Clock:
    """Wall time that a test can push forward, and the ids made from it."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._ahead = 0.0
        self._last_id = 0

    def now(self) -> float:
        return self._now() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds

    def next_id(self) -> int:
        """Snowflakes carry their time and always grow, as the real ones do."""
        fresh = (int(self.now() * 1000) - DISCORD_EPOCH_MS) << 22
        self._last_id = max(fresh, self._last_id + 1)
        return self._last_id


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
