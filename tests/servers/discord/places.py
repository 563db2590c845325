"""The guilds, roles and channels of a local Discord, and every change to them."""

from collections.abc import Callable

from .errors import ApiError
from .model import (
    DM_CHANNEL,
    EVERYONE,
    FORUM,
    TAG_REQUIRED,
    TEXT_CHANNEL,
    Channel,
    Clock,
    Guild,
    Intent,
    Payload,
    Permission,
    Role,
    Tag,
    User,
)
from .payloads import Payloads

Emit = Callable[[str, Payload, Intent], None]


class Places(Payloads):
    """Where things are said."""

    def __init__(self, clock: Clock, emit: Emit, bot_name: str = "curbside") -> None:
        super().__init__(clock, bot_name)
        self._emit = emit

    def new_user(self, name: str, *, bot: bool = False) -> User:
        user = User(self.clock.next_id(), name, bot=bot)
        self.users[user.id] = user
        return user

    def new_guild(self, name: str, id: int = 0) -> Guild:
        owner = self.new_user("owner")
        guild = Guild(id or self.clock.next_id(), name, owner_id=owner.id)
        # Discord's @everyone role has the id of its guild.
        guild.roles[guild.id] = Role(guild.id, "@everyone", int(EVERYONE))
        guild.members = {self.bot.id: [], guild.owner_id: []}
        self.guilds[guild.id] = guild
        self._emit("GUILD_CREATE", self.guild_payload(guild), Intent.GUILDS)
        return guild

    def remove_guild(self, guild: Guild) -> None:
        """The bot is thrown out: it hears of it, and sees nothing there any more."""
        del self.guilds[guild.id]
        for channel in [c for c in self.channels.values() if c.guild_id == guild.id]:
            del self.channels[channel.id]
        self._emit("GUILD_DELETE", {"id": str(guild.id)}, Intent.GUILDS)

    def new_channel(self, guild_id: int, name: str) -> Channel:
        return self._made(Channel(self.clock.next_id(), TEXT_CHANNEL, name, guild_id))

    def new_forum(
        self, guild_id: int, name: str, tags: list[Tag], *, tag_required: bool
    ) -> Channel:
        flags = TAG_REQUIRED if tag_required else 0
        id = self.clock.next_id()
        return self._made(Channel(id, FORUM, name, guild_id, tags=tags, flags=flags))

    def _made(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        self._emit("CHANNEL_CREATE", self.channel_payload(channel), Intent.GUILDS)
        return channel

    def remove_channel(self, channel: Channel) -> None:
        payload = self.channel_payload(channel)
        event = "THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE"
        del self.channels[channel.id]
        for message in [
            m for m in self.messages.values() if m.channel_id == channel.id
        ]:
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

    def new_role(
        self, guild: Guild, name: str, permissions: int, *, mentionable: bool = False
    ) -> Role:
        role = Role(self.clock.next_id(), name, permissions, mentionable)
        guild.roles[role.id] = role
        payload = {
            "guild_id": str(guild.id),
            "role": self.role_payload(guild, role.id),
        }
        self._emit("GUILD_ROLE_CREATE", payload, Intent.GUILDS)
        return role

    def give_role(self, guild: Guild, user_id: int, role: Role) -> None:
        self.join_guild(guild, user_id)
        guild.members[user_id].append(role.id)
        if user_id != self.bot.id:
            return
        # Without the members intent a bot hears only of its own roles.
        payload = self.full_member(guild.id, user_id) | {"guild_id": str(guild.id)}
        self._emit("GUILD_MEMBER_UPDATE", payload, Intent.GUILDS)

    def full_member(self, guild_id: int, user_id: int) -> Payload:
        member = self.member_payload(self.guilds[guild_id], user_id)
        return member | {"user": self.user_payload(self.users[user_id])}

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

    def open_for_writing(self, author_id: int, channel: Channel) -> None:
        """Refuse who may not write there; wake a thread that sleeps."""
        if channel.type == FORUM:
            raise ApiError(50008)
        if channel.recipient_id is not None and author_id == self.bot.id:
            if not self.users[channel.recipient_id].accepts_dms:
                raise ApiError(50007)
            return
        if not channel.is_thread:
            self.require(author_id, channel, Permission.SEND_MESSAGES)
            return
        self.require(author_id, channel, Permission.SEND_MESSAGES_IN_THREADS)
        moderator = self.permissions(author_id, channel) & Permission.MANAGE_THREADS
        if channel.locked and not moderator:
            raise ApiError(160005)
        if channel.archived:
            # Writing into an archived thread that is not locked opens it again.
            channel.archived = False
            self.update_channel(channel)
