"""Slack over Socket Mode: mentions, direct messages, threads, `/curbside` commands."""

from bot.adapter import Adapter
from bot.errors import ConfigurationError
from bot.settings import Settings, load_section


def create(settings: Settings) -> Adapter | None:
    """The adapter as `[slack]` configures it; None without a bot token."""
    from adapters.slack.settings import SlackSettings

    slack = load_section(SlackSettings)
    if slack.bot_token is None:
        if slack.app_token is not None:
            raise ConfigurationError(
                "setting 'slack.app_token' is there but 'slack.bot_token' is not; set "
                "CURBSIDE_SLACK_BOT_TOKEN to the app's Bot User OAuth Token"
            )
        return None
    # Imported late: Bolt takes its time, and a team on Discord alone never needs it.
    from adapters.slack.adapter import SlackAdapter

    return SlackAdapter(slack)
