"""What a local Discord is made of: records, permission and intent bits, errors."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntFlag
from typing import Any

Payload = dict[str, Any]

DISCORD_EPOCH_MS = 1_420_070_400_000

TEXT_CHANNEL, DM_CHANNEL, PUBLIC_THREAD = 0, 1, 11
DEFAULT_MESSAGE, REPLY, COMMAND_ANSWER = 0, 19, 20

SUPPRESS_EMBEDS, HAS_THREAD, EPHEMERAL, LOADING = 1 << 2, 1 << 5, 1 << 6, 1 << 7


class Permission(IntFlag):
    """The permission bits that something here looks at."""

    ADMINISTRATOR = 1 << 3
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
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

# Discord's error codes with the HTTP status and the words that come with them.
ERRORS: dict[int, tuple[int, str]] = {
    0: (401, "401: Unauthorized"),
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    20028: (429, "The write action you are performing has hit the write rate limit"),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached"),
    40001: (401, "Unauthorized"),
    40060: (400, "Interaction has already been acknowledged"),
    50001: (403, "Missing Access"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50013: (403, "Missing Permissions"),
    50027: (401, "Invalid Webhook Token"),
    50035: (400, "Invalid Form Body"),
    50083: (400, "Thread is archived"),
    160004: (400, "A thread has already been created for this message"),
    160005: (400, "This thread is locked"),
}


class ApiError(Exception):
    """An answer that Discord would give with one of its error codes."""

    def __init__(self, code: int, errors: Payload | None = None) -> None:
        self.status, self.message = ERRORS[code]
        super().__init__(f"{code}: {self.message}")
        self.code = code
        self.errors = errors

    def body(self) -> Payload:
        body: Payload = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


def form_error(name: str, code: str, message: str) -> ApiError:
    return ApiError(50035, {name: {"_errors": [{"code": code, "message": message}]}})


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


@dataclass
class Guild:
    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, list[int]] = field(default_factory=dict)
    """User id to the ids of the roles that the user holds."""


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
    """User id to the permission bits that the channel takes away from that user."""
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
    attachments: list[Payload] = field(default_factory=list)
    embeds: list[Payload] = field(default_factory=list)
    components: list[Payload] = field(default_factory=list)
    allowed_mentions: Payload | None = None
    reactions: dict[str, set[int]] = field(default_factory=dict)
    interaction_id: int | None = None
    edits: list[str] = field(default_factory=list)
    """Every text the message has had before the present one."""


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
