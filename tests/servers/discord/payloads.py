"""How the records of a local Discord look on the wire."""

import hashlib
from typing import Any

from .model import (
    FORUM,
    HAS_THREAD,
    PUBLIC_THREAD,
    TEXT_CHANNEL,
    Channel,
    Guild,
    Message,
    Payload,
    Tag,
    User,
    iso,
)
from .records import Records


class Payloads(Records):
    """The records, and the payload of each kind."""

    cdn_seconds = 24 * 3600.0
    """How long the address of a file works."""

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
            "mentionable": role.mentionable,
            "flags": 0,
        }

    def channel_payload(self, channel: Channel) -> Payload:
        if channel.is_thread:
            return self.thread_payload(channel)
        payload: Payload = {
            "id": str(channel.id),
            "type": channel.type,
            "last_message_id": text(channel.last_message_id),
            "flags": channel.flags,
        }
        if channel.recipient_id is not None:
            recipient = self.users[channel.recipient_id]
            return payload | {"recipients": [self.user_payload(recipient)]}
        if channel.type == FORUM:
            payload |= forum_part(channel)
        return payload | {
            "guild_id": str(channel.guild_id),
            "name": channel.name,
            "position": 0,
            "parent_id": None,
            "topic": None,
            "nsfw": False,
            "rate_limit_per_user": 0,
            "permission_overwrites": [
                {
                    "id": str(id),
                    "type": 1 if id in self.users else 0,
                    "allow": str(channel.allowed.get(id, 0)),
                    "deny": str(channel.denied.get(id, 0)),
                }
                for id in channel.denied | channel.allowed
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
            "flags": thread.flags,
            "applied_tags": [str(tag) for tag in thread.applied],
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
                self.channel_payload(c) for c in here if c.type in (TEXT_CHANNEL, FORUM)
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
            "mention_everyone": message.mention_everyone,
            "mention_roles": [str(id) for id in message.mention_roles],
            "mentions": [self.user_payload(self.users[id]) for id in message.mentions],
            "attachments": [self.signed(file) for file in message.attachments],
            "embeds": message.embeds,
            "components": message.components,
        }
        if message.stickers:
            payload["sticker_items"] = message.stickers
        if message.snapshots:
            payload["message_snapshots"] = [
                {"message": shot | {"attachments": self.all_signed(shot)}}
                for shot in message.snapshots
            ]
        if message.reactions:
            payload["reactions"] = self.reactions_payload(message)
        if message.flags & HAS_THREAD and (thread := self.channels.get(message.id)):
            payload["thread"] = self.thread_payload(thread)
        if message.interaction_id is not None:
            payload |= self._interaction_part(message.interaction_id)
        if message.reference is not None:
            payload["message_reference"] = message.reference
            # Only one level is sent: a reply inside a reply has no target.
            if not nested and message.reference["type"] == 0:
                target = self.messages.get(int(message.reference["message_id"]))
                payload["referenced_message"] = target and self.message_payload(
                    target, nested=True
                )
        return payload

    def signed(self, file: Payload) -> Payload:
        """A file with an address that works for a time."""
        end = f"{int(self.clock.now() + self.cdn_seconds):x}"
        url = f"{file['url']}?ex={end}&hm={seal(file['id'], end)}"
        return file | {"url": url, "proxy_url": url}

    def all_signed(self, payload: Payload) -> list[Payload]:
        return [self.signed(file) for file in payload["attachments"]]

    def snapshot_of(self, message: Message) -> Payload:
        """What a forward keeps of a message: neither its author nor its id."""
        shown = self.message_payload(message, nested=True)
        kept = ("type", "content", "mentions", "mention_roles", "embeds", "timestamp")
        more = ("edited_timestamp", "flags", "components", "sticker_items")
        snapshot = {name: shown[name] for name in kept + more if name in shown}
        return snapshot | {"attachments": message.attachments}

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


def forum_part(forum: Channel) -> Payload:
    return {
        "available_tags": [tag_payload(tag) for tag in forum.tags],
        "default_reaction_emoji": None,
        "default_sort_order": None,
        "default_forum_layout": 0,
        "default_auto_archive_duration": 1440,
        "default_thread_rate_limit_per_user": 0,
    }


def tag_payload(tag: Tag) -> Payload:
    return {
        "id": str(tag.id),
        "name": tag.name,
        "moderated": tag.moderated,
        "emoji_id": None,
        "emoji_name": None,
    }


def seal(id: str, end: str) -> str:
    """What shows that an address was made here and not changed."""
    return hashlib.blake2b(f"{id} {end}".encode(), digest_size=8).hexdigest()


def text(id: int | None) -> str | None:
    return None if id is None else str(id)


BLANK: Payload = {"content": "", "attachments": [], "embeds": [], "components": []}


def redacted(payload: Payload, bot_id: int, *, private: bool) -> Payload:
    """The payload as an application without the message content intent gets it."""
    own = payload["author"]["id"] == str(bot_id)
    mentioned = any(user["id"] == str(bot_id) for user in payload["mentions"])
    shown: dict[str, Any] = dict(payload)
    if not (private or own or mentioned):
        shown |= BLANK
        if "message_snapshots" in payload:
            shots = [shot["message"] | BLANK for shot in payload["message_snapshots"]]
            shown["message_snapshots"] = [{"message": shot} for shot in shots]
    if (target := payload.get("referenced_message")) is not None:
        shown["referenced_message"] = redacted(target, bot_id, private=private)
    return shown
