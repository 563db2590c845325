"""The terminal as a platform: no account needed, and the same way through the house."""

import asyncio
import getpass
import signal
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown
from rich.spinner import Spinner

from adapters.shared import compose, visible
from bot.adapter import AdapterHealth, Intake, Part
from bot.admin import is_stop
from bot.errors import AttachmentUnreadable, StateUnavailable
from bot.model import (
    Answer,
    Attachment,
    Author,
    ConversationId,
    Delivery,
    Event,
    Message,
    Said,
    Stopped,
)
from bot.settings import Settings

PROMPT = "you › "
STOP_SECONDS = 2.0
"""After Ctrl-C the prompt comes back by then: a question that was stopped before its
answer began gets none."""

STATE_DOWN_SECONDS = 1.0

GREETING = "Ask a question, or `help` for the commands. Ctrl-D ends."


def create(settings: Settings) -> "ConsoleAdapter":
    """The console takes no settings."""
    return ConsoleAdapter()


class ConsoleAdapter:
    """Reads lines, prints answers; piped, it answers line by line and ends."""

    platform = "console"
    edit_interval = 0.1

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._interactive = sys.stdin.isatty() and self._console.is_terminal
        # Piped questions start without a past; a person finds the conversation again.
        thread = "" if self._interactive else uuid.uuid4().hex[:8]
        self.conversation = ConversationId("console", "local", "terminal", thread)
        self._author = Author(getpass.getuser(), getpass.getuser(), is_admin=True)
        self._answered = asyncio.Event()
        self._asked = ""
        self._live: Live | None = None
        self._stopping: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Nothing to prepare."""

    async def listen(self, intake: Intake) -> None:
        """Ask for lines until the input ends."""
        if self._interactive:
            self._console.print(Markdown(GREETING))
        while (line := await self._read()) is not None:
            if not line.strip():
                continue
            if not self._interactive:
                self._console.print(f"> {line}", markup=False)
            await self._ask(intake, line)

    async def _read(self) -> str | None:
        """The next line; None at the end of the input."""
        loop = asyncio.get_running_loop()
        line: asyncio.Future[str | None] = loop.create_future()

        def settle(text: str | None) -> None:
            if not line.done():
                line.set_result(text)

        def read() -> None:
            try:
                text = input(PROMPT) if self._interactive else input()
            except (EOFError, ValueError):
                text = None
            with suppress(RuntimeError):  # the loop may be gone by then
                loop.call_soon_threadsafe(settle, text)

        # A daemon: the program can end while a line is being waited for.
        threading.Thread(target=read, daemon=True, name="stdin").start()
        return await line

    async def _ask(self, intake: Intake, text: str) -> None:
        message = Message(
            id=uuid.uuid4().hex,
            conversation=self.conversation,
            author=self._author,
            text=text,
            sent_at=datetime.now(UTC),
        )
        if is_stop(text):
            self._console.print("Nothing is under way; Ctrl-C ends an answer.")
            return
        self._asked = message.id
        self._answered.clear()
        await self._hand_in(intake, Said(message))
        with self._interrupt_stops(intake):
            await self._answered.wait()

    async def _hand_in(self, intake: Intake, event: Event) -> None:
        """A terminal sends nothing again: so this is tried until it is stored."""
        while True:
            try:
                await intake.accept(event)
                return
            except StateUnavailable as error:
                self._console.print(f"Waiting: {error}", markup=False)
                await asyncio.sleep(STATE_DOWN_SECONDS)

    async def _stop(self, intake: Intake) -> None:
        event = Stopped(self.conversation, self._author, uuid.uuid4().hex)
        await self._hand_in(intake, event)
        await asyncio.sleep(STOP_SECONDS)
        self._answered.set()

    @contextmanager
    def _interrupt_stops(self, intake: Intake) -> Iterator[None]:
        """While an answer grows, Ctrl-C ends the answer and not the program."""
        loop = asyncio.get_running_loop()
        if not self._interactive:
            yield
            return

        def stop() -> None:
            if self._stopping is None:
                self._stopping = asyncio.create_task(self._stop(intake))

        before = signal.getsignal(signal.SIGINT)
        loop.add_signal_handler(signal.SIGINT, stop)
        try:
            yield
        finally:
            if self._stopping is not None:
                self._stopping.cancel()
                self._stopping = None
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)

    def render(self, answer: Answer) -> list[Part]:
        """One part, of any length."""
        text = visible(compose(answer))
        return [Part(text, {"complete": answer.complete})]

    async def post(self, delivery: Delivery, index: int, part: Part) -> str:
        """Print; a growing answer is shown in place until it is whole."""
        self._print(delivery, part)
        return delivery.key(index)

    async def find(self, delivery: Delivery, index: int) -> str | None:
        """A terminal that is gone cannot be looked at."""
        return None

    async def edit(self, delivery: Delivery, message_id: str, part: Part) -> None:
        """Show the answer as it is now."""
        self._print(delivery, part)

    async def remove(self, delivery: Delivery, message_id: str) -> None:
        """What is printed stays printed."""

    async def working(self, delivery: Delivery, step: str) -> None:
        """A spinner with what is being done."""
        if self._interactive:
            self._grow(Spinner("dots", text=step or "thinking"))

    async def fetch(
        self, conversation: ConversationId, attachment: Attachment, limit: int
    ) -> bytes:
        """A line that is typed carries no file."""
        raise AttachmentUnreadable("the terminal takes no files")

    async def health(self) -> AdapterHealth:
        """A terminal is always well."""
        return AdapterHealth(ok=True, detail="terminal")

    async def aclose(self) -> None:
        """Take a growing answer off the screen."""
        self._end_growing()

    def _print(self, delivery: Delivery, part: Part) -> None:
        complete = bool(part.extra.get("complete"))
        if not complete:
            if self._interactive:
                self._grow(Markdown(part.text))
            return
        self._end_growing()
        if self._interactive:
            self._console.print(Markdown(part.text))
            self._console.print()
        else:
            print(f"{part.text}\n", flush=True)  # noqa: T201 this is what it is for
        if delivery.question_id == self._asked:
            self._answered.set()

    def _grow(self, shown: Markdown | Spinner) -> None:
        if self._live is None:
            self._live = Live(console=self._console, transient=True)
            self._live.start()
        self._live.update(shown)

    def _end_growing(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
