"""Forms as modals, a panel as the Home tab; and what was filled in, read back."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.shared import split_markdown
from adapters.slack.buttons import PREFIX, button_blocks, plain_text_object
from adapters.slack.markdown import to_mrkdwn
from bot.model import Action, ConversationId, Form, FormField, Panel
from bot.words import say

JSON = dict[str, Any]

TITLE_LIMIT = 24
LABEL_LIMIT = 2_000
HINT_LIMIT = 2_000
TYPED_LIMIT = 3_000
CHOICE_LIMIT = 75
MOST_CHOICES = 100
SECTION_LIMIT = 2_400
"""Slack takes 3,000, after what mrkdwn makes longer."""

HOME_BLOCKS = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Where a view belongs: it travels in the view, out of people's sight."""

    conversation: ConversationId
    message_id: str = ""
    value: str = ""

    def packed(self) -> str:
        """At most 3,000 characters, as Slack wants it."""
        kept = [str(self.conversation), self.message_id, self.value]
        return json.dumps(kept, ensure_ascii=False)

    @classmethod
    def unpack(cls, text: str) -> "Place":
        """Read back what `packed` wrote."""
        conversation, message_id, value = json.loads(text)
        return cls(ConversationId.parse(conversation), message_id, value)


def modal_of(form: Form, conversation: ConversationId, message_id: str = "") -> JSON:
    """A form as a modal; one without fields asks for a confirmation."""
    blocks = [*_text(form.text), *(_input(field) for field in form.fields)]
    return {
        "type": "modal",
        "callback_id": f"{PREFIX}:{form.action}",
        "private_metadata": Place(conversation, message_id, form.value).packed(),
        "title": plain_text_object(form.title, TITLE_LIMIT),
        "submit": plain_text_object(form.submit, TITLE_LIMIT),
        "close": plain_text_object(say("cancel"), TITLE_LIMIT),
        "blocks": blocks or list(_text(form.title)),
    }


def notice_of(title: str, markdown: str) -> JSON:
    """A modal that only says something."""
    return {
        "type": "modal",
        "title": plain_text_object(title, TITLE_LIMIT),
        "close": plain_text_object(say("close"), TITLE_LIMIT),
        "blocks": list(_text(markdown)),
    }


def home_of(panel: Panel, conversation: ConversationId) -> JSON:
    """A panel as the Home tab."""
    return {
        "type": "home",
        "private_metadata": Place(conversation).packed(),
        "blocks": panel_blocks(panel),
    }


def page_of(panel: Panel, conversation: ConversationId) -> JSON:
    """A panel as a modal."""
    return {
        "type": "modal",
        "callback_id": f"{PREFIX}:panel",
        "private_metadata": Place(conversation).packed(),
        "title": plain_text_object(panel.title, TITLE_LIMIT),
        "close": plain_text_object(say("close"), TITLE_LIMIT),
        "blocks": panel_blocks(panel),
    }


def panel_blocks(panel: Panel) -> list[JSON]:
    """The sections of a panel, each with its title and its buttons."""
    blocks: list[JSON] = []
    for number, section in enumerate(panel.sections):
        if number:
            blocks.append({"type": "divider"})
        if section.title:
            blocks.append(
                {"type": "header", "text": plain_text_object(section.title, 150)}
            )
        blocks += _text(section.text)
        blocks += button_blocks(section.buttons, row=str(number))
    return blocks[:HOME_BLOCKS] or list(_text(panel.title))


def read_form(view: Mapping[str, Any]) -> tuple[Action, Place, dict[str, str]] | None:
    """What was filled in, by the names of the fields; None for a view of others."""
    prefix, _, name = str(view.get("callback_id", "")).partition(":")
    if prefix != PREFIX or name not in set(Action):
        return None
    values = (view.get("state") or {}).get("values") or {}
    fields = {
        field: _filled(element)
        for block in values.values()
        for field, element in block.items()
    }
    return Action(name), Place.unpack(str(view["private_metadata"])), fields


def first_field(view: Mapping[str, Any]) -> str:
    """The block to show an error at; "" in a form without fields."""
    inputs = (b["block_id"] for b in view.get("blocks") or () if b["type"] == "input")
    return next(inputs, "")


def _filled(element: Mapping[str, Any]) -> str:
    chosen = element.get("selected_option")
    value = chosen.get("value") if chosen else element.get("value")
    return str(value or "")


def _input(field: FormField) -> JSON:
    block: JSON = {
        "type": "input",
        "block_id": field.name,
        "label": plain_text_object(field.label, LABEL_LIMIT),
        "element": _select(field) if field.choices else _typed(field),
        "optional": not field.required,
    }
    if field.hint:
        block["hint"] = plain_text_object(field.hint, HINT_LIMIT)
    return block


def _typed(field: FormField) -> JSON:
    element: JSON = {
        "type": "plain_text_input",
        "action_id": field.name,
        "multiline": field.multiline,
        "max_length": TYPED_LIMIT,
    }
    if field.initial:
        element["initial_value"] = field.initial[:TYPED_LIMIT]
    return element


def _select(field: FormField) -> JSON:
    options = [
        {
            "text": plain_text_object(choice.label, CHOICE_LIMIT),
            "value": choice.value,
        }
        for choice in field.choices[:MOST_CHOICES]
    ]
    initial = [option for option in options if option["value"] == field.initial]
    element = {"type": "static_select", "action_id": field.name, "options": options}
    return element | ({"initial_option": initial[0]} if initial else {})


def _text(markdown: str) -> Iterator[JSON]:
    """Markdown in sections; there are no markdown blocks outside of messages."""
    if not markdown.strip():
        return
    for piece in split_markdown(markdown, SECTION_LIMIT):
        text = {"type": "mrkdwn", "text": to_mrkdwn(piece)[:3_000], "verbatim": True}
        yield {"type": "section", "text": text}
