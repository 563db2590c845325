"""Slack's settings, and a start with wrong ones."""

import pytest
from servers.slack import SlackServer

from adapters.slack import create
from adapters.slack.adapter import SlackAdapter
from adapters.slack.settings import SlackSettings
from bot.adapter import Part
from bot.errors import ConfigurationError
from bot.model import Answer, ConversationId, Delivery
from bot.settings import Settings

pytest_plugins = ("servers.slack.fixtures",)


def rendered(adapter: SlackAdapter, text: str) -> Part:
    return adapter.render(Answer(text, complete=True))[0]


async def test_a_refused_token_stops_the_start(
    slack: SlackServer, settings: SlackSettings
) -> None:
    adapter = SlackAdapter(settings)
    slack.fail("auth.test", kind="error:invalid_auth")

    with pytest.raises(ConfigurationError, match="CURBSIDE_SLACK_BOT_TOKEN"):
        await adapter.open()

    await adapter.aclose()


async def test_an_outage_does_not_stop_the_start(
    slack: SlackServer, settings: SlackSettings, general: str
) -> None:
    adapter = SlackAdapter(settings)
    delivery = Delivery("a1", ConversationId("slack", "T1", general), (), "q")
    slack.fail("auth.test", kind="http500")

    await adapter.open()
    await adapter.post(delivery, 0, rendered(adapter, "42"))
    await adapter.aclose()

    assert slack.bot_messages(general)[0]["text"] == "42"


def test_without_a_token_there_is_no_adapter() -> None:
    assert create(Settings()) is None


def test_with_a_token_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURBSIDE_SLACK_BOT_TOKEN", "xoxb-1")

    adapter = create(Settings())

    assert adapter is not None
    assert adapter.platform == "slack"


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("APP_TOKEN", "xapp-1", "slack.bot_token"),
        ("BOT_TOKEN", "xapp-secret", "begins with xoxb-"),
        ("APP_TOKEN", "xoxb-secret", "begins with xapp-"),
        ("API_URL", "slack.com/api", "slack.api_url"),
    ],
)
def test_wrong_settings_are_explained(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(f"CURBSIDE_SLACK_{variable}", value)

    with pytest.raises(ConfigurationError, match=words) as caught:
        create(Settings())

    assert "secret" not in str(caught.value)
