"""Slack: mentions, direct messages, threads, `/curbside` commands, the agent's view."""

from bot.adapter import Adapter
from bot.errors import ConfigurationError
from bot.settings import Settings, load_section


def create(settings: Settings) -> Adapter | None:
    """The adapter as `[slack]` configures it; None without a token or an OAuth app."""
    from adapters.slack.settings import SlackSettings

    slack = load_section(SlackSettings)
    many = bool(slack.oauth.client_id)
    if many and slack.bot_token is not None:
        raise ConfigurationError(
            "settings 'slack.bot_token' and 'slack.oauth.client_id' are both there; "
            "take the token out to serve many workspaces, or the client_id to serve one"
        )
    if many and slack.mode != "http":
        raise ConfigurationError(
            "setting 'slack.oauth.client_id' needs 'slack.mode' to be 'http': people "
            "install the app on a page of ours"
        )
    if not many and slack.bot_token is None:
        if slack.app_token is not None:
            raise ConfigurationError(
                "setting 'slack.app_token' is there but 'slack.bot_token' is not; set "
                "CURBSIDE_SLACK_BOT_TOKEN to the app's Bot User OAuth Token"
            )
        return None
    # Imported late: the SDK takes its time, and a team on Discord never needs it.
    from adapters.slack.adapter import SlackAdapter

    if not many:
        return SlackAdapter(slack)
    try:
        from adapters.slack.oauth import ManyWorkspaces
    except ImportError as error:
        raise ConfigurationError(
            "setting 'slack.oauth.client_id' needs more libraries: install "
            "'curbside[oauth]'"
        ) from error

    url = slack.oauth.database_url
    default = f"sqlite+aiosqlite:///{settings.data_dir / 'slack-installations.db'}"
    database = url.get_secret_value() if url else default
    return SlackAdapter(slack, ManyWorkspaces(slack, database))
