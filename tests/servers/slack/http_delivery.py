"""Deliveries over HTTP, signed as Slack signs them: events, commands, interactions."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp

from .workspace import JSON


@dataclass
class HttpDelivery:
    """Where the app listens. Redirects are not followed, and only 2xx is an ack."""

    events_url: str
    interactions_url: str
    commands_url: str
    signing_secret: str
    timeout: float = 3.0
    clock: Callable[[], float] = time.time
    refused: list[int] = field(default_factory=list)
    _session: aiohttp.ClientSession | None = None

    async def send(
        self, type_: str, payload: JSON, attempt: int, reason: str
    ) -> tuple[str, Any]:
        """Why it failed ("" if it did not), and what was answered."""
        if type_ == "events_api":
            return await self.post(
                self.events_url,
                json.dumps(payload).encode(),
                "application/json",
                _retry(attempt, reason),
            )
        url, fields = self.interactions_url, {"payload": json.dumps(payload)}
        if type_ == "slash_commands":
            url, fields = self.commands_url, payload
        body = urlencode(fields).encode()
        return await self.post(url, body, "application/x-www-form-urlencoded", {})

    async def verify(self) -> bool:
        """The handshake when an address is entered: the challenge comes back."""
        body = {"type": "url_verification", "token": "v", "challenge": "c-123"}
        given = json.dumps(body).encode()
        failure, answer = await self.post(
            self.events_url, given, "application/json", {}
        )
        challenge = answer.get("challenge") if isinstance(answer, dict) else answer
        return not failure and challenge == "c-123"

    async def post(
        self, url: str, body: bytes, content_type: str, more: dict[str, str]
    ) -> tuple[str, Any]:
        headers = {"Content-Type": content_type, **more, **self.signed(body)}
        timeout = aiohttp.ClientTimeout(total=self.timeout)
        if self._session is None:
            self._session = aiohttp.ClientSession()
        posting = self._session.post(
            url, data=body, headers=headers, timeout=timeout, allow_redirects=False
        )
        try:
            async with posting as reply:
                answer = _decoded(await reply.text())
                if reply.status // 100 == 2:
                    return "", answer
                self.refused.append(reply.status)
                stop = reply.headers.get("x-slack-no-retry") == "1"
                return ("no_retry" if stop else "http_error"), answer
        except TimeoutError:
            return "http_timeout", None
        except aiohttp.ClientError:
            return "connection_failed", None

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def signed(self, body: bytes, at: float | None = None) -> dict[str, str]:
        """The headers that prove where a request comes from."""
        stamp = str(int(self.clock() if at is None else at))
        base = b"v0:" + stamp.encode() + b":" + body
        digest = hmac.new(self.signing_secret.encode(), base, hashlib.sha256)
        return {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest.hexdigest()}",
        }


def _retry(attempt: int, reason: str) -> dict[str, str]:
    if not attempt:
        return {}
    return {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason}


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
