"""Calls that are not made at all, because Discord has had enough of them."""

import time
from collections.abc import Callable

from adapters.discord.refusals import TokenRefused
from bot.errors import DeliveryError, DeliveryLater

TOKEN_SECONDS = 60.0
"""A token that was refused is not tried again for so long."""


class Ban:
    """Ten thousand calls that are refused are answered with a ban of the address.

    After a refusal for calling too much, or of the token, nothing is sent for a while:
    it would be refused again, and counted.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._until = 0.0
        self._reason: DeliveryError | None = None

    def note(self, reason: DeliveryError, *, limited: bool = False) -> None:
        """A call was refused; `limited`: for too many calls, and not by the API."""
        if limited and isinstance(reason, DeliveryLater):
            self._stop(reason.retry_after, reason)
        elif isinstance(reason, TokenRefused):
            self._stop(TOKEN_SECONDS, reason)

    def check(self) -> None:
        """Raise what was said of an earlier call, while it counts."""
        left = self._until - self._now()
        if left <= 0 or self._reason is None:
            return
        if isinstance(self._reason, DeliveryLater):
            raise DeliveryLater(str(self._reason), left)
        raise self._reason

    def _stop(self, seconds: float, reason: DeliveryError) -> None:
        self._until = max(self._until, self._now() + seconds)
        self._reason = reason
