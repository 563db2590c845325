"""All that happens in a local Discord: its threads and forum posts too."""

from collections.abc import Sequence

from .contents import check_content
from .errors import ApiError, form_error
from .mentions import note_mentions
from .messages import Messages
from .model import (
    FORUM,
    HAS_THREAD,
    PUBLIC_THREAD,
    TAG_REQUIRED,
    Channel,
    Intent,
    Message,
    Payload,
    Permission,
)

MOST_TAGS = 5


class DiscordState(Messages):
    """The records, and the only place where they change."""

    def start_thread(self, user_id: int, message: Message, name: str) -> Channel:
        """Make the thread of a message; it takes the message's id."""
        if message.flags & HAS_THREAD:
            raise ApiError(160004)
        parent = self.channel(message.channel_id)
        if parent.guild_id is None or parent.is_thread:
            raise ApiError(50024)
        thread = self._new_thread(message.id, name, parent, user_id)
        message.flags |= HAS_THREAD
        self.announce_edit(message)
        return thread

    def forum_post(
        self,
        user_id: int,
        forum: Channel,
        name: str,
        tags: Sequence[int],
        body: Payload,
    ) -> Channel:
        """Open a post: a thread together with its first message, of the same id."""
        if forum.type != FORUM:
            raise ApiError(50024)
        self.require(user_id, forum, Permission.SEND_MESSAGES)
        self.check_tags(user_id, forum, tags)
        check_content(body)
        thread = self._new_thread(self.clock.next_id(), name, forum, user_id, tags)
        self.may_send(user_id, thread, body)
        message = self.made(user_id, thread, body, id=thread.id)
        note_mentions(self, message, thread, fresh=True)
        self.publish(message, thread)
        return thread

    def check_tags(self, user_id: int, forum: Channel, tags: Sequence[int]) -> None:
        known = {tag.id: tag for tag in forum.tags}
        if len(tags) > MOST_TAGS or set(tags) - known.keys():
            problem = f"Up to {MOST_TAGS} tags of this forum."
            raise form_error("applied_tags", "FORUM_TAG_INVALID", problem)
        if not tags and forum.flags & TAG_REQUIRED:
            raise ApiError(40067)
        if any(known[tag].moderated for tag in tags):
            self.require(user_id, forum, Permission.MANAGE_THREADS)

    def _new_thread(
        self,
        id: int,
        name: str,
        parent: Channel,
        user_id: int,
        tags: Sequence[int] = (),
    ) -> Channel:
        thread = Channel(id, PUBLIC_THREAD, name, parent.guild_id, parent.id, user_id)
        thread.applied = list(tags)
        self.channels[id] = thread
        if parent.type == FORUM:
            parent.last_message_id = id
        created = self.thread_payload(thread) | {"newly_created": True}
        self._emit("THREAD_CREATE", created, Intent.GUILDS)
        self.join_thread(thread, user_id)
        return thread
