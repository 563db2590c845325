"""The REST routes for channels and threads of a local Discord."""

from aiohttp import web

from .errors import ApiError, wrong_length
from .faults import BASE
from .model import FORUM, Channel, Payload, Permission
from .rest import RestRoutes, body, responding


class ThreadRoutes:
    """Threads begun, changed, joined and closed by the bot."""

    def __init__(self, rest: RestRoutes) -> None:
        self._rest = rest
        self._state = rest.state

    def add_to(self, app: web.Application) -> None:
        channel = BASE + "/channels/{channel}"
        start = channel + "/messages/{message}/threads"
        app.router.add_post(start, responding(self.start, 201))
        app.router.add_post(channel + "/threads", responding(self.open_post, 201))
        app.router.add_patch(channel, responding(self.change, 200))
        app.router.add_delete(channel, responding(self.remove, 200))
        joined = channel + "/thread-members/@me"
        app.router.add_put(joined, responding(self.join, 204))
        active = BASE + "/guilds/{guild}/threads/active"
        app.router.add_get(active, responding(self.active, 200))
        archived = channel + "/threads/archived/public"
        app.router.add_get(archived, responding(self.archived, 200))

    async def start(self, request: web.Request) -> Payload:
        message = self._rest.found(request, Permission.CREATE_PUBLIC_THREADS)
        name = named(body(request))
        thread = self._state.start_thread(self._state.bot.id, message, name)
        return self._state.thread_payload(thread)

    async def open_post(self, request: web.Request) -> Payload:
        forum = self._rest.place(request)
        if forum.type != FORUM:
            raise ApiError(50024)
        asked = body(request)
        tags = [int(tag) for tag in asked.get("applied_tags") or ()]
        # Files are sent beside both, and belong to the message.
        files = self._rest.files.with_uploads(request, forum).get("attachments")
        message = asked["message"] | ({"attachments": files} if files else {})
        bot = self._state.bot.id
        thread = self._state.forum_post(bot, forum, named(asked), tags, message)
        first = self._rest.shown(self._state.messages[thread.id])
        return self._state.thread_payload(thread) | {"message": first}

    async def change(self, request: web.Request) -> Payload:
        channel, asked = self._rest.place(request), body(request)
        if channel.is_thread:
            self._may_change(channel, asked)
        else:
            self._state.require(self._state.bot.id, channel, Permission.MANAGE_CHANNELS)
        if "name" in asked:
            channel.name = named(asked)
        if "applied_tags" in asked:
            forum = self._state.place(channel)
            channel.applied = [int(tag) for tag in asked["applied_tags"] or ()]
            self._state.check_tags(self._state.bot.id, forum, channel.applied)
        channel.archived = asked.get("archived", channel.archived)
        channel.locked = asked.get("locked", channel.locked)
        self._state.update_channel(channel)
        return self._state.channel_payload(channel)

    def _may_change(self, thread: Channel, asked: Payload) -> None:
        bot = self._state.bot.id
        if self._state.permissions(bot, thread) & Permission.MANAGE_THREADS:
            pass
        elif thread.locked or "locked" in asked:
            raise ApiError(50013)
        elif asked == {"archived": False}:
            self._state.require(bot, thread, Permission.SEND_MESSAGES_IN_THREADS)
        elif thread.owner_id != bot:
            raise ApiError(50013)
        if thread.archived and asked.get("archived", True):
            raise ApiError(50083)

    async def remove(self, request: web.Request) -> Payload:
        channel = self._rest.place(request)
        thread = channel.is_thread
        wanted = Permission.MANAGE_THREADS if thread else Permission.MANAGE_CHANNELS
        self._state.require(self._state.bot.id, channel, wanted)
        payload = self._state.channel_payload(channel)
        self._state.remove_channel(channel)
        return payload

    async def join(self, request: web.Request) -> None:
        self._state.join_thread(self._rest.place(request), self._state.bot.id)

    async def active(self, request: web.Request) -> Payload:
        threads = (await self._rest.guild(request))["threads"]
        members = [thread["member"] for thread in threads if "member" in thread]
        return {"threads": threads, "members": members, "has_more": False}

    async def archived(self, request: web.Request) -> Payload:
        above = self._rest.place(request, Permission.READ_MESSAGE_HISTORY)
        found = [c for c in self._state.channels.values() if c.parent_id == above.id]
        threads = [self._state.thread_payload(c) for c in found if c.archived]
        return {"threads": threads, "members": [], "has_more": False}


def named(asked: Payload) -> str:
    name = str(asked.get("name") or "")
    if not 1 <= len(name) <= 100:
        raise wrong_length("name", 1, 100)
    return name
