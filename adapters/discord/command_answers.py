"""Answers to commands: written into the command's own answer while that is open."""

import asyncio
import itertools
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

import discord

from adapters.discord.bodies import Body
from adapters.discord.refusals import INVALID_TOKEN, UNKNOWN_WEBHOOK, DiscordRefused
from adapters.discord.rest import DiscordRest
from bot.model import Delivery

log = logging.getLogger(__name__)

TOKEN_SECONDS = 14.5 * 60
"""A command's answer can be written for fifteen minutes; then it is a message."""

DEFER_SECONDS = 4.0
"""Discord takes the first sign of a command within three; after this none comes."""

LOOK_AGAIN_SECONDS = 0.25


class CommandAnswers:
    """Writes into the answers of commands, as long as Discord lets us."""

    def __init__(
        self,
        rest: DiscordRest,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rest = rest
        self._now = now
        self._sleep = sleep
        self._closed: deque[str] = deque(maxlen=1_000)

    def token(self, delivery: Delivery) -> str:
        """The token of the command's answer, as long as it can be written."""
        token = delivery.reply_token
        usable = token and token not in self._closed
        return token if usable and self._age(delivery) < TOKEN_SECONDS else ""

    async def write(self, delivery: Delivery, body: Body) -> str | None:
        """Write the answer of a command; None when that cannot be done any more.

        The question is stored before Discord gets its first sign, so a quick worker
        may be here before there is anything to write into.
        """
        token = self.token(delivery)
        if not token:
            return None
        for attempt in itertools.count():
            try:
                return str(await self._rest.answer_command(token, body))
            except DiscordRefused as error:
                if error.code not in (UNKNOWN_WEBHOOK, INVALID_TOKEN):
                    raise
                # Later too Discord now and then knows a token only at a second look.
                again = self._age(delivery) < DEFER_SECONDS or attempt == 0
                if error.code == UNKNOWN_WEBHOOK and again:
                    await self._sleep(LOOK_AGAIN_SECONDS)
                    continue
                log.info("a command's answer becomes a message: %s", error)
                self._closed.append(token)
                break
        return None

    def _age(self, delivery: Delivery) -> float:
        """Seconds since the question: its id carries the time."""
        asked = discord.utils.snowflake_time(int(delivery.question_id))
        return self._now() - asked.timestamp()
