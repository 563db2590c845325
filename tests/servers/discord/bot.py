"""A small bot on the installed discord.py, which keeps what it was told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
from discord import app_commands

from .server import DiscordServer


class Bot(discord.Client):
    """A small bot that keeps what it was told, and answers when spoken to."""

    def __init__(self, *, content: bool = True) -> None:
        intents = discord.Intents.default()
        intents.message_content = content
        super().__init__(
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.1,
        )
        self.tree = app_commands.CommandTree(self)
        self.seen: list[tuple[str, Any]] = []

    async def before_identify_hook(
        self, shard_id: int | None, *, initial: bool = False
    ) -> None:
        """No five seconds of waiting before a second IDENTIFY."""

    def names(self) -> list[str]:
        return [name for name, _ in self.seen]

    def texts(self) -> list[str]:
        return [data.content for name, data in self.seen if name == "message"]

    async def on_ready(self) -> None:
        self.seen.append(("ready", None))

    async def on_resumed(self) -> None:
        self.seen.append(("resumed", None))

    async def on_message(self, message: discord.Message) -> None:
        if message.author.bot:
            return
        self.seen.append(("message", message))
        if self.user in message.mentions or message.guild is None:
            await message.channel.send("hello", reference=message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        self.seen.append(("edit", event))

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        self.seen.append(("delete", event))

    async def on_raw_reaction_add(self, event: discord.RawReactionActionEvent) -> None:
        self.seen.append(("reaction", event))

    async def on_thread_create(self, thread: discord.Thread) -> None:
        self.seen.append(("thread", thread))

    async def on_thread_update(
        self, before: discord.Thread, after: discord.Thread
    ) -> None:
        self.seen.append(("thread changed", after))

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        self.seen.append(("removed", guild))

    def last(self, name: str) -> Any:
        """What came with the last event of that name."""
        return next((data for seen, data in reversed(self.seen) if seen == name), None)


@asynccontextmanager
async def running(server: DiscordServer, bot: Bot) -> AsyncIterator[Bot]:
    async with bot:
        task = asyncio.create_task(bot.start(server.token))
        ready = server.wait_for(lambda: "ready" in bot.names())
        await asyncio.wait(
            {task, asyncio.ensure_future(ready)}, return_when="FIRST_COMPLETED"
        )
        if task.done():
            task.result()
        yield bot
        await bot.close()
        await task


def partial(bot: Bot, channel: int) -> discord.PartialMessageable:
    return bot.get_partial_messageable(channel)
