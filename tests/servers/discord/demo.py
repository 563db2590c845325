"""`make demo-discord`: the bot in a local Discord, and a terminal to be its people.

No account, no key: the real bot runs as a process of its own, talks to the local server
as it would to Discord, and answers over the example handbook.
"""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live

from .demo_terminal import HELP, Terminal
from .server import TOKEN, DiscordServer

ROOT = Path(__file__).resolve().parents[3]

CONFIG = """\
data_dir = "{folder}/data"
documents = ["{root}/examples/handbook"]
collection = "clinic"
[audience]
default = ["public", "staff"]
[places."discord:{guild}:{forum}"]
listen = "every"
[discord]
token = "{token}"
message_content = true
api_url = "{api}"
gateway_url = "{gateway}"
"""

READY_SECONDS = 180
WAIT_SECONDS = 60

console = Console()


@asynccontextmanager
async def bot(folder: Path, config: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The bot as a process; what it says goes to its log."""
    (folder / "curbside.toml").write_text(config, encoding="utf-8")
    log = folder / "bot.log"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    environment |= {"PYTHONPATH": str(ROOT), "CURBSIDE_CONFIG": "curbside.toml"}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", "--platform", "discord",
            cwd=folder, env=environment, stdout=output, stderr=output,
            stdin=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        async with DiscordServer() as server:
            return await play(server, Path(name))


async def play(server: DiscordServer, folder: Path) -> int:
    guild = server.add_guild("Clinic")
    places = {"general": server.add_channel(guild, "general")}
    places["help"] = server.add_forum(guild, "help", tags=("open", "solved"))
    people = {name: server.add_user(name) for name in ("ana", "bo", "boss")}
    server.grant(people["boss"], guild)
    config = CONFIG.format(
        folder=folder, root=ROOT, guild=guild, forum=places["help"],
        token=TOKEN, api=server.api_url, gateway=server.gateway_url,
    )  # fmt: skip
    terminal = Terminal(server, ask)
    terminal.start(people, places)
    async with bot(folder, config) as process:
        log = folder / "bot.log"
        console.print("The bot starts and reads the handbook …", style="dim")
        try:
            await server.wait_for(
                lambda: process.returncode is not None or is_ready(server, log),
                READY_SECONDS,
            )
            if process.returncode is not None:
                raise RuntimeError("the bot has ended")
        except (TimeoutError, RuntimeError):
            console.print(log.read_text(), markup=False)
            return 1
        console.print(HELP, markup=False)
        await talk(terminal)
    return 0


def is_ready(server: DiscordServer, log: Path) -> bool:
    known = "documents:" in log.read_text(encoding="utf-8", errors="replace")
    return server.gateway.connected and bool(server.commands) and known


async def talk(terminal: Terminal) -> None:
    """Read a line, do it, show what comes of it; until the end."""
    while True:
        try:
            line = (await ask("> ")).strip()
        except EOFError:
            return
        if line in (":quit", "/quit"):  # the Slack demo says it so
            return
        if not line:
            continue
        try:
            if told := await terminal.do(line):
                console.print(told, markup=False, highlight=False)
                continue
            await watch(terminal)
            while await terminal.fill():
                await watch(terminal)
        except (LookupError, PermissionError, ValueError, OSError) as error:
            console.print(f"That cannot be done: {error}", style="red", markup=False)


async def watch(terminal: Terminal) -> None:
    """Show the place while it changes, the edits of a growing answer too."""
    server, loop = terminal.server, asyncio.get_running_loop()
    moved, seen, end = loop.time(), "", loop.time() + WAIT_SECONDS
    live = Live(terminal.view.rendered(), console=console, refresh_per_second=8,
                transient=not console.is_terminal)  # fmt: skip
    with live:
        while loop.time() < end:
            await asyncio.sleep(0.1)
            live.update(terminal.view.rendered())
            now = repr([server.calls[-1:], terminal.view.messages])
            if now != seen:
                moved, seen = loop.time(), now
            if loop.time() - moved > terminal.view.patience():
                break
    if not console.is_terminal:
        console.print(terminal.view.rendered())


async def ask(prompt: str) -> str:
    """A line that the person types; EOFError at the end."""
    return await asyncio.to_thread(input, prompt)


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except KeyboardInterrupt:
        os._exit(130)
