"""Files that came with messages: read at once, never more than asked for."""

import logging
from urllib.parse import urlsplit

import aiohttp

from adapters.discord.rest import DiscordRest
from adapters.discord.settings import DiscordSettings
from bot.errors import AttachmentUnreadable, DeliveryError
from bot.model import Attachment
from bot.words import say

log = logging.getLogger(__name__)

HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})

SECONDS = 20.0
PIECE = 64 * 1024


class Files:
    """Reads attachments. Their addresses work for a day; an old one is renewed."""

    def __init__(self, rest: DiscordRest, settings: DiscordSettings) -> None:
        self._rest = rest
        # The local server of tests hands files out itself.
        self._hosts = HOSTS | {urlsplit(settings.api_url).hostname}

    async def fetch(self, attachment: Attachment, limit: int) -> bytes:
        """The contents. Raises AttachmentUnreadable with words for the person."""
        name = attachment.name
        if not attachment.url:
            raise AttachmentUnreadable(say("sticker_unread", name=name))
        if attachment.media_type.startswith(("audio/", "video/")):
            raise AttachmentUnreadable(say("not_listened", name=name))
        if attachment.size > limit:
            raise _too_large(name, limit)
        if urlsplit(attachment.url).hostname not in self._hosts:
            raise AttachmentUnreadable(say("file_gone", name=name))
        try:
            async with aiohttp.ClientSession() as session:
                data = await _read(session, attachment.url, name, limit)
                if data is None:
                    fresh = await self._rest.fresh_address(attachment.url)
                    data = await _read(session, fresh, name, limit)
        except (aiohttp.ClientError, TimeoutError, OSError, DeliveryError) as error:
            log.info("a file could not be read: %s", error)
            raise AttachmentUnreadable(say("file_unread", name=name)) from error
        if data is None:
            raise AttachmentUnreadable(say("file_gone", name=name))
        return data


async def _read(
    session: aiohttp.ClientSession, url: str, name: str, limit: int
) -> bytes | None:
    """What is at an address; None when it works no more."""
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with session.get(url, timeout=timeout, allow_redirects=False) as response:
        if response.status in (403, 404):
            return None
        response.raise_for_status()
        data = bytearray()
        async for piece in response.content.iter_chunked(PIECE):
            data += piece
            if len(data) > limit:
                raise _too_large(name, limit)
        return bytes(data)


def _too_large(name: str, limit: int) -> AttachmentUnreadable:
    megabytes = limit / 2**20
    return AttachmentUnreadable(say("file_over_limit", name=name, megabytes=megabytes))
