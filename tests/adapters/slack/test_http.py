"""Slack over HTTP: signed deliveries to the adapter, in time and once."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from servers.intake import Box
from servers.slack import SIGNING_SECRET, SlackServer
from servers.slack.http_delivery import HttpDelivery

from adapters.slack.adapter import SlackAdapter
from adapters.slack.settings import SlackSettings
from bot.errors import ConfigurationError

pytest_plugins = ("servers.slack.fixtures",)

JSON = dict[str, Any]


@pytest.fixture
def settings(settings: SlackSettings, unused_tcp_port: int) -> SlackSettings:
    secret = {"signing_secret": SIGNING_SECRET}
    return SlackSettings(
        **settings.model_dump(include={"bot_token", "api_url"}),
        **secret,
        mode="http",
        port=unused_tcp_port,
        catch_up_minutes=0,
    )


@pytest.fixture
async def url(
    slack: SlackServer, settings: SlackSettings, box: Box
) -> AsyncIterator[str]:
    """Where the adapter listens, and the local Slack posts to."""
    adapter = SlackAdapter(settings)
    await adapter.open()
    task = asyncio.create_task(adapter.listen(box))
    url = f"http://127.0.0.1:{settings.port}"
    while not await answers(f"{url}/health/live"):
        await asyncio.sleep(0.02)
    slack.deliver_over_http(
        f"{url}/slack/events", f"{url}/slack/interactions", f"{url}/slack/commands"
    )
    yield url
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await adapter.aclose()


async def answers(url: str) -> bool:
    with suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session, session.get(url) as reply:
            return reply.status == 200
    return False


def signed(body: bytes, at: float | None = None, secret: str = SIGNING_SECRET) -> JSON:
    headers = HttpDelivery("", "", "", secret).signed(body, at)
    return headers | {"Content-Type": "application/json"}


async def post(url: str, body: bytes, headers: JSON) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/slack/events", data=body, headers=headers) as reply,
    ):
        return reply.status, await reply.text()


def event(slack: SlackServer, text: str = "hello") -> bytes:
    """A direct message of somebody, as Slack posts it."""
    ada = slack.workspace.user("ada").id
    message = {"type": "message", "user": ada, "text": text, "ts": "1700000000.000100"}
    message |= {"channel": slack.open_im(ada), "channel_type": "im"}
    return json.dumps(slack.payloads.event_callback(message)).encode()


async def test_events_commands_and_clicks_arrive(
    slack: SlackServer, url: str, box: Box, ada: str, general: str
) -> None:
    box.replies["status"] = "All is well."
    ts = slack.say(ada, general, "what is it?", mention_bot=True)
    slack.slash(ada, general, "/curbside", "status")
    slack.click(ada, general, ts, "anything")
    await slack.settled()

    assert box.texts() == ["what is it?"]
    assert slack.ephemerals[0]["text"] == "All is well."
    assert all(sent.acked for sent in slack.sockets.delivered)


async def test_slack_is_told_to_come_again_until_it_is_stored(
    slack: SlackServer, url: str, box: Box, ada: str
) -> None:
    box.broken = 2

    slack.say(ada, slack.open_im(ada), "hello")
    await slack.settled()

    assert box.texts() == ["hello"]
    assert [sent.acked for sent in slack.sockets.delivered] == [False, False, True]


async def test_what_comes_twice_is_one(
    slack: SlackServer, url: str, box: Box, ada: str
) -> None:
    body, now = event(slack), time.time()

    statuses = [(await post(url, body, signed(body, now - ago)))[0] for ago in (1, 0)]

    assert statuses == [200, 200]
    assert box.handed_in == 2
    assert box.texts() == ["hello"]


async def test_what_was_said_before_the_start_is_heard(
    slack: SlackServer, settings: SlackSettings, box: Box, ada: str
) -> None:
    slack.say(ada, slack.open_im(ada), "is anybody there?")
    await slack.settled()
    adapter = SlackAdapter(settings.model_copy(update={"catch_up_minutes": 15}))
    await adapter.open()

    task = asyncio.create_task(adapter.listen(box))
    await slack.wait_for(box.texts)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await adapter.aclose()

    assert box.texts() == ["is anybody there?"]


async def test_the_address_is_verified_by_its_challenge(
    slack: SlackServer, url: str
) -> None:
    assert slack.sockets.http is not None

    assert await slack.sockets.http.verify()


@pytest.mark.parametrize(
    ("seconds", "secret", "said"),
    [
        (0, "another secret", "CURBSIDE_SLACK_SIGNING_SECRET"),
        (-301, SIGNING_SECRET, "clock"),
        (301, SIGNING_SECRET, "clock"),
    ],
    ids=["wrong secret", "too old", "from the future"],
)
async def test_what_is_not_signed_well_is_refused_with_the_fix(
    slack: SlackServer,
    url: str,
    box: Box,
    ada: str,
    seconds: int,
    secret: str,
    said: str,
) -> None:
    body = event(slack)

    status, text = await post(url, body, signed(body, time.time() + seconds, secret))

    assert status == 401
    assert said in text
    assert box.handed_in == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Slack-Signature": "v0=\u00e9"},
        {"X-Slack-Request-Timestamp": "9" * 5_000},
        {"X-Slack-Request-Timestamp": "9" * 400},
    ],
    ids=["signature", "number", "large number"],
)
async def test_headers_of_strangers_are_refused(
    slack: SlackServer, url: str, box: Box, ada: str, headers: JSON
) -> None:
    body = event(slack)

    status, _ = await post(url, body, signed(body) | headers)

    assert status == 401
    assert box.handed_in == 0


async def test_bytes_of_strangers_are_refused(slack: SlackServer, url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    request = "POST /slack/events HTTP/1.1\r\nHost: x\r\nX-Odd: \xff\r\n"
    request += "Content-Length: 2\r\nConnection: close\r\n\r\n{}"
    writer.write(request.encode("latin-1"))
    reply = await reader.read()
    writer.close()

    assert reply.startswith(b"HTTP/1.1 401")


async def test_a_clock_that_is_a_little_off_is_forgiven(
    slack: SlackServer, url: str, box: Box, ada: str
) -> None:
    body = event(slack)

    status, _ = await post(url, body, signed(body, time.time() - 200))

    assert status == 200
    assert box.texts() == ["hello"]


async def test_a_replayed_request_is_refused(
    slack: SlackServer, url: str, box: Box, ada: str
) -> None:
    body = event(slack)
    headers = signed(body)

    statuses = [(await post(url, body, headers))[0] for _ in range(3)]

    assert statuses == [200, 409, 409]
    assert box.handed_in == 1


async def test_a_repetition_within_the_second_is_taken_after_a_failure(
    slack: SlackServer, url: str, box: Box, ada: str
) -> None:
    body, box.broken = event(slack), 1
    headers = signed(body)

    statuses = [(await post(url, body, headers))[0] for _ in range(2)]

    assert statuses == [503, 200]
    assert box.texts() == ["hello"]


async def test_nonsense_is_refused_and_nothing_breaks(
    slack: SlackServer, url: str, box: Box, ada: str
) -> None:
    odd = [
        b"",
        b"[1]",
        b"{",
        b"\xff\xfe",
        b'{"type": "event_callback"}',
        b"x" * 1_000_001,
    ]
    statuses = [(await post(url, body, signed(body)))[0] for body in odd]
    unsigned, _ = await post(url, event(slack), {"Content-Type": "application/json"})
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{url}/elsewhere", data=b"x") as elsewhere:
            pass
        async with session.get(f"{url}/slack/install") as installing:
            pass

    assert statuses == [400, 400, 400, 401, 200, 413]
    assert unsigned == 401
    assert (elsewhere.status, installing.status) == (404, 404)
    slack.say(ada, slack.open_im(ada), "still there?")
    await slack.settled()
    assert box.texts() == ["still there?"]


async def test_ready_as_long_as_the_state_answers(
    slack: SlackServer, url: str, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(kind: str, id: str) -> None:
        from bot.errors import StateUnavailable

        raise StateUnavailable("the disk is full")

    ready = await answers(f"{url}/health/ready")
    monkeypatch.setattr(box.records, "get", away)

    assert ready
    assert not await answers(f"{url}/health/ready")
    assert await answers(f"{url}/health/live")


async def test_a_slow_command_is_acknowledged_and_answered_later(
    slack: SlackServer, url: str, box: Box, ada: str, general: str
) -> None:
    box.replies["status"], box.slowness = "At last.", 2.2

    slack.sockets.ack_timeout = slack.sockets.http.timeout = 3  # type: ignore[union-attr]
    slack.slash(ada, general, "/curbside", "status")
    await slack.wait_for(lambda: slack.ephemerals)

    assert slack.sockets.delivered[0].acked
    assert slack.ephemerals[0]["text"] == "At last."


async def test_settings_that_are_missing_name_the_fix(
    slack: SlackServer, settings: SlackSettings, box: Box, url: str
) -> None:
    taken = SlackAdapter(settings)
    await taken.open()
    with pytest.raises(ConfigurationError, match=r"slack\.port"):
        await taken.listen(box)
    await taken.aclose()
    unsigned = SlackAdapter(settings.model_copy(update={"signing_secret": None}))
    await unsigned.open()
    with pytest.raises(ConfigurationError, match="CURBSIDE_SLACK_SIGNING_SECRET"):
        await unsigned.listen(box)
    health = await unsigned.health()
    await unsigned.aclose()

    assert "CURBSIDE_SLACK_SIGNING_SECRET" in health.problems[0]
