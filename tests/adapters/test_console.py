"""The terminal as a platform."""

import asyncio
import io
import os
import signal
from collections.abc import Callable

import pytest

from adapters import console
from adapters.console import ConsoleAdapter
from bot.adapter import Acceptance
from bot.errors import StateUnavailable
from bot.model import Answer, ConversationId, Delivery, Event, Message, Said, Stopped


class Core:
    """An intake that answers at once, unless told otherwise."""

    def __init__(self, terminal: ConsoleAdapter, *, answers: bool = True) -> None:
        self.events: list[Event] = []
        self.down = 0
        self._terminal = terminal
        self._answers = answers

    async def accept(self, event: Event) -> Acceptance:
        if self.down:
            self.down -= 1
            raise StateUnavailable("the disk hangs")
        self.events.append(event)
        if isinstance(event, Said) and self._answers:
            message = event.message
            delivery = Delivery("a", message.conversation, (), message.id)
            text = f"re {message.text[:20]} ({len(message.text)})"
            (part,) = self._terminal.render(Answer(text, complete=True))
            await self._terminal.post(delivery, 0, part)
        return Acceptance.STORED

    async def takes_part(self, conversation: ConversationId) -> bool:
        return True

    async def command(self, message: Message) -> str | None:
        return None

    def profiles(self) -> list[str]:
        return []


Piped = Callable[[str], ConsoleAdapter]


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Piped:
    def begin(text: str) -> ConsoleAdapter:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        return ConsoleAdapter()

    return begin


async def test_piped_lines_are_answered_one_by_one(
    piped: Piped, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "x" * 50_000
    terminal = piped(f"one\n\n   \n{long}\nlast")
    core = Core(terminal)

    async with asyncio.timeout(5):
        await terminal.listen(core)

    asked = [event.message.text for event in core.events if isinstance(event, Said)]
    assert asked == ["one", long, "last"]
    assert "(50000)" in capsys.readouterr().out


async def test_the_word_stop_does_not_wait_for_an_answer(piped: Piped) -> None:
    terminal = piped("stop\none\n")
    core = Core(terminal)

    async with asyncio.timeout(5):
        await terminal.listen(core)

    assert len(core.events) == 1


async def test_a_line_is_not_lost_while_the_state_is_down(
    piped: Piped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "STATE_DOWN_SECONDS", 0.01)
    terminal = piped("one\n")
    core = Core(terminal)
    core.down = 2

    async with asyncio.timeout(5):
        await terminal.listen(core)

    assert len(core.events) == 1


async def test_ctrl_c_gives_the_prompt_back_when_no_answer_had_begun(
    piped: Piped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "STOP_SECONDS", 0.05)
    terminal = piped("")
    terminal._interactive = True
    core = Core(terminal, answers=False)
    before = signal.getsignal(signal.SIGINT)

    asking = asyncio.create_task(terminal._ask(core, "one"))
    await asyncio.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)

    async with asyncio.timeout(5):
        await asking
    assert [type(event) for event in core.events] == [Said, Stopped]
    assert signal.getsignal(signal.SIGINT) == before
