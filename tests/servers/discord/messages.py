"""What is said in a local Discord: every change to a message, with its event."""

from collections.abc import Collection
from typing import Any

from .components import numbered
from .contents import check_content
from .errors import ApiError, form_error
from .mentions import note_mentions
from .model import (
    COMPONENTS_V2,
    EPHEMERAL,
    LOADING,
    REPLY,
    SNAPSHOT,
    SUPPRESS_EMBEDS,
    Channel,
    Clock,
    Intent,
    Message,
    Payload,
    Permission,
)
from .places import Emit, Places

NONCE_LENGTH = 25
NONCE_SECONDS = 300


class Messages(Places):
    """The only place where messages change."""

    def __init__(self, clock: Clock, emit: Emit, bot_name: str = "curbside") -> None:
        super().__init__(clock, emit, bot_name)
        self._nonces: dict[tuple[int, str], tuple[float, int]] = {}

    def post(
        self, author_id: int, channel: Channel, body: Payload, **more: Any
    ) -> Message:
        """Write a message the way POST /channels/{id}/messages does."""
        if (known := self._sent_with_nonce(author_id, body)) is not None:
            return known
        check_content(body, empty_allowed=bool(more))
        self.open_for_writing(author_id, channel)
        self.may_send(author_id, channel, body)
        message = self.made(author_id, channel, body, **more)
        self._refer(message, channel, body)
        note_mentions(self, message, channel, fresh=True)
        if message.nonce is not None:
            key = (author_id, str(message.nonce))
            self._nonces[key] = (self.clock.now(), message.id)
        return self.publish(message, channel)

    def made(
        self, author_id: int, channel: Channel, body: Payload, **more: Any
    ) -> Message:
        """A message as its body says; nobody has seen it yet."""
        return Message(
            more.pop("id", 0) or self.clock.next_id(),
            channel.id,
            author_id,
            body.get("content") or "",
            self.clock.now(),
            flags=body.get("flags") or 0,
            nonce=body.get("nonce"),
            attachments=body.get("attachments") or [],
            embeds=body.get("embeds") or [],
            components=numbered(body.get("components") or []),
            allowed_mentions=body.get("allowed_mentions"),
            **more,
        )

    def may_send(self, author_id: int, channel: Channel, body: Payload) -> None:
        if channel.guild_id is None:
            return
        if body.get("attachments"):
            self.require(author_id, channel, Permission.ATTACH_FILES)
        held = self.permissions(author_id, channel)
        if not held & Permission.EMBED_LINKS:
            # Discord sends such a message without them and says nothing.
            body["embeds"] = []
        if body.get("message_reference") and not (
            held & Permission.READ_MESSAGE_HISTORY
        ):
            raise ApiError(160002)

    def publish(self, message: Message, channel: Channel) -> Message:
        self.messages[message.id] = message
        if message.flags & EPHEMERAL:
            return message
        channel.last_message_id = message.id
        if channel.is_thread and message.author_id not in channel.members:
            self.join_thread(channel, message.author_id)
        payload = self.event_payload(message, channel)
        if message.nonce is not None:
            payload["nonce"] = message.nonce
        self._tell("MESSAGE_CREATE", payload, channel)
        return message

    def _tell(self, event: str, payload: Payload, channel: Channel) -> None:
        """Send what happened to a message, unless the bot cannot see the channel."""
        if self.permissions(self.bot.id, channel) & Permission.VIEW_CHANNEL:
            place = "DIRECT" if channel.guild_id is None else "GUILD"
            kind = "MESSAGE_REACTIONS" if "REACTION" in event else "MESSAGES"
            self._emit(event, payload, Intent[f"{place}_{kind}"])

    def edit(self, message: Message, body: Payload) -> Message:
        v2 = bool((message.flags | (body.get("flags") or 0)) & COMPONENTS_V2)
        if v2 and not message.v2 and message.content and "content" not in body:
            body = {"content": message.content} | body
        check_content(body, v2=v2, empty_allowed="content" not in body or v2)
        channel = self.channel(message.channel_id)
        if channel.archived:
            raise ApiError(50083)
        if "content" in body:
            message.edits.append(message.content)
            message.content = body["content"] or ""
        for name in ("embeds", "attachments", "allowed_mentions"):
            if name in body:
                setattr(message, name, body[name] or [])
        if "components" in body:
            message.components = numbered(body["components"] or [])
        if "flags" in body:
            # Of all flags only these can be edited, and the new kind stays for ever.
            hidden = body["flags"] & SUPPRESS_EMBEDS
            message.flags = message.flags & ~SUPPRESS_EMBEDS | hidden
            message.flags |= body["flags"] & COMPONENTS_V2
        # What was only "thinking" notifies when its words come.
        fresh = bool(message.flags & LOADING)
        note_mentions(self, message, channel, fresh=fresh)
        message.flags &= ~LOADING
        message.edited = self.clock.now()
        self.announce_edit(message)
        return message

    def announce_edit(self, message: Message) -> None:
        if message.flags & EPHEMERAL:
            return
        channel = self.channel(message.channel_id)
        self._tell("MESSAGE_UPDATE", self.event_payload(message, channel), channel)

    def unfurl(self, message: Message) -> None:
        """Put the preview of a link under a message that does not forbid it."""
        channel = self.channel(message.channel_id)
        held = self.permissions(message.author_id, channel)
        if message.flags & SUPPRESS_EMBEDS or not held & Permission.EMBED_LINKS:
            return
        preview = {"type": "link", "url": "http://127.0.0.1/", "title": "Page"}
        message.embeds = [preview]
        self.announce_edit(message)

    def delete(self, message: Message) -> None:
        channel = self.channel(message.channel_id)
        del self.messages[message.id]
        if message.flags & EPHEMERAL:
            return
        payload = {"id": str(message.id), "channel_id": str(channel.id)}
        payload |= guild_part(channel)
        self._tell("MESSAGE_DELETE", payload, channel)

    def delete_many(self, channel: Channel, ids: Collection[int]) -> None:
        for id in ids:
            del self.messages[id]
        payload: Payload = {
            "ids": [str(id) for id in ids],
            "channel_id": str(channel.id),
        }
        payload |= guild_part(channel)
        self._tell("MESSAGE_DELETE_BULK", payload, channel)

    def react(self, user_id: int, message: Message, emoji: str, *, add: bool) -> None:
        users = message.reactions.setdefault(emoji, set())
        if add == (user_id in users):
            return
        channel = self.channel(message.channel_id)
        payload: Payload = {
            "user_id": str(user_id),
            "channel_id": str(channel.id),
            "message_id": str(message.id),
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        } | guild_part(channel)
        if not add:
            users.discard(user_id)
            self._tell("MESSAGE_REACTION_REMOVE", payload, channel)
            return
        users.add(user_id)
        payload["message_author_id"] = str(message.author_id)
        if channel.guild_id is not None:
            payload["member"] = self.full_member(channel.guild_id, user_id)
        self._tell("MESSAGE_REACTION_ADD", payload, channel)

    def event_payload(self, message: Message, channel: Channel) -> Payload:
        """A message in a gateway event also says in which guild it was written."""
        payload = self.message_payload(message) | guild_part(channel)
        payload["channel_type"] = channel.type
        if channel.guild_id is not None and not self.users[message.author_id].bot:
            guild = self.guilds[channel.guild_id]
            payload["member"] = self.member_payload(guild, message.author_id)
        return payload

    def _sent_with_nonce(self, author_id: int, body: Payload) -> Message | None:
        nonce = body.get("nonce")
        if nonce is None:
            return None
        if len(str(nonce)) > NONCE_LENGTH:
            problem = f"Must be {NONCE_LENGTH} or fewer in length."
            raise form_error("nonce", "NONCE_TYPE_TOO_LONG", problem)
        sent_at, id = self._nonces.get((author_id, str(nonce)), (0.0, 0))
        expired = self.clock.now() - sent_at > NONCE_SECONDS
        if expired or not body.get("enforce_nonce"):
            return None
        if id not in self.messages:
            # Seen on the real service: the first message was deleted meanwhile.
            raise ApiError(10008)
        return self.messages[id]

    def _refer(self, message: Message, channel: Channel, body: Payload) -> None:
        reference: dict[str, Any] | None = body.get("message_reference")
        if reference is None:
            return
        target = self.messages.get(int(reference["message_id"]))
        if reference.get("type") == 1:
            self._forward(message, target)
            return
        if target is None or target.channel_id != channel.id:
            if reference.get("fail_if_not_exists", True):
                problem = "Unknown message"
                raise form_error(
                    "message_reference", "REPLIES_UNKNOWN_MESSAGE", problem
                )
            return
        message.type = REPLY
        message.reference = reference_to(target, 0, channel)
        allowed = message.allowed_mentions or {"replied_user": True}
        if allowed.get("replied_user"):
            message.mentions.append(target.author_id)

    def _forward(self, message: Message, target: Message | None) -> None:
        if target is None:
            raise ApiError(10008)
        message.flags |= SNAPSHOT
        message.reference = reference_to(target, 1, self.channel(target.channel_id))
        message.snapshots = [self.snapshot_of(target)]


def reference_to(target: Message, kind: int, channel: Channel) -> Payload:
    return {
        "type": kind,
        "channel_id": str(target.channel_id),
        "message_id": str(target.id),
    } | guild_part(channel)


def guild_part(channel: Channel) -> Payload:
    return {} if channel.guild_id is None else {"guild_id": str(channel.guild_id)}
