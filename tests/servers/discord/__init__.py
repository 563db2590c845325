"""A local Discord that the real discord.py talks to; tests and the demo drive it."""

from .model import Permission
from .server import TOKEN, DiscordServer, patched

__all__ = ["TOKEN", "DiscordServer", "Permission", "patched"]
