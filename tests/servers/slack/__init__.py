"""A local Slack for the real SDK: start it, say something, look at what was answered.

    server = SlackServer()
    await server.start()
    ada = server.add_user("ada")
    general = server.add_channel("general")
    ts = server.say(ada, general, "what is this?", mention_bot=True)
    await server.wait_for(lambda: server.bot_messages(general, thread=ts))

It streams, keeps sessions and modals, checks blocks, serves files, delivers over
sockets or signed HTTP, lets further workspaces install the app (`add_team`), limits by
Slack's tiers (`limits`) and fails as it is told to (`fail`). People press, fill in and
stop: `click`, `submit`, `shortcut`, `open_home`, `stop_agent`.

`python -m servers.slack --port 8600` (with `tests` on PYTHONPATH) starts it by itself,
steered over HTTP under `/control/`; `servers.slack.demo` puts a person into it.
"""

from .faults import Fault
from .interacting import Interacting
from .server import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, Call, SlackServer
from .sockets import Delivered
from .workspace import SlackError

__all__ = [
    "APP_TOKEN",
    "BOT_TOKEN",
    "SIGNING_SECRET",
    "Call",
    "Delivered",
    "Fault",
    "Interacting",
    "SlackError",
    "SlackServer",
]
