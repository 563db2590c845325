"""Sockets that are renewed, cut, refused: the Slack adapter comes back."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from servers.intake import Box
from servers.slack import SlackServer

from adapters.slack.adapter import SlackAdapter
from adapters.slack.settings import SlackSettings
from bot.errors import ConfigurationError

pytest_plugins = ("servers.slack.fixtures",)

Listening = Callable[[], AbstractAsyncContextManager[SlackAdapter]]
TEAM = "T00000001"


async def test_a_refreshed_and_a_dropped_connection_come_back(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str
) -> None:
    im = slack.open_im(ada)
    slack.sockets.retry_delays = (0.5, 0.5, 0.5)

    slack.refresh_socket()
    await slack.wait_for(lambda: slack.sockets.opened == 2)
    slack.say(ada, im, "after the refresh")
    await slack.settled()
    slack.drop_socket()
    slack.say(ada, im, "into the gap")
    await slack.settled()

    assert box.texts() == ["after the refresh", "into the gap"]
    assert slack.sockets.lost == []


async def test_a_used_up_address_does_not_keep_us_away(
    slack: SlackServer, adapter: SlackAdapter, box: Box, ada: str
) -> None:
    slack.refuse_sockets(0.3)
    slack.drop_socket()
    await slack.wait_for(lambda: not slack.sockets.connections)

    await slack.wait_for(lambda: slack.sockets.connections, timeout=5)
    slack.say(ada, slack.open_im(ada), "hello again")
    await slack.settled()

    assert box.texts() == ["hello again"]


async def test_two_connections_share_the_events(
    slack: SlackServer,
    listening: Listening,
    settings: SlackSettings,
    box: Box,
    ada: str,
) -> None:
    settings.connections = 2

    async with listening():
        for number in range(4):
            slack.say(ada, slack.open_im(ada), f"{number}")
        await slack.settled()

    used = {sent.connection for sent in slack.sockets.delivered}
    assert used == {1, 2}
    assert sorted(box.texts()) == ["0", "1", "2", "3"]


async def test_an_outage_at_the_start_is_waited_for(
    slack: SlackServer, listening: Listening, box: Box
) -> None:
    slack.fail("auth.test", times=2, kind="http500")

    async with listening():
        pass

    assert [call.method for call in slack.calls].count("auth.test") == 3


async def test_settings_of_bolt_in_the_environment_change_nothing(
    slack: SlackServer,
    listening: Listening,
    box: Box,
    ada: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CLIENT_ID", "CLIENT_SECRET", "SIGNING_SECRET"):
        monkeypatch.setenv(f"SLACK_{name}", "stray")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-stray")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-stray")

    async with listening():
        slack.say(ada, slack.open_im(ada), "hello")
        await slack.settled()

    assert box.texts() == ["hello"]
    assert {call.outcome for call in slack.calls} == {"ok"}


async def test_what_is_being_stored_is_acknowledged_before_we_go(
    slack: SlackServer, listening: Listening, box: Box, ada: str
) -> None:
    slack.sockets.ack_timeout = 2
    slack.fail("users.info", kind="slow", seconds=0.3)

    async with listening():
        slack.say(ada, slack.open_im(ada), "hello")
        await slack.wait_for(lambda: slack.calls[-1].method == "users.info")

    assert box.texts() == ["hello"]
    assert [sent.acked for sent in slack.sockets.delivered] == [True]


async def test_a_refused_app_token_ends_the_listening(
    slack: SlackServer, settings: SlackSettings, box: Box
) -> None:
    adapter = SlackAdapter(settings)
    await adapter.open()
    slack.fail("apps.connections.open", kind="error:missing_scope")

    with pytest.raises(ConfigurationError, match="scope"):
        await adapter.listen(box)

    await adapter.aclose()


async def test_listening_needs_the_app_token(
    slack: SlackServer, settings: SlackSettings, box: Box
) -> None:
    settings.app_token = None
    adapter = SlackAdapter(settings)
    await adapter.open()

    with pytest.raises(ConfigurationError, match="CURBSIDE_SLACK_APP_TOKEN"):
        await adapter.listen(box)

    await adapter.aclose()
