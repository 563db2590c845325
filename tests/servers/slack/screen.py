"""Slack's blocks on a terminal: what a person sees, with a number for each button."""

import re
from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from .workspace import JSON

STATES = {"pending": "○", "in_progress": "◐", "complete": "✓", "error": "✗"}
LINK = re.compile(r"<(https?://[^|>]+)\|([^>]+)>")


class Screen:
    """Renders messages and views; `buttons` are those that were shown, in order."""

    def __init__(self) -> None:
        self.buttons: list[tuple[str, str]] = []
        """An action_id each, and the value that chooses within it."""

    def message(self, message: JSON) -> RenderableType:
        """A message: its blocks, or its text when it has none."""
        blocks = message.get("blocks") or []
        return self.blocks(blocks) if blocks else mrkdwn(message.get("text", ""))

    def view(self, view: JSON, errors: JSON | None = None) -> RenderableType:
        """A modal or the Home tab, in a frame."""
        title = (view.get("title") or {}).get("text") or "Home"
        shown: list[RenderableType] = [self.blocks(view["blocks"])]
        shown += [Text(f"! {words}", "red") for words in (errors or {}).values()]
        return Panel(Group(*shown), title=title, title_align="left")

    def blocks(self, blocks: list[JSON]) -> Group:
        return Group(*(part for block in blocks for part in self.block(block)))

    def block(self, block: JSON) -> Iterator[RenderableType]:
        """One block of any kind; what is not known is named."""
        known = getattr(self, f"_{block.get('type')}", None)
        if known is None:
            yield Text(f"[{block.get('type')}]", "dim")
        else:
            yield from known(block)

    def _markdown(self, block: JSON) -> Iterator[RenderableType]:
        yield Markdown(block["text"])

    def _section(self, block: JSON) -> Iterator[RenderableType]:
        if block.get("text"):
            yield mrkdwn(block["text"]["text"])
        for field in block.get("fields") or []:
            yield mrkdwn(field["text"])
        if block.get("accessory"):
            yield Text("  ").join(self._pressable([block["accessory"]]))

    def _header(self, block: JSON) -> Iterator[RenderableType]:
        yield Text(block["text"]["text"], "bold")

    def _divider(self, block: JSON) -> Iterator[RenderableType]:
        yield Rule(style="dim")

    def _context(self, block: JSON) -> Iterator[RenderableType]:
        said = [element.get("text", "") for element in block["elements"]]
        yield Text("  ".join(map(plain, said)), "dim")

    def _actions(self, block: JSON) -> Iterator[RenderableType]:
        yield Text("  ").join(self._pressable(block["elements"]))

    _context_actions = _actions

    def _alert(self, block: JSON) -> Iterator[RenderableType]:
        yield Panel(plain(block["text"]["text"]))

    def _image(self, block: JSON) -> Iterator[RenderableType]:
        yield Text(f"[image: {block.get('alt_text', '')}]", "dim")

    def _rich_text(self, block: JSON) -> Iterator[RenderableType]:
        sections = block["elements"]
        if len(sections) == 1 and len(sections[0].get("elements", ())) == 1:
            # What was streamed: our Slack keeps its Markdown as it came.
            yield Markdown("".join(flat(sections)))
            return
        for element in block["elements"]:
            bullet = "• " if element.get("type") == "rich_text_list" else ""
            for item in element["elements"] if bullet else [element]:
                yield Text(bullet + "".join(flat(item)))

    def _table(self, block: JSON) -> Iterator[RenderableType]:
        table, (head, *rows) = Table(), block["rows"]
        for cell in head:
            table.add_column("".join(flat(cell)))
        for row in rows:
            table.add_row(*("".join(flat(cell)) for cell in row))
        yield table

    def _data_table(self, block: JSON) -> Iterator[RenderableType]:
        yield Text(block["caption"], "bold")
        yield from self._table(block)

    def _container(self, block: JSON) -> Iterator[RenderableType]:
        title = block.get("title") or {}
        yield Text(f"▾ {title.get('text', '')}", "bold")
        yield Padding(self.blocks(block["child_blocks"]), (0, 0, 0, 2))

    def _task_card(self, block: JSON) -> Iterator[RenderableType]:
        state = STATES.get(block.get("status", ""), "·")
        yield Text(f"{state} {block.get('title', '')}", "dim")

    def _plan(self, block: JSON) -> Iterator[RenderableType]:
        yield Text(str(block.get("title", "")), "bold")
        for task in block.get("tasks") or []:
            yield from self._task_card(task)

    def _input(self, block: JSON) -> Iterator[RenderableType]:
        yield Text(block["label"]["text"], "bold")
        hint = block["element"].get("placeholder", {}).get("text", "")
        yield Text(f"  {hint or '…'}", "dim")

    def _pressable(self, elements: list[JSON]) -> Iterator[Text]:
        for element in elements:
            for label, value in choices(element):
                self.buttons.append((element.get("action_id", ""), value))
                number = len(self.buttons)
                yield Text(f"[{number}] {label}", "cyan")


def choices(element: JSON) -> Iterator[tuple[str, str]]:
    """What can be pressed or chosen in an element, and the value that says which."""
    kind = element.get("type")
    if kind == "feedback_buttons":
        for name, sign in (("positive_button", "👍"), ("negative_button", "👎")):
            yield f"{sign} {element[name]['text']['text']}", element[name]["value"]
    elif "options" in element:
        for option in element["options"]:
            yield option["text"]["text"], option["value"]
    else:
        label = element.get("text") or element.get("accessibility_label") or kind
        yield (label["text"] if isinstance(label, dict) else str(label)), ""


def mrkdwn(text: str) -> Markdown:
    """Slack's own markup as Markdown: links and bold are what differs most."""
    text = LINK.sub(r"[\2](\1)", text)
    text = re.sub(r"(?<![*\w])\*([^*\n]+)\*(?![*\w])", r"**\1**", text)
    return Markdown(plain(text).replace("\n", "  \n"))


def plain(text: str) -> str:
    text = LINK.sub(r"\2 (\1)", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def flat(value: Any) -> Iterator[str]:
    """All texts inside a rich text block or a cell."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str | int | float):
            yield str(value["text"])
        elif value.get("type") == "user":
            yield f"@{value['user_id']}"
        elif value.get("type") == "raw_number":
            yield str(value.get("value", ""))
        for inner in value.values():
            if isinstance(inner, dict | list):
                yield from flat(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from flat(inner)
