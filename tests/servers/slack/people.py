"""What the people of the workspace do: they speak, edit, react, click, leave."""

import base64
from collections.abc import Callable

from .acts import Acts
from .sockets import Sockets
from .web_api import WebApi
from .workspace import JSON, Channel, Kind, Message, SlackError, Workspace, rich_text


class People:
    """The half of the server that a test steers; users and channels by id or name.

    Each call changes the workspace at once and sends the events in the background.
    """

    def __init__(self, sockets: Sockets, number: int = 1) -> None:
        self.workspace = Workspace(number)
        self.payloads = Acts(self.workspace)
        self.sockets = sockets
        self.web_api = WebApi(self.workspace, self.payloads, self.emit)
        self.response_urls: dict[str, JSON] = {}
        self.new_response_url: Callable[[str], str] = str

    def emit(self, event: JSON) -> None:
        """Send one event to the app, under an event_id of its own."""
        payload = self.payloads.event_callback(event)
        self.sockets.background(self.sockets.deliver("events_api", payload))

    def add_user(
        self,
        name: str,
        admin: bool = False,
        owner: bool = False,
        bot: bool = False,
        locale: str = "en-GB",
    ) -> str:
        """The id of a new person (or of another bot)."""
        return self.workspace.add_user(
            name, admin=admin, owner=owner, bot=bot, locale=locale
        ).id

    def add_group(self, handle: str, *users: str) -> str:
        """The id of a new user group."""
        ids = [self.workspace.user(user).id for user in users]
        return self.web_api.directory.add_group(handle, ids)

    def add_channel(
        self, name: str, private: bool = False, with_bot: bool = True
    ) -> str:
        """The id of a new channel with everybody who is there already."""
        bot = self.workspace.bot.id
        members = set(self.workspace.users) - {bot} | ({bot} if with_bot else set())
        kind: Kind = "group" if private else "channel"
        return self.workspace.add_channel(name, kind, members).id

    def open_im(self, *users: str) -> str:
        """The direct message of the bot with one person, or with several (mpim)."""
        return self.workspace.direct([self.workspace.user(u).id for u in users]).id

    def say(
        self,
        user: str,
        channel: str,
        text: str,
        thread: str | None = None,
        mention_bot: bool = False,
        subtype: str | None = None,
        files: list[JSON | str] | None = None,
    ) -> str:
        """Post as a person; the ts. A mention is sent as two events, as Slack does.

        `files` are ids that `upload` gave.
        """
        author, place = self.workspace.user(user), self.workspace.channel(channel)
        bot = self.workspace.bot.id
        if mention_bot:
            text = f"<@{bot}> {text}"
        message = Message(
            ts=self.workspace.new_ts(),
            channel=place.id,
            user=author.id,
            text=text,
            thread_ts=thread,
            subtype=subtype or ("file_share" if files else None),
            bot_id=author.bot_id,
            files=[self._attach(file, place.id) for file in files or []],
        )
        if subtype is None:
            message.blocks = rich_text(text)
        if subtype is None and author.bot_id is None:
            message.client_msg_id = self.workspace.new_id("client-")
        self.workspace.post(message)
        if bot in place.members:
            self.emit(self.payloads.message_event(message))
            if f"<@{bot}>" in text and place.kind != "im":
                self.emit(self.payloads.mention_event(message))
        return message.ts

    def upload(
        self,
        user: str,
        name: str,
        content: bytes | str,
        media_type: str = "text/plain",
    ) -> str:
        """The id of a new file, for `say`. Over the control API as base64 text."""
        if isinstance(content, str):
            content = base64.b64decode(content)
        person = self.workspace.user(user).id
        return self.web_api.files.add(person, name, content, media_type).id

    def _attach(self, file: JSON | str, channel: str) -> JSON:
        if isinstance(file, dict):
            return file
        found = self.web_api.files.files[file]
        found.channels.append(channel)
        return self.web_api.files.view(found)

    def join(self, user: str, channel: str) -> str:
        """A person joins: Slack posts a message of subtype channel_join."""
        person, place = self.workspace.user(user).id, self.workspace.channel(channel).id
        self.workspace.channels[place].members.add(person)
        text = f"<@{person}> has joined the channel"
        return self.say(person, place, text, subtype="channel_join")

    def edit(self, user: str, channel: str, ts: str, text: str) -> None:
        """Change the text: message_changed."""
        message = self._find(channel, ts)
        before = self.payloads.nested(message)
        self.workspace.edit(message, text, self.workspace.user(user).id)
        self.emit(self.payloads.changed_event(message, before))

    def unfurl(self, channel: str, ts: str) -> None:
        """A link got its preview: message_changed, though nobody changed the text."""
        message = self._find(channel, ts)
        before = self.payloads.nested(message)
        self.emit(self.payloads.changed_event(message, before))

    def delete(self, user: str, channel: str, ts: str) -> None:
        """Delete any message, the bot's too (as an admin may): message_deleted."""
        message = self._find(channel, ts)
        before = self.payloads.nested(message)
        self.workspace.user(user)
        self.workspace.delete(message)
        self.emit(self.payloads.deleted_event(message, before))

    def react(self, user: str, channel: str, ts: str, name: str) -> None:
        message, person = self._find(channel, ts), self.workspace.user(user).id
        users = message.reactions.setdefault(name, [])
        if person in users:
            raise SlackError("already_reacted")
        users.append(person)
        event = self.payloads.reaction_event("reaction_added", message, person, name)
        self.emit(event)

    def unreact(self, user: str, channel: str, ts: str, name: str) -> None:
        message, person = self._find(channel, ts), self.workspace.user(user).id
        message.reactions[name].remove(person)
        event = self.payloads.reaction_event("reaction_removed", message, person, name)
        self.emit(event)

    def archive(self, channel: str, archived: bool = True) -> None:
        place = self.workspace.channel(channel)
        place.archived = archived
        type_ = "channel_archive" if archived else "channel_unarchive"
        actor = self._somebody(place)
        self.emit(self._channel_event(type_, place.id) | {"user": actor})

    def remove_bot(self, channel: str) -> None:
        """Throw the bot out: channel_left."""
        place = self.workspace.channel(channel)
        place.members.discard(self.workspace.bot.id)
        actor = self._somebody(place)
        self.emit(self._channel_event("channel_left", place.id) | {"actor_id": actor})

    def invite_bot(self, channel: str) -> None:
        """Let the bot in (again)."""
        self.workspace.channel(channel).members.add(self.workspace.bot.id)

    def messages(self, channel: str, thread: str | None = None) -> list[JSON]:
        """A channel (replies too) or one thread, oldest first, with metadata."""
        found = self.workspace.messages(self.workspace.channel(channel).id, thread)
        return [self.payloads.message(message, metadata=True) for message in found]

    def bot_messages(
        self, channel: str | None = None, thread: str | None = None
    ) -> list[JSON]:
        """What the app wrote, in one channel or thread or in the whole workspace."""
        channels = [channel] if channel else list(self.workspace.channels)
        found = [m for place in channels for m in self.messages(place, thread)]
        return [m for m in found if m["user"] == self.workspace.bot.id]

    @property
    def ephemerals(self) -> list[JSON]:
        """What only one person saw: postEphemeral, response_url, answers in acks."""
        return self.web_api.ephemerals

    def _find(self, channel: str, ts: str) -> Message:
        return self.workspace.message(self.workspace.channel(channel).id, ts)

    def _somebody(self, place: Channel) -> str:
        return next(iter(sorted(place.members - {self.workspace.bot.id})), "")

    def _channel_event(self, type_: str, channel: str) -> JSON:
        ts = self.workspace.new_ts()
        return {"type": type_, "channel": channel, "event_ts": ts}

    def response_url(self, seen: JSON) -> str:
        id_ = self.workspace.new_id("R")
        self.response_urls[id_] = seen | {"left": 5}
        return self.new_response_url(id_)
