"""What channels are called, for pages that speak of them."""

import logging
import time
from collections.abc import Callable

from adapters.slack.web import SlackWeb
from bot.errors import DeliveryError
from bot.words import say

log = logging.getLogger(__name__)

AGAIN_SECONDS = 600.0
PAGE = 200
MOST_PAGES = 10
KINDS = "public_channel,private_channel"


class ChannelNames:
    """The names of the channels that the app is in, as they were when last asked."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._names: dict[str, str] = {}
        self._asked: dict[str, float] = {}

    def of(self, channel: str) -> str:
        """A name that people know; empty if it is not known."""
        if channel.startswith("D"):
            return say("in_private")
        name = self._names.get(channel, "")
        return f"#{name}" if name else ""

    async def learn(self, web: SlackWeb) -> None:
        """Ask for the names in a workspace, unless that was done a while ago."""
        try:
            team = (await web.identify()).team_id
            if self._clock() - self._asked.get(team, float("-inf")) < AGAIN_SECONDS:
                return
            self._asked[team] = self._clock()
            cursor = None
            for _ in range(MOST_PAGES):
                page = await web.read(
                    "users.conversations", types=KINDS, limit=PAGE, cursor=cursor
                )
                for channel in page["channels"]:
                    self._names[channel["id"]] = channel.get("name", "")
                cursor = (page.get("response_metadata") or {}).get("next_cursor")
                if not cursor:
                    return
        except DeliveryError as error:
            log.info("no names of channels for now: %s", error)
