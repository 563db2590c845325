"""The slash commands: what is registered with Discord, and how a use of one reads."""

from collections.abc import Mapping, Sequence
from typing import Any

JSON = Mapping[str, Any]

SUB_COMMAND, STRING, INTEGER = 1, 3, 4
IN_SERVERS, IN_DIRECT_MESSAGES = 0, 1
FOR_SERVERS = 0

WHERE = ("channel", "thread", "server", "default")
CHOICES = 25
"""Suggestions that Discord shows at most."""

# These have no options; Discord allows no spaces in names, so "forget me" gets a dash.
PLAIN = {
    "undo": "Take the last switch back (admins).",
    "backends": "What can answer, how it is, and where it is in use.",
    "status": "What answers here, and how things are.",
    "stop": "End the answer under way in this conversation.",
    "reset": "Forget this conversation.",
    "forget-me": "Erase what I keep of you, everywhere.",
    "whoami": "How I see you.",
    "help": "What I can do.",
}

USE: JSON = {
    "type": SUB_COMMAND,
    "name": "use",
    "description": "Choose what answers here (admins).",
    "options": [
        {
            "type": STRING,
            "name": "backend",
            "description": "Its name.",
            "required": True,
            "autocomplete": True,
        },
        {
            "type": STRING,
            "name": "where",
            "description": "How far it goes; this channel, if left out.",
            "choices": [{"name": where, "value": where} for where in WHERE],
        },
        {
            "type": INTEGER,
            "name": "share",
            "description": "Percent of the conversations that it gets.",
            "min_value": 1,
            "max_value": 100,
        },
    ],
}

COMMANDS: tuple[JSON, ...] = (
    {
        "type": 1,
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
        "contexts": [IN_SERVERS, IN_DIRECT_MESSAGES],
        "integration_types": [FOR_SERVERS],
    },
    {
        "type": 1,
        "name": "curbside",
        "description": "Choose what answers, and see how things are.",
        "options": [
            USE,
            *(
                {"type": SUB_COMMAND, "name": name, "description": description}
                for name, description in PLAIN.items()
            ),
        ],
        "contexts": [IN_SERVERS, IN_DIRECT_MESSAGES],
        "integration_types": [FOR_SERVERS],
    },
)


def question(data: JSON) -> str | None:
    """What was asked by `/ask`; None when it is another command."""
    if data.get("name") != "ask":
        return None
    return str(_values(data.get("options", ())).get("question", ""))


def line(data: JSON) -> str | None:
    """A use of `/curbside` in the words of the chat: "use handbook server"."""
    if data.get("name") != "curbside":
        return None
    (chosen,) = data["options"]
    given = _values(chosen.get("options", ()))
    words = [str(chosen["name"])]
    words += [str(given[name]) for name in ("backend", "where") if name in given]
    if "share" in given:
        words.append(f"--share {given['share']}")
    return " ".join(words)


def suggestions(data: JSON, profiles: Sequence[str]) -> list[str]:
    """The backends that fit what has been typed so far."""
    typed = ""
    for chosen in data.get("options", ()):
        for option in chosen.get("options", ()):
            if option.get("focused"):
                typed = str(option.get("value", "")).lower()
    return [name for name in profiles if typed in name.lower()][:CHOICES]


def same(registered: Sequence[JSON]) -> bool:
    """Whether Discord has our commands as they are now."""
    return _essence(registered) == _essence(COMMANDS)


def _values(options: Sequence[JSON]) -> dict[str, Any]:
    return {option["name"]: option.get("value") for option in options}


def _essence(commands: Sequence[JSON]) -> dict[str, Any]:
    """What counts in commands: Discord adds ids and leaves out what is the default."""
    return {command["name"]: _bare(command) for command in commands}


def _bare(part: JSON) -> dict[str, Any]:
    kept = ("type", "name", "description", "min_value", "max_value")
    bare = {key: part.get(key) for key in kept}
    bare["required"] = bool(part.get("required"))
    bare["autocomplete"] = bool(part.get("autocomplete"))
    bare["choices"] = [choice["value"] for choice in part.get("choices") or ()]
    bare["options"] = [_bare(option) for option in part.get("options") or ()]
    for key in ("contexts", "integration_types"):
        bare[key] = sorted(part.get(key) or ())
    return bare
