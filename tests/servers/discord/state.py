"""What happens in a local Discord: every change to its records, with its event."""

import re
from collections.abc import Callable, Collection
from typing import Any

from servers.discord.model import (
    DM_CHANNEL,
    EPHEMERAL,
    EVERYONE,
    HAS_THREAD,
    LOADING,
    PUBLIC_THREAD,
    REPLY,
    SUPPRESS_EMBEDS,
    ApiError,
    Channel,
    Clock,
    Guild,
    Intent,
    Message,
    Payload,
    Permission,
    Role,
    User,
    form_error,
)
from servers.discord.payloads import Records

Emit = Callable[[str, Payload, Intent], None]

MESSAGE_LENGTH = 2000
NONCE_LENGTH = 25
NONCE_SECONDS = 300
MENTION = re.compile(r"<@!?(\d+)>")


class DiscordState(Records):
    """The records, and the only place where they change."""

    def __init__(self, clock: Clock, emit: Emit, bot_name: str = "curbside") -> None:
        super().__init__(clock, bot_name)
        self._emit = emit
        self._nonces: dict[tuple[int, str], tuple[float, int]] = {}

    def new_user(self, name: str, *, bot: bool = False) -> User:
        user = User(self.clock.next_id(), name, bot=bot)
        self.users[user.id] = user
        return user

    def new_guild(self, name: str) -> Guild:
        guild = Guild(self.clock.next_id(), name, owner_id=self.new_user("owner").id)
        # Discord's @everyone role has the id of its guild.
        guild.roles[guild.id] = Role(guild.id, "@everyone", int(EVERYONE))
        guild.members = {self.bot.id: [], guild.owner_id: []}
        self.guilds[guild.id] = guild
        self._emit("GUILD_CREATE", self.guild_payload(guild), Intent.GUILDS)
        return guild

    def new_channel(self, guild_id: int, name: str) -> Channel:
        channel = Channel(self.clock.next_id(), 0, name, guild_id)
        self.channels[channel.id] = channel
        self._emit("CHANNEL_CREATE", self.channel_payload(channel), Intent.GUILDS)
        return channel

    def remove_channel(self, channel: Channel) -> None:
        payload = self.channel_payload(channel)
        event = "THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE"
        del self.channels[channel.id]
        for message in self.in_channel(channel.id):
            del self.messages[message.id]
        self._emit(event, payload, Intent.GUILDS)

    def update_channel(self, channel: Channel) -> None:
        event = "THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE"
        self._emit(event, self.channel_payload(channel), Intent.GUILDS)

    def dm_channel(self, user_id: int) -> Channel:
        if user_id not in self.users:
            raise ApiError(10013)
        for channel in self.channels.values():
            if channel.recipient_id == user_id:
                return channel
        channel = Channel(self.clock.next_id(), DM_CHANNEL, recipient_id=user_id)
        self.channels[channel.id] = channel
        return channel

    def join_guild(self, guild: Guild, user_id: int) -> None:
        guild.members.setdefault(user_id, [])

    def give_role(self, guild: Guild, user_id: int, permissions: Permission) -> Role:
        role = Role(self.clock.next_id(), "granted", int(permissions))
        guild.roles[role.id] = role
        self.join_guild(guild, user_id)
        guild.members[user_id].append(role.id)
        payload = {
            "guild_id": str(guild.id),
            "role": self.role_payload(guild, role.id),
        }
        self._emit("GUILD_ROLE_CREATE", payload, Intent.GUILDS)
        return role

    def post(self, author_id: int, channel: Channel, body: Payload) -> Message:
        """Write a message the way POST /channels/{id}/messages does."""
        if (known := self._sent_with_nonce(author_id, body)) is not None:
            return known
        check_content(body)
        self._open_for_writing(author_id, channel)
        message = Message(
            self.clock.next_id(),
            channel.id,
            author_id,
            body.get("content") or "",
            self.clock.now(),
            flags=body.get("flags") or 0,
            nonce=body.get("nonce"),
            attachments=body.get("attachments") or [],
            embeds=body.get("embeds") or [],
            components=body.get("components") or [],
            allowed_mentions=body.get("allowed_mentions"),
        )
        self._refer(message, channel, body)
        self._mention(message)
        if message.nonce is not None:
            key = (author_id, str(message.nonce))
            self._nonces[key] = (self.clock.now(), message.id)
        return self.publish(message, channel)

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
        self._emit("MESSAGE_CREATE", payload, message_intent(channel))
        return message

    def edit(self, message: Message, body: Payload) -> Message:
        check_content(body, empty_allowed="content" not in body)
        channel = self.channel(message.channel_id)
        if channel.archived:
            raise ApiError(50083)
        if body.get("content") is not None:
            message.edits.append(message.content)
            message.content = body["content"]
            self._mention(message)
        for name in ("embeds", "components", "attachments", "allowed_mentions"):
            if name in body:
                setattr(message, name, body[name] or [])
        if "flags" in body:
            # Of all flags only the one that hides link previews can be edited.
            chosen = body["flags"] & SUPPRESS_EMBEDS
            message.flags = message.flags & ~SUPPRESS_EMBEDS | chosen
        message.flags &= ~LOADING
        message.edited = self.clock.now()
        self.announce_edit(message)
        return message

    def announce_edit(self, message: Message) -> None:
        if message.flags & EPHEMERAL:
            return
        channel = self.channel(message.channel_id)
        payload = self.event_payload(message, channel)
        self._emit("MESSAGE_UPDATE", payload, message_intent(channel))

    def delete(self, message: Message) -> None:
        channel = self.channel(message.channel_id)
        del self.messages[message.id]
        if message.flags & EPHEMERAL:
            return
        payload = {"id": str(message.id), "channel_id": str(channel.id)}
        payload |= self._guild_part(channel)
        self._emit("MESSAGE_DELETE", payload, message_intent(channel))

    def delete_many(self, channel: Channel, ids: Collection[int]) -> None:
        for id in ids:
            del self.messages[id]
        payload: Payload = {
            "ids": [str(id) for id in ids],
            "channel_id": str(channel.id),
        }
        payload |= self._guild_part(channel)
        self._emit("MESSAGE_DELETE_BULK", payload, message_intent(channel))

    def react(self, user_id: int, message: Message, emoji: str, *, add: bool) -> None:
        users = message.reactions.setdefault(emoji, set())
        if add != (user_id in users):
            self._change_reaction(user_id, message, emoji, add=add)

    def _change_reaction(
        self, user_id: int, message: Message, emoji: str, *, add: bool
    ) -> None:
        users = message.reactions[emoji]
        channel = self.channel(message.channel_id)
        payload: Payload = {
            "user_id": str(user_id),
            "channel_id": str(channel.id),
            "message_id": str(message.id),
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        } | self._guild_part(channel)
        if not add:
            users.discard(user_id)
            self._emit("MESSAGE_REACTION_REMOVE", payload, reactions(channel))
            return
        users.add(user_id)
        payload["message_author_id"] = str(message.author_id)
        if channel.guild_id is not None:
            payload["member"] = self.full_member(channel.guild_id, user_id)
        self._emit("MESSAGE_REACTION_ADD", payload, reactions(channel))

    def start_thread(self, user_id: int, message: Message, name: str) -> Channel:
        if message.flags & HAS_THREAD:
            raise ApiError(160004)
        parent = self.channel(message.channel_id)
        if parent.guild_id is None or parent.is_thread:
            raise ApiError(50035)
        # A thread made from a message takes the id of that message.
        thread = Channel(
            message.id, PUBLIC_THREAD, name, parent.guild_id, parent.id, user_id
        )
        self.channels[thread.id] = thread
        message.flags |= HAS_THREAD
        created = self.thread_payload(thread) | {"newly_created": True}
        self._emit("THREAD_CREATE", created, Intent.GUILDS)
        self.join_thread(thread, user_id)
        self.announce_edit(message)
        return thread

    def join_thread(self, thread: Channel, user_id: int) -> None:
        thread.members.add(user_id)
        if user_id != self.bot.id or thread.guild_id is None:
            return
        # Without the members intent a bot hears of its own membership only.
        added = self.thread_member_payload(thread, user_id)
        added["member"] = self.full_member(thread.guild_id, user_id)
        payload = {
            "id": str(thread.id),
            "guild_id": str(thread.guild_id),
            "member_count": len(thread.members),
            "added_members": [added],
        }
        self._emit("THREAD_MEMBERS_UPDATE", payload, Intent.GUILDS)

    def full_member(self, guild_id: int, user_id: int) -> Payload:
        member = self.member_payload(self.guilds[guild_id], user_id)
        return member | {"user": self.user_payload(self.users[user_id])}

    def event_payload(self, message: Message, channel: Channel) -> Payload:
        """A message in a gateway event also says in which guild it was written."""
        payload = self.message_payload(message) | self._guild_part(channel)
        payload["channel_type"] = channel.type
        if channel.guild_id is not None and not self.users[message.author_id].bot:
            guild = self.guilds[channel.guild_id]
            payload["member"] = self.member_payload(guild, message.author_id)
        return payload

    def _guild_part(self, channel: Channel) -> Payload:
        return {} if channel.guild_id is None else {"guild_id": str(channel.guild_id)}

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

    def _open_for_writing(self, author_id: int, channel: Channel) -> None:
        if channel.recipient_id is not None and author_id == self.bot.id:
            if not self.users[channel.recipient_id].accepts_dms:
                raise ApiError(50007)
            return
        if not channel.is_thread:
            self.require(author_id, channel, Permission.SEND_MESSAGES)
            return
        self.require(author_id, channel, Permission.SEND_MESSAGES_IN_THREADS)
        if channel.locked:
            raise ApiError(160005)
        if channel.archived:
            # Writing into an archived thread that is not locked opens it again.
            channel.archived = False
            self.update_channel(channel)

    def _refer(self, message: Message, channel: Channel, body: Payload) -> None:
        reference: dict[str, Any] | None = body.get("message_reference")
        if reference is None:
            return
        target = self.messages.get(int(reference["message_id"]))
        if target is None or target.channel_id != channel.id:
            if reference.get("fail_if_not_exists", True):
                problem = "Unknown message"
                raise form_error(
                    "message_reference", "REPLIES_UNKNOWN_MESSAGE", problem
                )
            return
        message.type = REPLY
        message.reference = {
            "type": 0,
            "channel_id": str(channel.id),
            "message_id": str(target.id),
        } | self._guild_part(channel)
        allowed = message.allowed_mentions or {"replied_user": True}
        if allowed.get("replied_user"):
            message.mentions.append(target.author_id)

    def _mention(self, message: Message) -> None:
        allowed = message.allowed_mentions
        if allowed is not None and "users" not in allowed.get("parse", []):
            return
        for found in MENTION.findall(message.content):
            if int(found) in self.users and int(found) not in message.mentions:
                message.mentions.append(int(found))


def check_content(body: Payload, *, empty_allowed: bool = False) -> None:
    content = body.get("content") or ""
    if len(content) > MESSAGE_LENGTH:
        problem = f"Must be {MESSAGE_LENGTH} or fewer in length."
        raise form_error("content", "BASE_TYPE_MAX_LENGTH", problem)
    other = any(body.get(n) for n in ("embeds", "components", "attachments"))
    if not (content.strip() or other or empty_allowed):
        raise ApiError(50006)


def message_intent(channel: Channel) -> Intent:
    private = channel.guild_id is None
    return Intent.DIRECT_MESSAGES if private else Intent.GUILD_MESSAGES


def reactions(channel: Channel) -> Intent:
    if channel.guild_id is None:
        return Intent.DIRECT_MESSAGE_REACTIONS
    return Intent.GUILD_MESSAGE_REACTIONS
