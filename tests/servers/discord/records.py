"""Every record of a local Discord by its id, and who may do what where."""

from collections.abc import Iterable

from .errors import ApiError
from .model import (
    EPHEMERAL,
    EVERYONE,
    Channel,
    Clock,
    Guild,
    Interaction,
    Message,
    Permission,
    User,
)


def sum_bits(parts: Iterable[int]) -> int:
    bits = 0
    for part in parts:
        bits |= part
    return bits


ALL = sum_bits(Permission)


class Records:
    """The records and the permissions that follow from them."""

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

    def guild(self, id: int) -> Guild:
        if (guild := self.guilds.get(id)) is None:
            raise ApiError(10004)
        return guild

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
        guild = self.guild(channel.guild_id)
        bits = self.guild_permissions(user_id, guild)
        if bits & Permission.ADMINISTRATOR:
            return ALL
        place = self.place(channel)
        # Everyone first, then all roles together, then the person.
        for ids in ([guild.id], guild.members.get(user_id, []), [user_id]):
            denied = sum_bits(place.denied.get(id, 0) for id in ids)
            bits = bits & ~denied | sum_bits(place.allowed.get(id, 0) for id in ids)
        return bits

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
        if any(not held & permission for permission in wanted):
            raise ApiError(50013)
