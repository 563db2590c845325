"""What people can press and fill in, and the pages they are shown, on any platform."""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What a person can press; `bot.pressing` says what each of them does."""

    GOOD = "good"
    BAD = "bad"
    CORRECT = "correct"
    RETRY = "retry"
    STOP = "stop"
    SOURCES = "sources"
    SOLVED = "solved"
    HUMAN = "human"
    RESOLVE = "resolve"
    APPROVE = "approve"
    REVISE = "revise"
    REJECT = "reject"
    ASK = "ask"
    LEARN = "learn"
    SWITCH = "switch"
    UNDO = "undo"
    RESET = "reset"
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class Button:
    """Something to press. `value` comes back with the press; it is opaque to adapters.

    With `confirm`, the platform asks that first, if it can.
    """

    action: Action
    label: str
    value: str = ""
    style: str = ""  # "", "primary" or "danger"
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values of a form's field, and what people read."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class FormField:
    """A text to type, or with `choices` one to choose."""

    name: str
    label: str
    initial: str = ""
    hint: str = ""
    multiline: bool = False
    required: bool = True
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked of a person who pressed something: a modal on both platforms.

    `text` (Markdown) stands above the fields; a form may have no fields at all, then
    it asks for a confirmation. `value` comes back with what was filled in.
    """

    action: Action
    title: str
    submit: str
    fields: tuple[FormField, ...] = ()
    text: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A page about the bot for one person: Slack's Home tab, a reply on Discord."""

    title: str
    sections: tuple["PanelSection", ...]


@dataclass(frozen=True, slots=True)
class PanelSection:
    """A part of a panel: a title, some Markdown, and what can be done about it."""

    title: str
    text: str
    buttons: tuple[Button, ...] = ()
