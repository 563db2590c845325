"""Files that people attach: fetched with our token, and only from Slack."""

import logging
from urllib.parse import urlsplit

from adapters.slack.web import SlackRefused, SlackWeb
from bot.errors import AttachmentUnreadable, DeliveryError
from bot.model import Attachment
from bot.words import say

log = logging.getLogger(__name__)

BY_ID = "slack-file:"
"""Stands for the address of a file that Slack tells only when asked for it."""

HOSTS = (".slack.com", ".slack-files.com", ".slack-edge.com")


async def fetch(web: SlackWeb, attachment: Attachment, limit: int) -> bytes:
    """The contents of a file. Raises AttachmentUnreadable with words for the person."""
    name = attachment.name
    if attachment.size > limit:
        raise _too_large(name, attachment.size, limit)
    try:
        url = await _address(web, attachment)
        if not _is_slacks(url, web.api_url):
            # The token must not get to anybody else.
            raise AttachmentUnreadable(say("file_unreadable", name=name))
        status, media_type, content = await web.download(url, limit + 1)
    except SlackRefused as error:
        key = "file_no_access" if error.code == "missing_scope" else "file_gone"
        raise AttachmentUnreadable(say(key, name=name)) from error
    except DeliveryError as error:
        log.warning("%s was not fetched: %s", name, error)
        raise AttachmentUnreadable(say("file_unreadable", name=name)) from error
    if status in (404, 410):
        raise AttachmentUnreadable(say("file_gone", name=name))
    if status >= 500 or status == 429:
        raise AttachmentUnreadable(say("file_unreadable", name=name))
    if status != 200 or _is_login(attachment, media_type, content):
        raise AttachmentUnreadable(say("file_no_access", name=name))
    if len(content) > limit:
        raise _too_large(name, len(content), limit)
    return content


async def _address(web: SlackWeb, attachment: Attachment) -> str:
    if not attachment.url.startswith(BY_ID):
        return attachment.url
    id_ = attachment.url.removeprefix(BY_ID)
    file = (await web.read("files.info", file=id_))["file"]
    return str(file.get("url_private_download") or file.get("url_private") or "")


def _is_slacks(url: str, api_url: str) -> bool:
    parts, api = urlsplit(url), urlsplit(api_url)
    if (parts.scheme, parts.netloc) == (api.scheme, api.netloc):
        return True
    return parts.scheme == "https" and (parts.hostname or "").endswith(HOSTS)


def _is_login(attachment: Attachment, media_type: str, content: bytes) -> bool:
    """Without the right to read it, Slack shows the page for signing in instead."""
    if media_type != "text/html":
        return False
    return attachment.media_type != "text/html" or attachment.size != len(content)


def _too_large(name: str, size: int, limit: int) -> AttachmentUnreadable:
    return AttachmentUnreadable(
        say("fetch_too_large", name=name, size=size, limit=limit)
    )
