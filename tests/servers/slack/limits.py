"""How often a method may be called: tiers by workspace, one post a second a channel."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .arguments import Arguments
from .faults import Fault

TIER_2 = 20
TIER_3 = 50
TIER_4 = 100
TIERS = {
    "chat.startStream": TIER_2,
    "chat.stopStream": TIER_2,
    "chat.appendStream": TIER_4,
    "chat.postMessage": 300,
    "chat.update": TIER_3,
    "chat.delete": TIER_3,
    "chat.postEphemeral": TIER_4,
    "conversations.history": TIER_3,
    "conversations.replies": TIER_3,
    "conversations.info": TIER_3,
    "conversations.open": TIER_3,
    "users.conversations": TIER_2,
    "conversations.list": TIER_2,
    "conversations.members": TIER_4,
    "users.info": TIER_4,
    "users.list": TIER_2,
    "reactions.add": TIER_3,
    "reactions.remove": TIER_2,
    "views.open": TIER_4,
    "views.push": TIER_4,
    "views.update": TIER_4,
    "views.publish": TIER_4,
    "files.info": TIER_4,
    "usergroups.list": TIER_2,
    "usergroups.users.list": TIER_2,
    "assistant.threads.setStatus": 600,
    "assistant.threads.setSuggestedPrompts": TIER_3,
    "agents.sessions.setStatus": TIER_3,
    "agents.sessions.rename": TIER_3,
    "apps.connections.open": TIER_3,
    "auth.test": 600,
}
LIMITED_HISTORY = frozenset({"conversations.history", "conversations.replies"})
LIMITED_ITEMS = 15
"""What a distributed app outside the Marketplace gets, once a minute."""


@dataclass
class Limits:
    """Counts calls. All is switched off until a test wants it."""

    tiers: bool = False
    one_post_per_second: bool = False
    limited_history: bool = False
    minute: float = 60.0
    clock: Callable[[], float] = time.monotonic
    _posted: dict[str, float] = field(default_factory=dict)
    _called: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    def check(self, team: str, method: str, arguments: Arguments) -> Fault | None:
        """The 429 that this call gets, if it comes too soon."""
        if self.limited_history and method in LIMITED_HISTORY:
            given = arguments.number("limit", 100)
            arguments.values["limit"] = min(given, LIMITED_ITEMS)
            return self._over(team, method, 1)
        if self.one_post_per_second and method == "chat.postMessage":
            channel, now = arguments.text("channel"), self.clock()
            if now - self._posted.get(channel, -1.0) < 1:
                return Fault("ratelimited")
            self._posted[channel] = now
        if self.tiers and method in TIERS:
            return self._over(team, method, TIERS[method])
        return None

    def _over(self, team: str, method: str, allowed: int) -> Fault | None:
        now = self.clock()
        calls = self._called.setdefault((team, method), deque())
        while calls and calls[0] <= now - self.minute:
            calls.popleft()
        if len(calls) >= allowed:
            pause = calls[0] + self.minute - now
            return Fault("ratelimited", retry_after=max(1, round(pause + 0.5)))
        calls.append(now)
        return None
