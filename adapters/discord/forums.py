"""Posts of forums: which places are some, and the tags that say how they stand."""

import logging
from collections.abc import Callable

import discord

from adapters.discord.components import JSON
from adapters.discord.refusals import MISSING_PERMISSIONS, DiscordRefused
from adapters.discord.rest import DiscordRest

log = logging.getLogger(__name__)

FORUM, MEDIA = 15, 16
MOST_TAGS = 5


class Forums:
    """Knows forums by what the gateway told of a channel, or by asking once.

    `heard_of` gives a channel as the gateway knows it, or None.
    """

    def __init__(self, rest: DiscordRest, heard_of: Callable[[int], object]) -> None:
        self._rest = rest
        self._heard_of = heard_of
        self._kinds: dict[str, int] = {}
        self.problem = ""
        """Why the last tag could not be put on, and the fix; mostly empty."""

    def known(self, channel: str) -> bool:
        """Whether a channel is known to be a forum, without asking."""
        if channel in self._kinds:
            return self._kinds[channel] in (FORUM, MEDIA)
        return isinstance(self._heard_of(int(channel)), discord.ForumChannel)

    async def is_one(self, channel: str) -> bool:
        """Whether a channel is a forum. Raises the DeliveryError family."""
        unknown = channel not in self._kinds
        if unknown and self._heard_of(int(channel)) is None:
            found = await self._rest.channel(int(channel))
            self._kinds[channel] = int(found["type"])
        return self.known(channel)

    async def tag(self, post: str, name: str, *, close: bool = False) -> None:
        """Put a tag on a post, if its forum has one of that name; twice is no error."""
        thread = await self._rest.channel(int(post))
        forum = await self._rest.channel(int(thread["parent_id"]))
        changes: JSON = {"archived": True} if close else {}
        tag = next(
            (
                str(known["id"])
                for known in forum.get("available_tags", ())
                if known["name"].casefold() == name.casefold()
            ),
            None,
        )
        applied = [str(id_) for id_ in thread.get("applied_tags", ())]
        if name and tag is None:
            log.info("discord: the forum %s has no tag %r", forum.get("name"), name)
        elif tag is not None and tag not in applied:
            # Five is all that a post may have; the newest says how it stands.
            changes["applied_tags"] = [*applied, tag][-MOST_TAGS:]
        if changes:
            await self._change(post, changes)

    async def try_to_tag(self, post: str, name: str, *, close: bool = False) -> None:
        """The same; what Discord refuses is no reason to give up what it was for."""
        try:
            await self.tag(post, name, close=close)
            self.problem = ""
        except DiscordRefused as error:
            self.problem = str(error)
            log.warning("discord: no tag %r on the post %s: %s", name, post, error)

    async def _change(self, post: str, changes: JSON) -> None:
        try:
            await self._rest.change_channel(int(post), "a tag", **changes)
        except DiscordRefused as error:
            if error.code != MISSING_PERMISSIONS:
                raise
            raise DiscordRefused(
                "the bot may not tag or close the posts of others; give its role "
                "Manage Threads (also called Manage Posts) in that forum",
                error.code,
            ) from error
