"""Curbside in a Slack of its own, in the terminal: `make demo-slack`, no account.

You are ada. A line is a question; the number of a button presses it.
"""

import asyncio
import os
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from . import SlackServer
from .launching import bot
from .screen import Screen, choices
from .workspace import JSON, SlackError

HELP = """\
a line       ask, in private with Curbside       2      press button [2]
/channel     ask in #general from now on         /dm    in private again
/new         begin a new conversation            /home  open the Home tab
/stop        Stop (Ctrl-C while it answers)      /open  come back to the app
/ask         "Ask about this", your last one     /quit  end (or Ctrl-D)
/curbside …  the slash command                   /react +1  to the answer"""
FIRST_SECONDS = 60.0
QUIET_SECONDS = 1.2
"""When nothing has been written for so long, the answer is whole."""


class Demo:
    """A person at the terminal, and the workspace they are in."""

    def __init__(self, server: SlackServer, console: Console) -> None:
        self.server = server
        self.console = console
        self.user = server.add_user("ada", admin=True)
        self.general = server.add_channel("general")
        self.dm = server.open_im(self.user)
        self.place, self.thread = self.dm, ""
        self.screen = Screen()
        self.shown: JSON = {}
        self.last_said = ""
        self._watching = False

    def interrupt(self) -> None:
        """Ctrl-C: stop an answer that grows, else end."""
        if not self._watching:
            os._exit(130)  # a thread still waits for a line
        with suppress(SlackError):
            self.server.stop_agent(self.user, self.place, self.thread)

    async def run(self) -> None:
        """Read lines until the end."""
        self.console.print(HELP, style="dim", highlight=False)
        await self.open_app()
        while (line := await self._read("> ")) is not None:
            try:
                if not await self.obey(line.strip()):
                    return
            except SlackError as error:
                self.console.print(f"Slack says: {error.code}", style="red")

    async def obey(self, line: str) -> bool:
        """Carry out a line; whether to go on."""
        command, _, rest = line.partition(" ")
        if command in ("/quit", "/exit"):
            return False
        known = {
            "/new": self._begin_anew,
            "/channel": self._go_to,
            "/dm": self._go_to,
            "/home": self.show_home,
            "/open": self.open_app,
            "/stop": self._stop,
            "/react": self._react,
            "/ask": self._ask_about_this,
        }
        if command in known:
            await known[command](rest or command)
        elif command.isdigit():
            await self.press(int(command))
        elif command.startswith("/"):
            await self.act(self.server.slash(self.user, self.place, command, rest))
        elif line:
            await self.ask(line)
        return True

    async def _begin_anew(self, rest: str) -> None:
        self.thread = ""

    async def _go_to(self, rest: str) -> None:
        self.place = self.general if rest == "/channel" else self.dm
        self.thread = ""

    async def _stop(self, rest: str) -> None:
        self.server.stop_agent(self.user, self.place, self.thread)
        await self.watch()

    async def _react(self, rest: str) -> None:
        name = "+1" if rest.startswith("/") else rest
        self.server.react(self.user, self.place, self.shown["ts"], name)
        await self.server.settled()

    async def _ask_about_this(self, rest: str) -> None:
        where = (self.user, self.place, self.last_said)
        await self.act(self.server.shortcut(*where, "ask_about_this"))

    async def ask(self, text: str) -> None:
        """Say it, and watch the answer grow."""
        mention = self.place == self.general and not self.thread
        self.last_said = self.server.say(
            self.user,
            self.place,
            text,
            thread=self.thread or None,
            mention_bot=mention,
        )
        self.thread = self.thread or self.last_said
        await self.watch()

    async def press(self, number: int) -> None:
        """Press one of the buttons that are on the screen."""
        if not 0 < number <= len(self.screen.buttons):
            self.console.print("There is no such button.", style="red")
            return
        action_id, value = self.screen.buttons[number - 1]
        if "blocks" in self.shown and "ts" not in self.shown:
            click = self.server.click_in_view
            await self.act(click(self.user, self.shown["id"], action_id, value))
        else:
            place, ts = self.shown["place"], self.shown["ts"]
            await self.act(self.server.click(self.user, place, ts, action_id, value))

    async def act(self, trigger: str) -> None:
        """Wait for what comes of an act: a modal, a note for us alone, a message."""
        await self.watch(QUIET_SECONDS, first=QUIET_SECONDS)
        while (view := self.server.modal(self.user)) is not None:
            if not await self.fill_in(view):
                return

    async def fill_in(self, view: JSON) -> bool:
        """Fill a modal in and submit it; whether to look again."""
        screen = Screen()
        errors = self.server.view_errors.get(view["id"])
        self.console.print(screen.view(view, errors))
        values: JSON = {}
        for block in view["blocks"]:
            if block["type"] == "input":
                given = await self._choose(block)
                if given is None:
                    self.server.close_view(self.user, view["id"])
                    return False
                values[block["element"]["action_id"]] = given
        submit = (view.get("submit") or {}).get("text", "")
        asked = f"Enter: {submit or 'Close'}, x: cancel > "
        if await self._read(asked) in ("x", None) or not submit:
            self.server.close_view(self.user, view["id"])
            return False
        filled = {name: value for name, value in values.items() if value}
        self.server.submit(self.user, view["id"], filled)
        await self.watch(QUIET_SECONDS, first=QUIET_SECONDS)
        return True

    async def _choose(self, block: JSON) -> str | None:
        """What to put into one input."""
        element = block["element"]
        options = list(choices(element)) if "options" in element else []
        for number, (label, _) in enumerate(options, 1):
            self.console.print(f"  ({number}) {label}", highlight=False)
        line = await self._read(f"{block['label']['text']} > ")
        if line and line.isdigit() and 0 < int(line) <= len(options):
            return options[int(line) - 1][1]
        return line

    async def open_app(self, rest: str = "") -> None:
        """Come to the app: what it suggests to ask."""
        self.server.open_home(self.user, "messages")
        await self.server.settled()
        with suppress(TimeoutError):
            await self.server.wait_for(lambda: self.server.web_api.agents.prompts, 1)
        for shown in self.server.web_api.agents.prompts.values():
            for prompt in shown["prompts"]:
                self.console.print(f"  · {prompt['message']}", style="cyan")

    async def show_home(self, rest: str = "") -> None:
        """Open the Home tab."""
        self.server.open_home(self.user)
        with suppress(TimeoutError):
            await self.server.wait_for(lambda: self.server.home(self.user), 3)
        await asyncio.sleep(0.3)
        view = self.server.home(self.user)
        if view is None:
            self.console.print("The Home tab is empty.", style="dim")
            return
        self.screen, self.shown = Screen(), view
        self.console.print(self.screen.view(view))

    async def watch(
        self, quiet: float = QUIET_SECONDS, first: float = FIRST_SECONDS
    ) -> None:
        """Show what is written until nothing more comes."""
        before, written = len(self.server.ephemerals), self._written()
        began, self._watching = time.monotonic(), True
        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            while not self._finished(began, quiet, first):
                if self.console.is_terminal:
                    live.update(self._picture(), refresh=True)
                await asyncio.sleep(0.1)
        self._watching = False
        picture, now = self._picture(), self._written()
        if now != written:
            self.console.print(picture)
        for note in self.server.ephemerals[before:]:
            self.screen = Screen()
            only = Text("Only visible to you", "italic dim")
            self.console.print(Group(only, self.screen.message(note)))

    def _finished(self, began: float, quiet: float, first: float) -> bool:
        writes = [call for call in self.server.calls if call.method.startswith("chat.")]
        streaming = self.server.web_api.streaming
        if any(streaming.growing(*key) for key in streaming.streams):
            return False
        session = self.server.web_api.agents.sessions.get((self.place, self.thread))
        if session is not None and session["status"] == "processing":
            return False
        now = time.time()
        since = now - (time.monotonic() - began)
        fresh = [call.time for call in writes if call.time >= since]
        if not fresh:
            return time.monotonic() - began > first
        return now - fresh[-1] > quiet

    def _written(self) -> list[JSON]:
        return self.server.bot_messages(self.place, self.thread or None)

    def _picture(self) -> RenderableType:
        """The last answer as it is now, and the line under the thread."""
        self.screen = Screen()
        messages = self._written()
        after = [m for m in messages if float(m["ts"]) > float(self.last_said or 0)]
        parts: list[RenderableType] = []
        for message in after:
            self.shown = message | {"place": self.place}
            self.screen = Screen()
            parts.append(self.screen.message(message))
        statuses = self.server.web_api.agents.statuses
        if not after and statuses and statuses[-1]["thread_ts"] == self.thread:
            parts.append(Text(f"curbside {statuses[-1]['status']}", "dim italic"))
        return Group(*parts)

    async def _read(self, prompt: str) -> str | None:
        """A line, None at the end of the input."""
        self.console.print(prompt, end="", style="bold")
        line = await asyncio.to_thread(sys.stdin.readline)
        if not sys.stdin.isatty():
            self.console.print(line.rstrip(), highlight=False)
        return line.rstrip("\n") if line else None


async def main() -> None:
    console = Console(highlight=False)
    server = SlackServer()
    await server.start()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "bot.log"
        demo = Demo(server, console)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, demo.interrupt)
        try:
            async with bot(server, log):
                console.print(f"The bot writes its log to {log}", style="dim")
                await demo.run()
        finally:
            await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
