"""Discord over its gateway: mentions, direct messages, threads, slash commands."""

from bot.adapter import Adapter
from bot.settings import Settings, load_section


def create(settings: Settings) -> Adapter | None:
    """The adapter as `[discord]` configures it; None without a token."""
    from adapters.discord.settings import DiscordSettings

    discord = load_section(DiscordSettings)
    if discord.token is None:
        return None
    # Imported late: the library takes its time, and a team on Slack never needs it.
    from adapters.discord.adapter import DiscordAdapter
    from adapters.discord.checking import place_of_every

    return DiscordAdapter(discord, every=place_of_every(settings.places))
