"""Everything that must outlive the process, in two engines: SQLite and Redis."""

from bot.settings import Settings
from bot.state.base import State

MAIN = "main"


def create(settings: Settings, name: str = MAIN) -> State:
    """The state that the settings name: Redis if a URL is set, else a file.

    States of different names know nothing of each other.
    """
    if settings.redis_url is not None:
        from bot.state.redis import RedisState

        prefix = "curbside" if name == MAIN else f"curbside-{name}"
        return RedisState(settings.redis_url.get_secret_value(), prefix=prefix)
    from bot.state.sqlite import SqliteState

    file = "state.db" if name == MAIN else f"state-{name}.db"
    return SqliteState(settings.data_dir / file)
