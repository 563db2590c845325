"""A local Discord that the real discord.py talks to; tests and the demo drive it."""

from servers.discord.model import Permission
from servers.discord.server import TOKEN, DiscordServer, patched

__all__ = ["TOKEN", "DiscordServer", "Permission", "patched"]
