"""`make demo-discord`: what people type in the terminal happens, and is shown."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers.discord.demo_terminal import Terminal
from servers.discord.server import DiscordServer

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_people_ask_press_and_fill_in() -> None:
    """The recipe of the Makefile, with a bot of its own over the handbook."""
    assert "\t@PYTHONPATH=tests $(BIN)/python -m servers.discord.demo\n" in MAKEFILE
    typed = "@curbside When do walk-ins close on Friday?\n:in dm\n/help\n:quit\n"

    done = subprocess.run(
        [sys.executable, "-m", "servers.discord.demo"],
        input=typed,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": "tests", "COLUMNS": "200"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "[1]" in done.stdout
    assert "Opening hours" in done.stdout
    assert "only you see this" in done.stdout
    assert "Traceback" not in done.stderr


async def never(prompt: str) -> str:
    raise AssertionError(prompt)


async def test_what_is_typed_is_done() -> None:
    async with DiscordServer() as server:
        guild = server.add_guild()
        places = {"general": server.add_channel(guild), "help": server.add_forum(guild)}
        people = {name: server.add_user(name) for name in ("ana", "bo")}
        terminal = Terminal(server, never)
        terminal.start(people, places)
        terminal.view.rendered()

        await terminal.do("@curbside hello")
        terminal.view.rendered()
        await terminal.do(":as bo")
        await terminal.do(":reply #1 me too")
        await terminal.do(":react 1 👍")
        await terminal.do(":edit 1 good day")
        await terminal.do(":post A bill | It is wrong.")
        with pytest.raises(LookupError):
            await terminal.do(":in nowhere")
        told = await terminal.do(":fly")

        first, second = server.messages(places["general"])
        (post,) = server.threads(places["help"])

    assert first.content == "good day"
    assert first.reactions == {"👍": {people["bo"]}}
    assert second.reference is not None
    assert post.name == "A bill"
    assert terminal.view.place == post.id
    assert told == "no :fly; :help lists what there is"


async def test_a_form_is_filled_in_at_the_prompt() -> None:
    asked: list[str] = []

    async def answer(prompt: str) -> str:
        asked.append(prompt)
        return "too old"

    async with DiscordServer() as server:
        channel = server.add_channel(server.add_guild())
        ana = server.add_user("ana")
        terminal = Terminal(server, answer)
        terminal.start({"ana": ana}, {"general": channel})
        text = {"type": 4, "id": 2, "custom_id": "why", "style": 1, "required": False}
        label = {"type": 18, "id": 1, "label": "Why?", "component": text}
        button = {"type": 2, "style": 4, "label": "Bad", "custom_id": "bad"}
        body = {
            "content": "rate me",
            "components": [{"type": 1, "components": [button]}],
        }
        server.state.post(server.bot_id, server.state.channel(channel), body)
        terminal.view.rendered()
        await terminal.do(":press 1")
        # The bot would answer with a form.
        used = next(iter(server.state.interactions.values()))
        used.modal = {"custom_id": "form", "title": "Why", "components": [label]}

        assert await terminal.fill()
        sent = list(server.state.interactions.values())[-1]

    assert asked == ["Why?, may be empty: "]
    assert (sent.type, sent.name) == (5, "form")
