"""The commands: what is registered with Discord, and how a use of one reads."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from bot.model import Action

JSON = Mapping[str, Any]

SLASH, ON_MESSAGE = 1, 3
SUB_COMMAND, STRING, INTEGER = 1, 3, 4
IN_SERVERS, IN_DIRECT_MESSAGES = 0, 1
FOR_SERVERS = 0
MANAGE_GUILD = 1 << 5

ASK_ABOUT = "Ask about this"
ABOUT_MESSAGES = {ASK_ABOUT: Action.ASK, "Propose for documents": Action.LEARN}
"""What the menu of a message offers."""

HERE = "channel"
WIDTHS = {
    HERE: "This channel",
    "thread": "This conversation",
    "server": "The whole server",
    "default": "Everywhere (operators)",
}
CHOICES = 25
"""Suggestions that Discord shows at most."""

CHOICE_LENGTH = 100

EVERYWHERE: JSON = {
    "contexts": [IN_SERVERS, IN_DIRECT_MESSAGES],
    "integration_types": [FOR_SERVERS],
}

# Discord allows no spaces in names, so "forget me" gets a dash.
FOR_ALL = {
    "stop": "End the answer under way in this conversation.",
    "sources": "The sources of the last answer here, with what they say.",
    "reset": "Forget this conversation.",
    "forget-me": "Erase what I keep of you, everywhere.",
    "help": "What I know and what I can do.",
}

FOR_MANAGERS = {
    "undo": "Take the last switch back.",
    "backends": "What can answer, how it is, and where it is in use.",
    "status": "What answers here, and how things are.",
    "whoami": "How I see you.",
    "review": "Decide on what waits for a decision (reviewers).",
}

BACKEND: JSON = {
    "type": STRING,
    "name": "backend",
    "description": "Its name.",
    "required": True,
    "autocomplete": True,
}

PLACE: JSON = {
    "type": STRING,
    "name": "where",
    "description": "How far it goes, or another channel; this channel, if left out.",
    "autocomplete": True,
}

PERCENT: JSON = {
    "type": INTEGER,
    "name": "percent",
    "description": "Of the conversations there.",
    "required": True,
    "min_value": 1,
    "max_value": 100,
}

USE: JSON = {
    "type": SUB_COMMAND,
    "name": "use",
    "description": "Choose what answers here.",
    "options": [BACKEND, PLACE],
}

SHARE: JSON = {
    "type": SUB_COMMAND,
    "name": "share",
    "description": "Let something answer a part of the conversations, to try it.",
    "options": [BACKEND, PERCENT, PLACE],
}

ASK: JSON = {
    "type": SLASH,
    "name": "ask",
    "description": "Ask a question; the answer comes with its sources.",
    "options": [
        {
            "type": STRING,
            "name": "question",
            "description": "What you would like to know.",
            "required": True,
        }
    ],
}

MANAGE: JSON = {
    "type": SLASH,
    "name": "curbside",
    "description": "Choose what answers, and see how things are.",
    "default_member_permissions": str(MANAGE_GUILD),
    "options": [
        USE,
        SHARE,
        *(
            {"type": SUB_COMMAND, "name": name, "description": description}
            for name, description in FOR_MANAGERS.items()
        ),
    ],
}

COMMANDS: tuple[JSON, ...] = tuple(
    {**command, **EVERYWHERE}
    for command in (
        ASK,
        MANAGE,
        *(
            {"type": SLASH, "name": name, "description": description}
            for name, description in FOR_ALL.items()
        ),
        *({"type": ON_MESSAGE, "name": name} for name in ABOUT_MESSAGES),
    )
)


class Use(NamedTuple):
    """A command in the words of the chat, and the channel that it is meant for."""

    words: str
    channel: str = ""


class Suggestion(NamedTuple):
    """A value that a person may choose while typing, and how it reads."""

    value: str
    name: str


def question(data: JSON) -> str | None:
    """What was asked by `/ask`; None when it is another command."""
    if data.get("name") != "ask":
        return None
    return str(_values(data.get("options", ())).get("question", ""))


def use_of(data: JSON) -> Use | None:
    """A command in words: "use handbook server"; None for what is no such command."""
    name = str(data.get("name"))
    if name != "curbside":
        return Use(name) if name in FOR_ALL else None
    (chosen,) = data["options"]
    given = _values(chosen.get("options", ()))
    verb, where = str(chosen["name"]), str(given.get("where", HERE))
    if verb not in ("use", "share"):
        return Use(verb)
    # What is no width is a channel, by its id.
    width, channel = (where, "") if where in WIDTHS else (HERE, where)
    words = ["use", str(given["backend"]), *([width] if width != HERE else [])]
    if "percent" in given:
        words.append(f"--share {given['percent']}")
    return Use(" ".join(words), channel)


def suggestions(
    data: JSON, profiles: Sequence[str], places: Iterable[Suggestion]
) -> list[Suggestion]:
    """What fits what has been typed so far: backends, or places."""
    name, typed = "", ""
    for chosen in data.get("options", ()):
        for option in chosen.get("options", ()):
            if option.get("focused"):
                name, typed = str(option["name"]), str(option.get("value", "")).lower()
    if name == "where":
        known = [*(Suggestion(*width) for width in WIDTHS.items()), *places]
    else:
        known = [Suggestion(profile, profile) for profile in profiles]
    fitting = [
        one
        for one in known
        if typed in one.name.lower() and len(one.value) <= CHOICE_LENGTH
    ]
    return fitting[:CHOICES]


def _values(options: Sequence[JSON]) -> dict[str, Any]:
    return {option["name"]: option.get("value") for option in options}
