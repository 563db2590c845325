"""A place of the local Discord as a person sees it in the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.text import Text

from .components import BUTTON, CHOICE, CHOICES, LINK, TEXT, every
from .model import HAS_THREAD, LOADING, Message, Payload
from .server import DiscordServer

GROWING = "…"


@dataclass
class View:
    """What is shown to one person in one place; the numbers lead back to the things."""

    server: DiscordServer
    user: int
    place: int
    messages: list[Message] = field(default_factory=list)
    parts: list[tuple[Message, Payload]] = field(default_factory=list)

    def rendered(self) -> RenderableType:
        """The place with its messages, those of their threads below them."""
        self.messages.clear()
        self.parts.clear()
        shown = [Text(f"── {place_name(self.server, self.place)} ──", style="cyan")]
        whispers = self.server.whispers(self.user)
        return Group(*shown, *self._channel(self.place, 0, whispers))

    def patience(self) -> float:
        """Seconds without a change after which nothing more is expected."""
        for message in self.messages:
            if message.flags & LOADING or message.content.rstrip().endswith(GROWING):
                return 30.0
        answered = bool(self.messages) and self.messages[-1].author_id != self.user
        return 1.0 if answered else 4.0

    def _channel(
        self, place: int, depth: int, whispers: list[Message]
    ) -> Iterator[RenderableType]:
        hidden = [message for message in whispers if message.channel_id == place]
        for message in sorted(
            self.server.messages(place) + hidden, key=lambda message: message.id
        ):
            yield Padding(self._message(message), (0, 0, 0, 2 + 4 * depth))
            if message.flags & HAS_THREAD and message.id != place:
                yield from self._channel(message.id, depth + 1, whispers)
        for thread in self.server.threads(place):
            # A post of a forum has its first message inside.
            if thread.id not in self.server.state.messages or self._is_post(thread.id):
                tags = ", ".join(self.server.tags(thread.id))
                line = f"▸ {thread.name}" + (f"  [{tags}]" if tags else "")
                yield Padding(Text(line, style="bold"), (1, 0, 0, 2))
                yield from self._channel(thread.id, depth + 1, whispers)

    def _is_post(self, thread: int) -> bool:
        return self.server.message(thread).channel_id == thread

    def _message(self, message: Message) -> RenderableType:
        self.messages.append(message)
        server = self.server
        author = server.state.users[message.author_id]
        head = Text(f"#{len(self.messages)} ", style="dim")
        head.append(author.name, style="green" if author.bot else "magenta")
        if message.ephemeral:
            head.append("  only you see this", style="dim")
        if any(message.edits):
            head.append(f"  edited ×{len(message.edits)}", style="dim")
        if message.pinged:
            head.append(f"  rings {len(message.pinged)}", style="dim")
        return Group(head, Padding(Group(*self._body(message)), (0, 0, 1, 3)))

    def _body(self, message: Message) -> Iterator[RenderableType]:
        if message.flags & LOADING:
            yield Text("is thinking …", style="italic dim")
        if message.content:
            yield Markdown(self._named(message.content))
        for part in every(message.components):
            if part["type"] == TEXT:
                yield Markdown(self._named(part["content"]))
        for file in message.attachments:
            yield Text(f"[file] {file['filename']}, {file['size']} bytes", style="dim")
        if buttons := [*self._buttons(message)]:
            yield Text("  ".join(buttons), style="yellow")
        if message.reactions:
            marks = (f"{mark} {len(who)}" for mark, who in message.reactions.items())
            yield Text("  ".join(marks), style="dim")

    def _buttons(self, message: Message) -> Iterator[str]:
        for part in every(message.components):
            if part["type"] == BUTTON:
                emoji = (part.get("emoji") or {}).get("name") or ""
                label = f"{emoji} {part.get('label') or ''}".strip()
                if part["style"] == LINK or part.get("disabled"):
                    yield f"( {label} )"
                    continue
                self.parts.append((message, part))
                yield f"({len(self.parts)}) {label}"
            elif part["type"] in CHOICES:
                self.parts.append((message, part))
                given = part.get("options") or ()
                values = "|".join(option["value"] for option in given)
                kind = values if part["type"] == CHOICE else "an id"
                yield f"({len(self.parts)}) choose {kind}"

    def _named(self, text: str) -> str:
        for user in self.server.state.users.values():
            text = text.replace(f"<@{user.id}>", f"**@{user.name}**")
        return text


def place_name(server: DiscordServer, id: int) -> str:
    channel = server.state.channel(id)
    if channel.recipient_id is not None:
        return f"direct messages of {server.state.users[channel.recipient_id].name}"
    above = (
        f"#{server.state.channel(channel.parent_id).name} › "
        if channel.parent_id
        else "#"
    )
    return above + channel.name
