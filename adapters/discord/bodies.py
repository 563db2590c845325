"""Parts as the bodies of requests: text, buttons, a file, and whom they may ring."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import discord

from adapters.discord.components import JSON, plain_button, row
from bot.adapter import Part

SUPPRESS_EMBEDS = 1 << 2
EPHEMERAL = 1 << 6
COMPONENTS_V2 = 1 << 15

COMPONENTS, FILE, MENTION = "components", "file", "mention"
"""Keys of `Part.extra`: rows of buttons, the text of a file, a role's id."""

MARK_LABEL = "answer to /ask"

FILE_NAME = "answer.md"


@dataclass(frozen=True, slots=True)
class Body:
    """What a message is to be: Discord's JSON, and the text of a file that it has."""

    json: JSON = field(default_factory=dict)
    file: str = ""

    def seen_by_all(self) -> "Body":
        """The same without a word on who sees it, which no edit may change."""
        flags = self.json["flags"] & ~EPHEMERAL
        return replace(self, json={**self.json, "flags": flags})

    def request(self, **more: Any) -> dict[str, Any]:
        """Arguments for the library's `request`, with more keys in the JSON."""
        payload = {**self.json, **more}
        if not self.file:
            return {"json": payload}
        file = discord.File(io.BytesIO(self.file.encode()), FILE_NAME)
        payload["attachments"] = [{"id": 0, "filename": FILE_NAME}]
        form = [
            {"name": "payload_json", "value": json.dumps(payload)},
            {"name": "files[0]", "value": file.fp, "filename": FILE_NAME},
        ]
        return {"form": form, "files": [file]}


def body_of(part: Part) -> Body:
    """The body for a part; it replaces whatever the message was before."""
    allowed: JSON = {"parse": []}
    if mention := part.extra.get(MENTION, ""):
        allowed["roles"] = [mention]
    return Body(
        {
            "content": part.text,
            "components": part.extra.get(COMPONENTS, []),
            "attachments": [],
            "flags": SUPPRESS_EMBEDS,
            "allowed_mentions": allowed,
        },
        part.extra.get(FILE, ""),
    )


def whisper(text: str, rows: Sequence[JSON] = ()) -> Body:
    """A text for one person, and what they can press under it."""
    body = body_of(Part(text, {COMPONENTS: list(rows)}))
    return replace(body, json={**body.json, "flags": SUPPRESS_EMBEDS | EPHEMERAL})


def shows(message: JSON, body: Body) -> bool:
    """Whether a message of Discord's is what the body makes of it."""
    return (
        message.get("content", "").strip() == body.json["content"].strip()
        and ids(message.get("components", ())) == ids(body.json["components"])
        and bool(message.get("attachments")) == bool(body.file)
    )


def marked(body: Body, mark: str) -> Body:
    """The body with a small button without use, by which it is known for ever."""
    button = plain_button(mark, MARK_LABEL) | {"disabled": True}
    rows = [*body.json["components"], row(button)]
    return replace(body, json={**body.json, "components": rows})


def mark_of(message: discord.Message) -> str:
    """The mark of a message; empty for most."""
    for line in message.components:
        for part in getattr(line, "children", ()):
            if part.label == MARK_LABEL:
                return str(part.custom_id)
    return ""


def ids(rows: Sequence[JSON]) -> list[str]:
    """The custom ids of rows of buttons."""
    buttons = (part for row in rows for part in row.get("components", ()))
    return [button.get("custom_id", "") for button in buttons]
