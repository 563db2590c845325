"""What people do in a local Discord: a test, a demo or a driver plays them."""

from typing import Any

from .commands import GLOBAL
from .interactions import Interactions
from .model import (
    VOICE,
    Channel,
    Interaction,
    Message,
    Payload,
    Permission,
    Tag,
)
from .rest import RestRoutes


class People:
    """Everything by its id, so that it can be said in JSON too."""

    def __init__(self, rest: RestRoutes, interactions: Interactions) -> None:
        self.rest = rest
        self.state = rest.state
        self.interactions = interactions

    @property
    def commands(self) -> list[Payload]:
        """The global commands that the bot has registered."""
        return self.interactions.commands.registered[GLOBAL]

    @property
    def bot_id(self) -> int:
        return self.state.bot.id

    def add_user(self, name: str, *, bot: bool = False) -> int:
        return self.state.new_user(name, bot=bot).id

    def add_guild(self, name: str = "clinic", *, id: int = 0) -> int:
        return self.state.new_guild(name, id).id

    def remove_guild(self, guild: int) -> None:
        """The bot is thrown out of a guild."""
        self.state.remove_guild(self.state.guild(guild))

    def add_channel(self, guild: int, name: str = "general") -> int:
        return self.state.new_channel(guild, name).id

    def add_forum(
        self,
        guild: int,
        name: str = "help",
        *,
        tags: tuple[str, ...] = (),
        moderated: tuple[str, ...] = (),
        tag_required: bool = False,
    ) -> int:
        """A forum with tags; `moderated` ones are for moderators to put on."""
        next_id = self.state.clock.next_id
        known = [Tag(next_id(), name) for name in tags]
        known += [Tag(next_id(), name, moderated=True) for name in moderated]
        made = self.state.new_forum(guild, name, known, tag_required=tag_required)
        return made.id

    def delete_channel(self, channel: int) -> None:
        self.state.remove_channel(self.state.channel(channel))

    def archive(self, thread: int, *, locked: bool = False) -> None:
        found = self.state.channel(thread)
        found.archived, found.locked = True, locked
        self.state.update_channel(found)

    def reopen(self, thread: int) -> None:
        found = self.state.channel(thread)
        found.archived = found.locked = False
        self.state.update_channel(found)

    def deny(self, channel: int, *permissions: Permission, user: int = 0) -> None:
        """Take permissions in a channel away from a user or role; else from the bot."""
        found = self.state.channel(channel)
        found.denied[user or self.bot_id] = sum(int(one) for one in permissions)
        self.state.update_channel(found)

    def allow(self, channel: int, *permissions: Permission, user: int = 0) -> None:
        """Give permissions in a channel to a user or role; else to the bot."""
        found = self.state.channel(channel)
        found.allowed[user or self.bot_id] = sum(int(one) for one in permissions)
        self.state.update_channel(found)

    def add_role(
        self, guild: int, name: str, *, bits: int = 0, mentionable: bool = False
    ) -> int:
        found = self.state.guild(guild)
        return self.state.new_role(found, name, bits, mentionable=mentionable).id

    def give_role(self, guild: int, user: int, role: int) -> None:
        found = self.state.guild(guild)
        self.state.give_role(found, user, found.roles[role])

    def grant(
        self, user: int, guild: int = 0, *, manage_guild: bool = True, bits: int = 0
    ) -> None:
        """Give a role with permissions, in every guild if none is named."""
        wanted = Permission(bits)
        if manage_guild:
            wanted |= Permission.MANAGE_GUILD
        known = self.state.guilds
        for found in [known[guild]] if guild else list(known.values()):
            role = self.state.new_role(found, "granted", int(wanted))
            self.state.give_role(found, user, role)

    def say(
        self,
        user: int,
        channel: int,
        text: str,
        *,
        mention_bot: bool = False,
        reply_to: int = 0,
        ping: bool = True,
        files: tuple[tuple[str, bytes], ...] = (),
        sticker: str = "",
    ) -> int:
        """Write as a person; a reply mentions its author unless `ping` is off."""
        place = self._entered(user, channel)
        body: Payload = {"content": text}
        if mention_bot:
            body["content"] = f"<@{self.bot_id}> {text}"
        if reply_to:
            body["message_reference"] = {"message_id": str(reply_to)}
            everything = ["users", "roles", "everyone"]
            body["allowed_mentions"] = {"parse": everything, "replied_user": ping}
        keep = self.rest.files.keep
        body["attachments"] = [keep(channel, *file) for file in files]
        more: Payload = {}
        if sticker:
            id = str(self.state.clock.next_id())
            more["stickers"] = [{"id": id, "name": sticker, "format_type": 1}]
        return self.state.post(user, place, body, **more).id

    def speak(self, user: int, channel: int, sound: bytes = b"OggS") -> int:
        """Send a voice message."""
        more = {"duration_secs": 3.5, "waveform": "AAAA", "content_type": "audio/ogg"}
        kept = self.rest.files.keep(channel, "voice-message.ogg", sound, **more)
        body: Payload = {"attachments": [kept], "flags": VOICE}
        return self.state.post(user, self._entered(user, channel), body).id

    def forward(self, user: int, message: int, channel: int) -> int:
        """Forward a message into another channel, without words of one's own."""
        target = self.state.messages[message]
        reference = {"type": 1, "message_id": str(message)}
        reference["channel_id"] = str(target.channel_id)
        body: Payload = {"message_reference": reference}
        return self.state.post(user, self._entered(user, channel), body).id

    def dm(self, user: int, text: str, *, reply_to: int = 0) -> int:
        return self.say(user, self.dm_channel(user), text, reply_to=reply_to)

    def dm_channel(self, user: int) -> int:
        return self.state.dm_channel(user).id

    def edit(self, message: int, text: str) -> None:
        self.state.edit(self.state.messages[message], {"content": text})

    def unfurl(self, message: int) -> None:
        """Discord adds a link preview: an update in which nobody edited the text."""
        self.state.unfurl(self.state.messages[message])

    def delete(self, message: int) -> None:
        self.state.delete(self.state.messages[message])

    def purge(self, channel: int, *messages: int) -> None:
        """Delete several messages at once, as moderators do."""
        self.state.delete_many(self.state.channel(channel), messages)

    def react(
        self, user: int, message: int, emoji: str, *, remove: bool = False
    ) -> None:
        self.state.react(user, self.state.messages[message], emoji, add=not remove)

    def thread(self, user: int, message: int, name: str = "thread") -> int:
        """A person starts a thread from a message."""
        return self.state.start_thread(user, self.state.messages[message], name).id

    def open_post(
        self, user: int, forum: int, title: str, text: str, tags: tuple[str, ...] = ()
    ) -> int:
        """A person opens a post in a forum; its id is that of its first message too."""
        place = self._entered(user, forum)
        known = {tag.name: tag.id for tag in place.tags}
        chosen = [known[name] for name in tags]
        return self.state.forum_post(user, place, title, chosen, {"content": text}).id

    def slash(
        self, user: int, channel: int, command: str, **options: Any
    ) -> Interaction:
        """Run a registered command; sub-commands follow after a space."""
        return self.interactions.run(
            user, self._entered(user, channel), command, options
        )

    def menu(self, user: int, message: int, command: str) -> Interaction:
        """Run a registered command from the menu of a message."""
        found = self.state.messages[message]
        self._entered(user, found.channel_id)
        return self.interactions.menu(user, found, command)

    def suggest(
        self, user: int, channel: int, command: str, **options: Any
    ) -> Interaction:
        """Type options of a command; the last one waits for suggestions."""
        place = self._entered(user, channel)
        return self.interactions.suggest(user, place, command, options)

    def click(self, user: int, message: int, custom_id: str) -> Interaction:
        return self.interactions.press(user, self.state.messages[message], custom_id)

    def choose(
        self, user: int, message: int, custom_id: str, values: list[str]
    ) -> Interaction:
        found = self.state.messages[message]
        return self.interactions.choose(user, found, custom_id, values)

    def submit(
        self, user: int, channel: int, custom_id: str, values: dict[str, Any]
    ) -> Interaction:
        place = self.state.channel(channel)
        return self.interactions.submit(user, place, custom_id, values)

    def messages(self, channel: int) -> list[Message]:
        return self.state.in_channel(channel)

    def bot_messages(self, channel: int) -> list[Message]:
        return [m for m in self.messages(channel) if m.author_id == self.bot_id]

    def message(self, id: int) -> Message:
        return self.state.messages[id]

    def threads(self, channel: int) -> list[Channel]:
        found = self.state.channels.values()
        return [c for c in found if c.is_thread and c.parent_id == channel]

    def tags(self, thread: int) -> list[str]:
        """The names of the tags that a post carries."""
        post = self.state.channel(thread)
        known = {tag.id: tag.name for tag in self.state.place(post).tags}
        return [known[id] for id in post.applied]

    def interaction(self, id: int) -> Interaction:
        """What somebody did, and how it was answered: a form, suggestions."""
        found = (i for i in self.state.interactions.values() if i.id == id)
        if (interaction := next(found, None)) is None:
            raise LookupError(f"no interaction {id}")
        return interaction

    def interaction_reply(self, id: int) -> Message | None:
        """The message that answers an interaction, thinking or finished."""
        return self.state.messages.get(self.interaction(id).original_id or 0)

    def whispers(self, user: int) -> list[Message]:
        """The messages that only this person sees."""
        mine = [i for i in self.state.interactions.values() if i.user_id == user]
        ids = [id for interaction in mine for id in interaction.message_ids]
        found = [self.state.messages[id] for id in ids if id in self.state.messages]
        return [message for message in found if message.ephemeral]

    def _entered(self, user: int, channel: int) -> Channel:
        """The channel, with the person made a member of its guild."""
        place = self.state.channel(channel)
        if place.guild_id is not None:
            self.state.join_guild(self.state.guild(place.guild_id), user)
        return place
