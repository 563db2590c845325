"""What a person types in the demo, done in the local Discord."""

import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from .components import BUTTON, INPUT, LABEL, ROW
from .demo_view import View
from .model import FORUM, Interaction, Payload
from .server import DiscordServer

HELP = """\
What you type is said where you are; write @curbside to name the bot.
  /ask question          a slash command of the bot (/curbside status, ...)
  :in general            go to a place: general, help, dm, #3 (its thread)
  :as boss               be somebody else: ana, bo, boss (an admin)
  :post Title | text     open a post in the forum
  :press 2 [values]      press a button, or choose from a list
  :menu 3 Ask about this run a command from the menu of message #3
  :reply 3 text   :edit 3 text   :delete 3   :react 3 👍   :file PATH text
  :look   :who   :help   :quit
"""

Ask = Callable[[str], Awaitable[str]]


class Terminal:
    """The people of the demo, and where the present one is."""

    def __init__(self, server: DiscordServer, ask: Ask) -> None:
        self.server = server
        self.people: dict[str, int] = {}
        self.places: dict[str, int] = {}
        self._ask = ask
        self._used: Interaction | None = None
        self.view = View(server, 0, 0)

    def start(self, people: dict[str, int], places: dict[str, int]) -> None:
        self.people, self.places = people, places
        self._go(next(iter(people.values())), next(iter(places.values())))

    def _go(self, user: int, place: int) -> None:
        self.view = View(self.server, user, place)
        self.view.rendered()  # which numbers what is there

    async def do(self, line: str) -> str:
        """Do what was typed; what to say of it."""
        self._used = None
        if not line.startswith((":", "/")):
            self._say(line)
            return ""
        word, _, rest = line.partition(" ")
        if line.startswith("/"):
            self._slash(line)
            return ""
        done = getattr(self, "_" + word[1:], None)
        if done is None or word[1:] not in VERBS:
            return f"no {word}; :help lists what there is"
        told = done(rest.strip())
        return told or ""

    async def fill(self) -> bool:
        """Fill in the form that the last thing opened; whether there was one."""
        used = self._used
        if used is None or used.modal is None:
            return False
        modal = used.modal
        values: dict[str, Any] = {}
        print(f"── {modal['title']} ──")
        for label, asked in fields(modal["components"]):
            given = await self._ask(f"{label}{hint(asked)}: ")
            values[asked["custom_id"]] = given if asked["type"] == INPUT else [given]
        user, channel = self.view.user, used.channel_id
        self._used = self.server.submit(user, channel, modal["custom_id"], values)
        return True

    def _named(self, text: str) -> str:
        return text.replace("@curbside", f"<@{self.server.bot_id}>")

    def _say(self, text: str, **more: Any) -> None:
        self.server.say(self.view.user, self.view.place, self._named(text), **more)

    def _slash(self, line: str) -> None:
        """Options come one word after the other; the last one takes all the rest."""
        words = line.removeprefix("/").split()
        names, options = [words.pop(0)], {}
        known = next((c for c in self.server.commands if c["name"] == names[0]), None)
        if known is None:
            raise LookupError(f"no command /{names[0]}")
        while words and any(
            o["type"] == 1 and o["name"] == words[0] for o in known["options"]
        ):
            known = next(o for o in known["options"] if o["name"] == words[0])
            names.append(words.pop(0))
        left = [option for option in known.get("options") or () if option["type"] != 1]
        while words and left:
            option = left.pop(0)
            text = " ".join(words) if not left else words[0]
            words = [] if not left else words[1:]
            options[option["name"]] = int(text) if option["type"] == 4 else text
        user, place = self.view.user, self.view.place
        self._used = self.server.slash(user, place, " ".join(names), **options)

    def _in(self, name: str) -> str:
        server, user = self.server, self.view.user
        if name == "dm":
            place = server.dm_channel(user)
        elif name.startswith("#"):
            place = self._message(name).id
            if place not in server.state.channels:
                raise LookupError(f"{name} has no thread")
        else:
            place = self.places[name]
        self._go(user, place)
        return ""

    def _as(self, name: str) -> str:
        self._go(self.people[name], self.view.place)
        return f"You are {name}."

    def _who(self, _: str) -> str:
        return f"people: {', '.join(self.people)}; places: {', '.join(self.places)}, dm"

    def _help(self, _: str) -> str:
        return HELP

    def _look(self, _: str) -> str:
        return ""

    def _post(self, text: str) -> str:
        title, _, body = text.partition("|")
        place = self.view.place
        if self.server.state.channel(place).type != FORUM:
            place = self.places["help"]
        user = self.view.user
        post = self.server.open_post(
            user, place, title.strip(), self._named(body.strip())
        )
        self._go(user, post)
        return ""

    def _press(self, text: str) -> str:
        number, *values = shlex.split(text)
        message, part = self.view.parts[int(number) - 1]
        user, name = self.view.user, part["custom_id"]
        if part["type"] == BUTTON:
            self._used = self.server.click(user, message.id, name)
        else:
            self._used = self.server.choose(user, message.id, name, values)
        return ""

    def _menu(self, text: str) -> str:
        number, _, name = text.partition(" ")
        message = self._message(number).id
        self._used = self.server.menu(self.view.user, message, name)
        return ""

    def _reply(self, text: str) -> str:
        number, _, words = text.partition(" ")
        target = self._message(number)
        words = self._named(words)
        self.server.say(self.view.user, target.channel_id, words, reply_to=target.id)
        return ""

    def _edit(self, text: str) -> str:
        number, _, words = text.partition(" ")
        self.server.edit(self._message(number).id, self._named(words))
        return ""

    def _delete(self, text: str) -> str:
        self.server.delete(self._message(text).id)
        return ""

    def _react(self, text: str) -> str:
        number, _, emoji = text.partition(" ")
        self.server.react(self.view.user, self._message(number).id, emoji)
        return ""

    def _file(self, text: str) -> str:
        path, _, words = text.partition(" ")
        file = Path(path).expanduser()
        self._say(words, files=((file.name, file.read_bytes()),))
        return ""

    def _message(self, number: str) -> Any:
        return self.view.messages[int(number.removeprefix("#")) - 1]


VERBS = {
    *("in", "as", "who", "help", "look", "post", "press", "menu", "reply", "edit"),
    *("delete", "react", "file"),
}


def fields(components: list[Payload]) -> list[tuple[str, Payload]]:
    """What a form asks for, with the words beside it."""
    found = []
    for part in components:
        if part["type"] == LABEL:
            found.append((part["label"], part["component"]))
        elif part["type"] == ROW:
            found += [(asked["label"], asked) for asked in part["components"]]
    return found


def hint(asked: Payload) -> str:
    options = [option["value"] for option in asked.get("options") or ()]
    need = "" if asked.get("required", True) else ", may be empty"
    before = f" [{asked['value']}]" if asked.get("value") else ""
    return f" ({'|'.join(options)})" * bool(options) + before + need
