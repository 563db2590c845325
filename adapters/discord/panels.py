"""A page about the bot, in Discord's newer components: titles, text, buttons."""

from collections.abc import Collection, Iterator

from adapters.discord.bodies import COMPONENTS_V2, EPHEMERAL, Body, ids
from adapters.discord.components import CONTAINER, JSON, SEPARATOR, TEXT, rows
from adapters.discord.markdown import to_messages
from bot.model import Panel, PanelSection
from bot.text import visible

MOST_CHARACTERS = 3_800
MOST_COMPONENTS = 36
"""Discord takes 4,000 and 40 in one message, everything counted."""

TEXT_LENGTH = 1_500


def pages(panel: Panel) -> list[Body]:
    """The panel in as many messages as it takes; for one person alone."""
    pieces = [_text(f"## {panel.title}")]
    for section in panel.sections:
        pieces += _section(section, taken=ids(pieces))
    found: list[list[JSON]] = [[]]
    for piece in pieces:
        if found[-1] and not _fits([*found[-1], piece]):
            found.append([])
        found[-1].append(piece)
    return [_page(page) for page in found]


def _section(section: PanelSection, *, taken: Collection[str]) -> Iterator[JSON]:
    yield {"type": SEPARATOR}
    text = f"### {section.title}\n{section.text}" if section.title else section.text
    for part in to_messages(visible(text), TEXT_LENGTH):
        yield _text(part)
    yield from rows(section.buttons, taken)


def _text(text: str) -> JSON:
    return {"type": TEXT, "content": text.strip() or "…"}


def _fits(pieces: list[JSON]) -> bool:
    characters = sum(len(piece.get("content", "")) for piece in pieces)
    count = sum(1 + len(piece.get("components", ())) for piece in pieces)
    return characters <= MOST_CHARACTERS and count <= MOST_COMPONENTS


def _page(pieces: list[JSON]) -> Body:
    return Body(
        {
            "components": [{"type": CONTAINER, "components": pieces}],
            "flags": COMPONENTS_V2 | EPHEMERAL,
            "allowed_mentions": {"parse": []},
        }
    )
