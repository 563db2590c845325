"""Slack, as the scenarios play on it."""

import re
from collections.abc import Sequence
from typing import Any

from parity.stage import File, Said, Seen, Stage
from servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer
from servers.slack.blocks import elements, texts

from adapters.slack.adapter import SlackAdapter
from adapters.slack.buttons import read_press
from adapters.slack.settings import SlackSettings
from bot.adapter import Adapter
from bot.model import Action

SHORTCUT = "curbside_ask"


class SlackStage(Stage):
    platform = "slack"

    async def open_platform(self) -> None:
        self.server = SlackServer(ack_timeout=2, retry_delays=(0.05, 0.05, 0.05))
        await self.server.start()
        self.workspace = self.server.workspace.team_id

    async def close_platform(self) -> None:
        await self.server.stop()

    def adapter(self) -> Adapter:
        return SlackAdapter(
            SlackSettings(
                bot_token=BOT_TOKEN,
                app_token=APP_TOKEN,
                api_url=self.server.api_url,
                connections=1,
                patience_seconds=1,
                edit_seconds=0.05,
                timeout_seconds=2,
            )
        )

    async def connected(self) -> None:
        await self.server.wait_for(lambda: bool(self.server.sockets.connections))

    async def settled(self) -> None:
        await self.server.settled()

    def person(self, name: str, *, admin: bool = False) -> str:
        return self.server.add_user(name, admin=admin)

    def channel(self, name: str) -> str:
        return self.server.add_channel(name)

    def ask(
        self, person: str, channel: str, text: str, files: Sequence[File] = ()
    ) -> Said:
        kept: list[dict[str, Any] | str] = [
            self.server.upload(person, name, data) for name, data in files
        ]
        ts = self.server.say(person, channel, text, mention_bot=True, files=kept)
        return Said(ts, channel)

    def say(self, person: str, channel: str, text: str) -> Said:
        return Said(self.server.say(person, channel, text), channel)

    def whisper(self, person: str, text: str) -> Said:
        place = self.server.open_im(person)
        return Said(self.server.say(person, place, text), place)

    def follow(self, person: str, asked: Said, text: str) -> Said:
        ts = self.server.say(person, asked.channel, text, thread=asked.id)
        return Said(ts, asked.channel)

    def reply(self, person: str, said: Said, text: str) -> Said:
        return self.follow(person, said, text)

    def edit(self, person: str, asked: Said, text: str) -> None:
        (message,) = [
            it for it in self.server.messages(asked.channel) if it["ts"] == asked.id
        ]
        bot = f"<@{self.server.bot_id}>"
        named = f"{bot} {text}" if bot in message["text"] else text
        self.server.edit(person, asked.channel, asked.id, named)

    def delete(self, person: str, said: Said | Seen) -> None:
        self.server.delete(person, said.channel, said.id)

    def answers(self, asked: Said) -> list[Seen]:
        found = self.server.bot_messages(asked.channel, asked.id)
        return [self._seen(message, asked.channel) for message in found]

    def posts(self, channel: str) -> list[Seen]:
        found = self.server.bot_messages(channel)
        return [self._seen(message, channel) for message in found]

    def press(self, person: str, seen: Seen, action: Action) -> None:
        action_id, _, value = seen.buttons[action].partition("\n")
        self.server.click(person, seen.channel, seen.id, action_id, value)

    def stop(self, person: str, asked: Said) -> None:
        self.server.stop_agent(person, asked.channel, asked.id)

    def shown_form(self, person: str) -> set[str]:
        modal = self.server.modal(person)
        found = elements(modal["blocks"]) if modal else ()
        return {str(element["action_id"]) for element in found}

    def fill_in(self, person: str, **values: str) -> None:
        modal = self.server.modal(person)
        assert modal is not None
        self.server.submit(person, modal["id"], values)

    def told(self, person: str) -> list[str]:
        private = self.server.workspace.user(person).id
        found = [it for it in self.server.ephemerals if it["user"] == private]
        return [_text(message) for message in found]

    def react(self, person: str, seen: Seen, *, good: bool) -> None:
        name = "+1" if good else "-1"
        self.server.react(person, seen.channel, seen.id, name)

    def command(self, person: str, channel: str, words: str) -> None:
        if words.startswith("ask "):
            self.server.slash(person, channel, "/ask", words.removeprefix("ask "))
        else:
            self.server.slash(person, channel, text=words)

    def ask_about(self, person: str, said: Said) -> None:
        self.server.shortcut(person, said.channel, said.id, SHORTCUT)

    def call(self, name: str) -> tuple[str, str]:
        group = self.server.add_group(name)
        return group, f"<!subteam^{group}>"

    def _seen(self, message: dict[str, Any], channel: str) -> Seen:
        buttons: dict[Action, str] = {}
        for element in elements(message.get("blocks") or []):
            for value in _values(element):
                press = read_press(element | {"value": value})
                if press is not None:
                    buttons[press.action] = f"{element['action_id']}\n{value}"
        text = _text(message)
        pings = frozenset(re.findall(r"<!\S+?>|<@\w+>", text))
        return Seen(message["ts"], channel, text, buttons, pings=pings)


def _values(element: dict[str, Any]) -> list[str]:
    """What an element may say when it is used: a button, two of feedback, a menu."""
    pair = [element.get("positive_button"), element.get("negative_button")]
    options = [*(it for it in pair if it), *element.get("options", ())]
    return [str(it["value"]) for it in options] or [str(element.get("value", ""))]


def _text(message: dict[str, Any]) -> str:
    blocks = [
        block
        for block in message.get("blocks") or []
        if block["type"] not in ("actions", "context_actions")
    ]
    return "\n".join(texts(blocks)) or str(message["text"])
