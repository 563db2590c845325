"""What refusals mean, and how long to wait."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from backends.base import (
    BackendError,
    BackendMisconfigured,
    BackendRateLimited,
    BackendRefused,
    BackendUnavailable,
)
from backends.chat_failures import PATIENCE, Refusal, backoff, judge, retry_after
from backends.chat_types import Endpoint

ENDPOINT = Endpoint("http://house/v1", "sk", "m", "[backends.x]")


@pytest.mark.parametrize(
    ("refusal", "error", "again"),
    [
        (Refusal(500), BackendUnavailable, True),
        (Refusal(503, headers={"retry-after": "90"}), BackendRateLimited, False),
        (Refusal(529, "overloaded"), BackendUnavailable, True),
        (Refusal(408), BackendUnavailable, True),
        (Refusal(0, "overloaded", "server_error"), BackendUnavailable, True),
        (Refusal(429), BackendRateLimited, True),
        (Refusal(429, headers={"retry-after": "2"}), BackendRateLimited, True),
        (Refusal(429, headers={"retry-after": "20"}), BackendRateLimited, False),
        (Refusal(429, code="insufficient_quota"), BackendUnavailable, False),
        (Refusal(402, "Insufficient credits"), BackendUnavailable, False),
        (Refusal(413, "prompt is too long"), BackendMisconfigured, False),
        (
            Refusal(400, "request exceeds the available context size"),
            BackendMisconfigured,
            False,
        ),
        (
            Refusal(400, "Input exceeds maximum input length"),
            BackendMisconfigured,
            False,
        ),
        (Refusal(400, code="content_policy_violation"), BackendRefused, False),
        (Refusal(0, code="content_filter"), BackendRefused, False),
        (Refusal(404, "model 'm' not found"), BackendMisconfigured, False),
        (Refusal(422, "field required"), BackendMisconfigured, False),
    ],
    ids=str,
)
def test_what_a_refusal_means(
    refusal: Refusal, error: type[BackendError], again: bool
) -> None:
    failure = judge(refusal, ENDPOINT, 0)

    assert type(failure.error) is error
    assert (failure.pause is not None) is again
    assert str(failure.error).startswith("[backends.x]: ")


def test_an_empty_account_names_the_account() -> None:
    failure = judge(Refusal(429, code="insufficient_quota"), ENDPOINT, 0)

    assert "credit" in str(failure.error)


def test_a_long_message_is_shortened() -> None:
    assert len(Refusal(400, "x " * 999).text) < 220


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "x"}, None),
        ({"retry-after": "Fri, 20 Nov 2020 08:00:00 GMT"}, 0.0),
    ],
    ids=str,
)
def test_how_long_a_server_asks_us_to_wait(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds


def test_it_may_name_a_time() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)

    seconds = retry_after({"retry-after": later})

    assert seconds is not None
    assert 28 < seconds <= 30


def test_pauses_grow_and_stay_short() -> None:
    first, second = (max(backoff(n) for _ in range(99)) for n in (0, 1))

    assert 0 < first < second < PATIENCE
