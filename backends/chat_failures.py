"""What a model server's refusals mean: which of our errors, whether to try again."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from backends.base import (
    BackendError,
    BackendMisconfigured,
    BackendRateLimited,
    BackendRefused,
    BackendUnavailable,
)
from backends.chat_types import Endpoint

PATIENCE = 5.0  # the longest pause a server may ask for while a person waits
FIRST_PAUSE = 0.3
TOO_LONG = re.compile(
    r"context[ _-]?(?:length|window|size)|maximum (?:context|prompt|input|sequence)"
    r"|too many tokens|prompt is too long|reduce the length",
    re.IGNORECASE,
)
FILTERED = re.compile(
    r"content.?(?:filter|policy)|content management policy|moderation|safety_",
    re.IGNORECASE,
)
NO_MODEL = re.compile(r"\bmodels?\b|\bdeployment\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP answer of 400 or more, or an error inside a stream (status 0)."""

    status: int
    message: str = ""
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        short = " ".join(self.message.split())[:200]
        return f"HTTP {self.status}: {short}" if self.status else short


def refusal_of(error: Any) -> Refusal:
    """What the server said, from an APIError; inside a stream it has no status."""
    body = error.body if isinstance(error.body, dict) else {}
    code = str(error.code or body.get("type") or "")
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", 0)
    if not status and code.isdigit():
        status = int(code)
    return Refusal(
        status,
        str(body.get("message") or error.message),
        code,
        {} if response is None else {k.lower(): v for k, v in response.headers.items()},
    )


class Failure(Exception):
    """A failed attempt; `pause` is None when another one would be no use."""

    def __init__(self, error: BackendError, pause: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.pause = pause


def judge(refusal: Refusal, endpoint: Endpoint, attempt: int) -> Failure:
    """What to make of a refusal of the given attempt, counted from 0."""
    about = f"{refusal.code} {refusal.message}"
    if TOO_LONG.search(about):
        return Failure(_too_long(refusal, endpoint))
    if FILTERED.search(refusal.code) or (
        refusal.status in (400, 403) and FILTERED.search(refusal.message)
    ):
        message = f"{endpoint.name}: the server's content filter declines ({about})"
        return Failure(BackendRefused(message))
    if refusal.status in (0, 408, 409, 425, 429) or refusal.status >= 500:
        return _for_now(refusal, endpoint, attempt)
    if refusal.status == 402:
        return Failure(_no_credit(refusal, endpoint))
    return Failure(_misconfigured(refusal, endpoint))


def _too_long(refusal: Refusal, endpoint: Endpoint) -> BackendError:
    return BackendMisconfigured(
        f"{endpoint.name}: the prompt is too long for {endpoint.model!r}; lower "
        f"`prompt_tokens`, `max_tokens`, `passages` or `memory_tokens`, or serve the "
        f"model with a longer context ({refusal.text})"
    )


def _no_credit(refusal: Refusal, endpoint: Endpoint) -> BackendError:
    return BackendUnavailable(
        f"{endpoint.name}: the account at {endpoint.server} has no credit left; "
        f"check its billing ({refusal.text})"
    )


def _for_now(refusal: Refusal, endpoint: Endpoint, attempt: int) -> Failure:
    if "insufficient_quota" in refusal.code:
        return Failure(_no_credit(refusal, endpoint))
    asked = retry_after(refusal.headers)
    pause = backoff(attempt) if asked is None else asked
    if refusal.status == 429 or asked is not None:
        message = f"{endpoint.name}: {endpoint.server} is busy ({refusal.text})"
        error: BackendError = BackendRateLimited(message, asked)
    else:
        message = f"{endpoint.name}: {endpoint.server} fails ({refusal.text})"
        error = BackendUnavailable(message)
    return Failure(error, pause if pause <= PATIENCE else None)


def _misconfigured(refusal: Refusal, endpoint: Endpoint) -> BackendError:
    about = f"{refusal.code} {refusal.message}"
    if refusal.status in (401, 403) and "model" not in refusal.code:
        key = "refuses our key" if endpoint.api_key else "wants a key"
        # The server's own words may quote the key, so they are left out.
        return BackendMisconfigured(
            f"{endpoint.name}: {endpoint.server} {key} (HTTP {refusal.status}); set "
            f"`api_key_env` to the environment variable that holds a valid one"
        )
    if refusal.status in (403, 404) and NO_MODEL.search(about):
        return BackendMisconfigured(
            f"{endpoint.name}: {endpoint.server} has no model {endpoint.model!r} for "
            f"us; correct `model` ({refusal.text})"
        )
    if refusal.status in (404, 405):
        return BackendMisconfigured(
            f"{endpoint.name}: there is no chat API at {endpoint.server}; correct "
            f"`base_url`, it usually ends in /v1 ({refusal.text})"
        )
    return BackendMisconfigured(
        f"{endpoint.name}: {endpoint.server} does not take our request; check `model` "
        f"and the profile's other options ({refusal.text})"
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a server asks us to wait; headers' names in lower case."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        value = headers.get("retry-after", "")
        if not value:
            return None
        if value.replace(".", "", 1).isdigit():
            return float(value)
        return max(
            0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        )
    except (ValueError, TypeError):
        return None


def backoff(attempt: int) -> float:
    """Seconds before the next attempt, spread so that clients do not come in step."""
    return FIRST_PAUSE * float(2**attempt) * random.uniform(0.7, 1.3)


def unreachable(endpoint: Endpoint, cause: object, attempt: int) -> Failure:
    """No connection, or one that broke."""
    if type(cause).__name__ == "ConnectError":
        what = "no connection to {}; is it running, and is `base_url` right? ({!r})"
    else:
        what = "the connection to {} broke ({!r})"
    message = f"{endpoint.name}: {what.format(endpoint.server, cause)}"
    return Failure(BackendUnavailable(message), backoff(attempt))


def garbled(endpoint: Endpoint, what: str) -> Failure:
    """An answer that is none: a web page, broken JSON, nothing."""
    return Failure(BackendUnavailable(f"{endpoint.name}: {endpoint.server} {what}"))
