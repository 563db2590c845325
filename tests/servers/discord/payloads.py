"""How the records of a local Discord look on the wire."""

from typing import Any

from servers.discord.model import (
    EPHEMERAL,
    EVERYONE,
    HAS_THREAD,
    PUBLIC_THREAD,
    TEXT_CHANNEL,
    ApiError,
    Channel,
    Clock,
    Guild,
    Interaction,
    Message,
    Payload,
    Permission,
    User,
    iso,
)


class Records:
    """Every record by id, and the payload of each kind."""

    def __init__(self, clock: Clock, bot_name: str) -> None:
        self.clock = clock
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, Message] = {}
        self.interactions: dict[str, Interaction] = {}
        self.bot = User(clock.next_id(), bot_name, bot=True)
        self.users[self.bot.id] = self.bot

    @property
    def application_id(self) -> int:
        """New applications share their id with their bot."""
        return self.bot.id

    def channel(self, id: int) -> Channel:
        if (channel := self.channels.get(id)) is None:
            raise ApiError(10003)
        return channel

    def message(self, channel_id: int, id: int) -> Message:
        message = self.messages.get(id)
        if message is None or message.channel_id != channel_id:
            raise ApiError(10008)
        return message

    def in_channel(self, channel_id: int) -> list[Message]:
        """The channel's messages, oldest first, without those one person sees."""
        found = [m for m in self.messages.values() if m.channel_id == channel_id]
        shown = [m for m in found if not m.flags & EPHEMERAL]
        return sorted(shown, key=lambda message: message.id)

    def place(self, channel: Channel) -> Channel:
        """Threads take their permissions from the channel above them."""
        if channel.parent_id is not None and channel.is_thread:
            return self.channel(channel.parent_id)
        return channel

    def permissions(self, user_id: int, channel: Channel) -> int:
        if channel.guild_id is None:
            return int(EVERYONE)
        guild = self.guilds[channel.guild_id]
        bits = self.guild_permissions(user_id, guild)
        if bits & Permission.ADMINISTRATOR:
            return bits
        return bits & ~self.place(channel).denied.get(user_id, 0)

    def guild_permissions(self, user_id: int, guild: Guild) -> int:
        if guild.owner_id == user_id:
            return int(EVERYONE | Permission.ADMINISTRATOR | Permission.MANAGE_GUILD)
        bits = guild.roles[guild.id].permissions
        for role_id in guild.members.get(user_id, []):
            bits |= guild.roles[role_id].permissions
        return bits

    def require(self, user_id: int, channel: Channel, *wanted: Permission) -> None:
        held = self.permissions(user_id, channel)
        if not held & Permission.VIEW_CHANNEL:
            raise ApiError(50001)
        if held & Permission.ADMINISTRATOR:
            return
        if any(not held & permission for permission in wanted):
            raise ApiError(50013)

    def user_payload(self, user: User) -> Payload:
        payload: Payload = {
            "id": str(user.id),
            "username": user.name,
            "global_name": user.name.title(),
            "discriminator": "0",
            "avatar": None,
            "public_flags": 0,
        }
        return payload | ({"bot": True} if user.bot else {})

    def member_payload(self, guild: Guild, user_id: int) -> Payload:
        return {
            "roles": [str(role) for role in guild.members.get(user_id, [])],
            "joined_at": iso(self.clock.now()),
            "nick": None,
            "avatar": None,
            "deaf": False,
            "mute": False,
            "flags": 0,
        }

    def role_payload(self, guild: Guild, role_id: int) -> Payload:
        role = guild.roles[role_id]
        return {
            "id": str(role.id),
            "name": role.name,
            "permissions": str(role.permissions),
            "position": 0 if role.id == guild.id else 1,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None},
            "hoist": False,
            "managed": False,
            "mentionable": False,
            "flags": 0,
        }

    def channel_payload(self, channel: Channel) -> Payload:
        if channel.is_thread:
            return self.thread_payload(channel)
        payload: Payload = {
            "id": str(channel.id),
            "type": channel.type,
            "last_message_id": text(channel.last_message_id),
            "flags": 0,
        }
        if channel.recipient_id is not None:
            recipient = self.users[channel.recipient_id]
            return payload | {"recipients": [self.user_payload(recipient)]}
        return payload | {
            "guild_id": str(channel.guild_id),
            "name": channel.name,
            "position": 0,
            "parent_id": None,
            "topic": None,
            "nsfw": False,
            "rate_limit_per_user": 0,
            "permission_overwrites": [
                {"id": str(user), "type": 1, "allow": "0", "deny": str(int(bits))}
                for user, bits in channel.denied.items()
            ],
        }

    def thread_payload(self, thread: Channel) -> Payload:
        payload: Payload = {
            "id": str(thread.id),
            "type": PUBLIC_THREAD,
            "guild_id": str(thread.guild_id),
            "parent_id": str(thread.parent_id),
            "owner_id": str(thread.owner_id),
            "name": thread.name,
            "last_message_id": text(thread.last_message_id),
            "message_count": 0,
            "member_count": len(thread.members),
            "total_message_sent": len(self.in_channel(thread.id)),
            "rate_limit_per_user": 0,
            "flags": 0,
            "thread_metadata": {
                "archived": thread.archived,
                "locked": thread.locked,
                "auto_archive_duration": 1440,
                "archive_timestamp": iso(self.clock.now()),
                "create_timestamp": iso(self.clock.now()),
            },
        }
        if self.bot.id in thread.members:
            payload["member"] = self.thread_member_payload(thread, self.bot.id)
        return payload

    def thread_member_payload(self, thread: Channel, user_id: int) -> Payload:
        return {
            "id": str(thread.id),
            "user_id": str(user_id),
            "join_timestamp": iso(self.clock.now()),
            "flags": 0,
        }

    def guild_payload(self, guild: Guild) -> Payload:
        here = [c for c in self.channels.values() if c.guild_id == guild.id]
        own = self.member_payload(guild, self.bot.id)
        return {
            "id": str(guild.id),
            "name": guild.name,
            "owner_id": str(guild.owner_id),
            "unavailable": False,
            "large": False,
            "member_count": len(guild.members),
            "joined_at": iso(self.clock.now()),
            "preferred_locale": "en-US",
            "features": [],
            "emojis": [],
            "stickers": [],
            "roles": [self.role_payload(guild, role) for role in guild.roles],
            # Without the members intent the bot is told about itself only.
            "members": [own | {"user": self.user_payload(self.bot)}],
            "channels": [
                self.channel_payload(c) for c in here if c.type == TEXT_CHANNEL
            ],
            "threads": [
                self.thread_payload(c) for c in here if c.is_thread and not c.archived
            ],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
        }

    def message_payload(self, message: Message, *, nested: bool = False) -> Payload:
        payload: Payload = {
            "id": str(message.id),
            "channel_id": str(message.channel_id),
            "author": self.user_payload(self.users[message.author_id]),
            "content": message.content,
            "timestamp": iso(message.time),
            "edited_timestamp": message.edited and iso(message.edited),
            "type": message.type,
            "flags": message.flags,
            "tts": False,
            "pinned": False,
            "mention_everyone": False,
            "mention_roles": [],
            "mentions": [self.user_payload(self.users[id]) for id in message.mentions],
            "attachments": message.attachments,
            "embeds": message.embeds,
            "components": message.components,
        }
        if message.reactions:
            payload["reactions"] = self.reactions_payload(message)
        if message.flags & HAS_THREAD:
            payload["thread"] = self.thread_payload(self.channels[message.id])
        if message.interaction_id is not None:
            payload |= self._interaction_part(message.interaction_id)
        if message.reference is not None:
            payload["message_reference"] = message.reference
            # Only one level is sent: a reply inside a reply has no target.
            if not nested:
                target = self.messages.get(int(message.reference["message_id"]))
                payload["referenced_message"] = target and self.message_payload(
                    target, nested=True
                )
        return payload

    def reactions_payload(self, message: Message) -> list[Payload]:
        return [
            {
                "count": len(users),
                "me": self.bot.id in users,
                "me_burst": False,
                "burst_colors": [],
                "count_details": {"burst": 0, "normal": len(users)},
                "emoji": {"id": None, "name": emoji},
            }
            for emoji, users in message.reactions.items()
        ]

    def _interaction_part(self, interaction_id: int) -> Payload:
        found = [i for i in self.interactions.values() if i.id == interaction_id]
        user = self.users[found[0].user_id]
        return {
            "webhook_id": str(self.application_id),
            "application_id": str(self.application_id),
            "interaction_metadata": {
                "id": str(interaction_id),
                "type": found[0].type,
                "user": self.user_payload(user),
                "authorizing_integration_owners": {},
            },
        }


def text(id: int | None) -> str | None:
    return None if id is None else str(id)


def redacted(payload: Payload, bot_id: int, *, private: bool) -> Payload:
    """The payload as an application without the message content intent gets it."""
    own = payload["author"]["id"] == str(bot_id)
    mentioned = any(user["id"] == str(bot_id) for user in payload["mentions"])
    shown: dict[str, Any] = dict(payload)
    if not (private or own or mentioned):
        shown |= {"content": "", "attachments": [], "embeds": [], "components": []}
    if (target := payload.get("referenced_message")) is not None:
        shown["referenced_message"] = redacted(target, bot_id, private=private)
    return shown
