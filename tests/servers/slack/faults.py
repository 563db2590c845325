"""Faults that a test scripts ahead: which Web API call goes wrong, and how."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from .arguments import Arguments
from .workspace import JSON

KINDS = frozenset(
    {
        "drop_before",  # closed without a reply, nothing happened
        "drop_after",  # closed without a reply, the write took effect
        "ratelimited",  # 429 with Retry-After
        "http500",  # nothing happened
        "http500_after",  # the write took effect all the same
        "html",  # an error page of a proxy, with status 200
        "slow",  # takes effect at once, answers after `seconds`
    }
)


@dataclass(frozen=True)
class Fault:
    """One call that will go wrong."""

    kind: str
    retry_after: int = 1
    seconds: float = 5.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS and not self.kind.startswith("error:"):
            known = ", ".join(sorted(KINDS))
            raise ValueError(f"no fault {self.kind!r}; use error:<name> or {known}")

    @property
    def error(self) -> str | None:
        """The Slack error this fault answers with, such as `is_archived`."""
        return self.kind.removeprefix("error:") if ":" in self.kind else None

    @property
    def takes_effect(self) -> bool:
        return self.kind in {"drop_after", "http500_after", "slow"}

    def spoil(self, request: web.Request) -> web.StreamResponse:
        """The reply (or the lack of one) that it makes."""
        if self.kind.startswith("drop"):
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if self.kind == "ratelimited":
            limited: JSON = {"ok": False, "error": "ratelimited"}
            headers = {"Retry-After": str(self.retry_after)}
            return web.json_response(limited, status=429, headers=headers)
        if self.kind.startswith("http500"):
            return web.Response(status=500, text="Server Error")
        if self.kind == "html":
            page = "<html><body>Bad gateway</body></html>"
            return web.Response(text=page, content_type="text/html")
        return web.json_response({"ok": False, "error": self.error})


class Faults:
    """The queue of faults of each method; `*` stands for any method.

    `choose` may name the fault of a call by its arguments; it is asked first.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Fault]] = {}
        self.choose: Callable[[str, Arguments], Fault | None] | None = None

    def add(self, method: str, times: int, fault: Fault) -> None:
        self._waiting.setdefault(method, deque()).extend([fault] * times)

    def take(self, method: str, arguments: Arguments) -> Fault | None:
        if self.choose and (chosen := self.choose(method, arguments)):
            return chosen
        for name in (method, "*"):
            if queue := self._waiting.get(name):
                return queue.popleft()
        return None

    def clear(self) -> None:
        self._waiting.clear()

    def waiting(self) -> JSON:
        """How many faults are still to come, by method."""
        return {name: len(queue) for name, queue in self._waiting.items() if queue}
