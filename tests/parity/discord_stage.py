"""Discord, as the scenarios play on it."""

from collections.abc import Sequence
from typing import Any

from parity.stage import File, Said, Seen, Stage
from pydantic import SecretStr
from servers.discord import DiscordServer
from servers.discord.components import every
from servers.discord.model import Interaction, Message

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.components import target_of
from adapters.discord.settings import DiscordSettings
from bot.adapter import Adapter
from bot.model import Action


class DiscordStage(Stage):
    platform = "discord"

    async def open_platform(self) -> None:
        self.server = DiscordServer()
        await self.server.start()
        self.guild = self.server.add_guild("clinic")
        self.workspace = str(self.guild)
        self.did: list[Interaction] = []

    async def close_platform(self) -> None:
        await self.server.stop()

    def adapter(self) -> Adapter:
        return DiscordAdapter(
            DiscordSettings(
                token=SecretStr(self.server.token),
                api_url=self.server.api_url,
                gateway_url=self.server.gateway_url,
                message_content=True,
                edit_seconds=0.05,
                timeout_seconds=2,
            )
        )

    async def connected(self) -> None:
        await self.server.wait_for(lambda: self.server.gateway.connected)
        await self.server.wait_for(lambda: self.server.commands)

    async def settled(self) -> None:
        # The gateway says of nothing that it was taken in; what follows waits for it.
        await self.server.wait_for(lambda: all(it.answered for it in self.did))

    def person(self, name: str, *, admin: bool = False) -> str:
        user = self.server.add_user(name)
        if admin:
            self.server.grant(user, self.guild)
        return str(user)

    def channel(self, name: str) -> str:
        return str(self.server.add_channel(self.guild, name))

    def ask(
        self, person: str, channel: str, text: str, files: Sequence[File] = ()
    ) -> Said:
        said = self.server.say(
            int(person), int(channel), text, mention_bot=True, files=tuple(files)
        )
        return Said(str(said), channel)

    def say(self, person: str, channel: str, text: str) -> Said:
        return Said(str(self.server.say(int(person), int(channel), text)), channel)

    def whisper(self, person: str, text: str) -> Said:
        place = self.server.dm_channel(int(person))
        return Said(str(self.server.dm(int(person), text)), str(place))

    def follow(self, person: str, asked: Said, text: str) -> Said:
        place = self._place(asked)
        return Said(str(self.server.say(int(person), place, text)), asked.channel)

    def reply(self, person: str, said: Said, text: str) -> Said:
        thread = self.server.thread(int(person), int(said.id))
        return Said(str(self.server.say(int(person), thread, text)), said.channel)

    def edit(self, person: str, asked: Said, text: str) -> None:
        named = self.server.message(int(asked.id)).content.startswith("<@")
        self.server.edit(
            int(asked.id), f"<@{self.server.bot_id}> {text}" if named else text
        )

    def delete(self, person: str, said: Said | Seen) -> None:
        self.server.delete(int(said.id))

    def answers(self, asked: Said) -> list[Seen]:
        found = self.server.bot_messages(self._place(asked))
        return [self._seen(message) for message in found if not message.ephemeral]

    def posts(self, channel: str) -> list[Seen]:
        found = self.server.bot_messages(int(channel))
        return [self._seen(message) for message in found if not message.ephemeral]

    def press(self, person: str, seen: Seen, action: Action) -> None:
        pressed = self.server.click(int(person), int(seen.id), seen.buttons[action])
        self.did.append(pressed)

    def stop(self, person: str, asked: Said) -> None:
        self.press(person, self.answers(asked)[-1], Action.STOP)

    def shown_form(self, person: str) -> set[str]:
        modal = self._modal(person)
        parts = every(modal["components"]) if modal else ()
        return {part["custom_id"] for part in parts if "custom_id" in part}

    def fill_in(self, person: str, **values: str) -> None:
        modal = self._modal(person)
        assert modal is not None
        place = next(i.channel_id for i in reversed(self.did) if i.modal is modal)
        sent = self.server.submit(int(person), place, modal["custom_id"], values)
        self.did.append(sent)

    def told(self, person: str) -> list[str]:
        found = self.server.whispers(int(person))
        return [self._text(message) for message in found]

    def react(self, person: str, seen: Seen, *, good: bool) -> None:
        self.server.react(int(person), int(seen.id), "👍" if good else "👎")

    def command(self, person: str, channel: str, words: str) -> None:
        name, _, rest = words.partition(" ")
        if name == "ask":
            used = self.server.slash(int(person), int(channel), name, question=rest)
        elif name == "use":
            used = self.server.slash(
                int(person), int(channel), "curbside use", backend=rest
            )
        else:
            used = self.server.slash(int(person), int(channel), words)
        self.did.append(used)

    def ask_about(self, person: str, said: Said) -> None:
        used = self.server.menu(int(person), int(said.id), "Ask about this")
        self.did.append(used)

    def call(self, name: str) -> tuple[str, str]:
        role = str(self.server.add_role(self.guild, name, mentionable=True))
        return role, role

    def _place(self, asked: Said) -> int:
        """The thread of a question, if it has one."""
        message = int(asked.id)
        if message in self.server.state.channels:
            return message
        if message in self.server.state.messages:
            return self.server.message(message).channel_id
        return int(asked.channel)

    def _modal(self, person: str) -> dict[str, Any] | None:
        mine = [it for it in self.did if it.user_id == int(person) and it.modal]
        return mine[-1].modal if mine else None

    def _seen(self, message: Message) -> Seen:
        buttons = {}
        for part in every(message.components):
            target = target_of(part.get("custom_id", ""))
            if target is not None:
                buttons[target.action] = part["custom_id"]
        files = [
            (file["filename"], self.server.rest.files.uploads[int(file["id"])])
            for file in message.attachments
        ]
        return Seen(
            str(message.id),
            str(message.channel_id),
            self._text(message),
            buttons,
            files,
            frozenset(message.pinged),
        )

    def _text(self, message: Message) -> str:
        parts = [part.get("content", "") for part in every(message.components)]
        return "\n".join([message.content, *parts]).strip()
